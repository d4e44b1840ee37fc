"""The mean of the last few points, in constant time a point."""

from __future__ import annotations

import math


class MovingMean:
    """Mean of the last `width` values; NaN until so many were given."""

    __slots__ = ("_at", "_ring", "_seen", "_sum", "_width")

    def __init__(self, width: int) -> None:
        self._width = width
        self._ring = [0.0] * width
        self._at = self._seen = 0
        self._sum = 0.0

    def take(self, value: float) -> float:
        """Add a value and return the mean."""
        ring, at = self._ring, self._at
        self._sum += value - ring[at]
        ring[at] = value
        at += 1
        if at == self._width:
            at = 0
            self._sum = math.fsum(ring)  # or the rounding errors of a large value would stay for ever
        self._at = at
        self._seen += 1
        return self._sum / self._width if self._seen >= self._width else math.nan

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        return {"ring": list(self._ring), "at": self._at, "seen": self._seen, "sum": self._sum}

    def load(self, items: dict[str, object]) -> None:
        """Become what another was."""
        for name, item in items.items():
            setattr(self, f"_{name}", item)
