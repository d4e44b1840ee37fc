"""How much the series moves from point to point: now, and against the stretch before."""

from __future__ import annotations

import math

SHORT, HALF, LONG = 12, 36, 144
FLOOR = 0.02  # of the mean step ever since: below it, all stillness is alike


class Steps:
    """Means of the absolute step over several stretches, from one ring."""

    __slots__ = ("_at", "_ring", "_seen", "_sums", "_total")

    WIDTHS = (SHORT, HALF, 2 * HALF, LONG, 2 * LONG)

    def __init__(self) -> None:
        self._ring = [0.0] * (2 * LONG)
        self._at = self._seen = 0
        self._sums = [0.0] * len(self.WIDTHS)
        self._total = 0.0

    def take(self, step: float) -> tuple[float, float, float, float]:
        """Add an absolute step; return short mean, stillness, and how far mean steps changed at HALF and LONG points.

        Stillness is one over the short mean, a change the absolute logarithm of the ratio of two adjoining stretches.
        NaN where the stretch is not full yet.
        """
        ring, at, sums = self._ring, self._at, self._sums
        sums[0] += step - ring[at - SHORT]
        sums[1] += step - ring[at - HALF]
        sums[2] += step - ring[at - 2 * HALF]
        sums[3] += step - ring[at - LONG]
        sums[4] += step - ring[at]
        ring[at] = step
        self._total += step
        seen = self._seen = self._seen + 1
        at += 1
        if at == 2 * LONG:
            at = 0
            self._sums = sums = [math.fsum(ring[-width:]) for width in self.WIDTHS]
        self._at = at
        floor = FLOOR * self._total / seen
        if seen < SHORT or floor <= 0.0:
            return math.nan, math.nan, math.nan, math.nan
        short, half, two_half, long, two_long = sums
        near = math.nan if seen < 2 * HALF else _change(half, two_half - half, HALF * floor)
        far = math.nan if seen < 2 * LONG else _change(long, two_long - long, LONG * floor)
        short = short / SHORT if short > 0.0 else 0.0  # a rounding error may be below
        return short, 1.0 / (short + floor), near, far

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        return {name: getattr(self, f"_{name}") for name in ("at", "seen", "total")} | {
            "ring": list(self._ring),
            "sums": list(self._sums),
        }

    def load(self, items: dict[str, object]) -> None:
        """Become what another was."""
        for name, item in items.items():
            setattr(self, f"_{name}", item)


def _change(now: float, before: float, floor: float) -> float:
    ratio = (now + floor) / (before + floor)
    return abs(math.log(ratio)) if ratio > 0.0 else 0.0  # differences of sums may be a rounding error below 0
