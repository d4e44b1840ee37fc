"""How far the last points lie from those just before, for the p-value alone.

The score asks whether several views agree, and forgets on the way how large a jump is. An alarm budget needs it: a jump
of twenty times what was ever seen is beyond doubt at its first points, on the first day too, without a rhythm.
"""

from __future__ import annotations

import math

from detectors.series.promise import Promise

NEAR, WIDE = 4, 64  # points: the last ones, and all that are looked at
FIRST_PLACE = 8.0  # of the logarithm of the first size that is not 0: half of what the promise's bins hold
FLOAT_NOISE = 1e-9  # of the value: a smaller jump is rounding


class Jump:
    """Turns values into -log10 p of the jump. Its tail is taken for a Pareto tail of unknown index."""

    __slots__ = ("_at", "_near", "_offset", "_promise", "_ring", "_seen", "_wide")

    def __init__(self) -> None:
        self._ring = [0.0] * WIDE
        self._near = self._wide = 0.0  # sums
        self._at = self._seen = 0
        self._promise = Promise(excess=0.25, heavier=0.05, origin=False)
        self._offset = math.nan

    def take(self, value: float) -> float:
        """Return -log10 p of the jump that ends with `value`, and learn it."""
        ring, at = self._ring, self._at
        self._near += value - ring[at - NEAR]
        self._wide += value - ring[at]
        ring[at] = value
        self._at = at = at + 1
        if at == WIDE:  # or the rounding errors of a large value would stay for ever
            self._at = 0
            self._near, self._wide = math.fsum(ring[-NEAR:]), math.fsum(ring)
        self._seen += 1
        if self._seen < WIDE:
            return 0.0
        near, wide = self._near / NEAR, self._wide / WIDE
        size = abs(near - wide) * WIDE / (WIDE - NEAR)
        if size <= FLOAT_NOISE * abs(wide):
            return self._promise.take(0.0)
        place = math.log(size)
        if self._offset != self._offset:  # NaN: the first
            self._offset = FIRST_PLACE - place
        return self._promise.take(max(place + self._offset, 1e-3))

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        numbers = {name: getattr(self, f"_{name}") for name in ("at", "near", "offset", "seen", "wide")}
        return numbers | {"ring": list(self._ring), "promise": self._promise.items()}

    def load(self, items: dict[str, object]) -> None:
        """Become what another was."""
        for name, item in items.items():
            if isinstance(item, dict):
                self._promise.load(item)
            else:
                setattr(self, f"_{name}", item)
