"""A histogram that slowly forgets, and the place in it from which its largest points are its upper tail.

New points weigh more than old ones, in place of every old one being shrunk: `_gain` is what a new point weighs, and
divides every weight that is read.
"""

from __future__ import annotations

BINS = 256
TAIL_SHARE, TAIL_WEIGHT = 0.02, 10.0  # the tail: this share of the past, at least so many points
POINTS = 4_000.0  # in which a past point loses a factor e of its weight
GROWTH = 1.0 + 1.0 / POINTS
RENORMALISE = 1e9


class Memory:
    """Weights of BINS bins. The tail is the bins above `_end`, whose weight is `_over`."""

    __slots__ = ("_bins", "_end", "_gain", "_over", "_total", "seen")

    def __init__(self) -> None:
        self._bins = [0.0] * BINS
        self._total = 0.0
        self._gain = 1.0
        self._end = BINS - 1
        self._over = 0.0
        self.seen = 0

    def _move_end(self, need: float) -> None:
        bins = self._bins
        while self._over > need:
            self._end += 1
            self._over -= bins[self._end]
        while self._end > 0 and self._over + bins[self._end] <= need:
            self._over += bins[self._end]
            self._end -= 1

    def _renormalise(self) -> None:
        self._bins = [held / self._gain for held in self._bins]
        self._total /= self._gain
        self._over = sum(self._bins[self._end + 1 :])
        self._gain = 1.0

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        numbers = {name: getattr(self, f"_{name}") for name in ("total", "gain", "over", "end")}
        return numbers | {"bins": list(self._bins), "seen": self.seen}

    def load(self, items: dict[str, object]) -> None:
        """Become what another was."""
        for name, item in items.items():
            setattr(self, name if name == "seen" else f"_{name}", item)
