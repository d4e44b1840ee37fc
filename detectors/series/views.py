"""The views of a point: six sizes, each of which is large when one kind of thing is unusual.

Two compare with what is usual at this time of day and week: the last points, whatever their side (a spike), and the
last three dozen together (a level). Four look at how much the series moves: much, little, and other than before over
two stretches. None needs a unit: each size is judged by its rank among its own past.
"""

from __future__ import annotations

import math

from detectors.series.moving import MovingMean
from detectors.series.rhythm import Usual
from detectors.series.steps import HALF, Steps

VIEWS = ("off", "level", "movement", "stillness", "change", "long change")
SPIKE_POINTS = 4
GAP = 8.0  # usual intervals without a point: the next one is no step
INTERVAL_RATE = 0.02
FLOAT_NOISE = 1e-9


class Views:
    """Computes the sizes in constant time a point; NaN where a view cannot say anything yet."""

    __slots__ = ("_interval", "_last", "_moves", "_near", "_seconds", "_seen", "_side", "_usual", "off", "still")

    def __init__(self) -> None:
        self._usual = Usual()
        self._near = MovingMean(SPIKE_POINTS)
        self._side = MovingMean(HALF)
        self._moves = Steps()
        self._seen = 0
        self._last = self._seconds = self._interval = 0.0
        self.off = math.nan  # how far the last point was from what is usual
        self.still = 0  # steps of nothing up to the last point

    def take(self, value: float, seconds: float) -> tuple[float, ...]:
        """Return the sizes in the order of `VIEWS`, and learn the point."""
        noise = FLOAT_NOISE * abs(value)
        off = self.off = _quiet(self._usual.take(value, seconds), noise)
        near = side = math.nan
        if off == off:  # noqa: PLR0124  # not NaN
            near, side = self._near.take(abs(off)), abs(self._side.take(off))
        self._seen += 1
        gap = self._is_gap(seconds)
        if self._seen == 1:
            self._last = value
            return near, side, math.nan, math.nan, math.nan, math.nan
        step = 0.0 if gap else _quiet(value - self._last, noise)
        self._last = value
        self.still = 0 if step or gap else self.still + 1
        return (near, side, *self._moves.take(abs(step)))

    def _is_gap(self, seconds: float) -> bool:
        """Tell whether points are missing before this one; a clock that stands or goes back is no gap."""
        interval, self._seconds = seconds - self._seconds, seconds
        if interval <= 0.0 or self._seen == 1:
            return False
        usual = self._interval or interval
        self._interval = usual + INTERVAL_RATE * (min(interval, 2.0 * usual) - usual)
        return interval > GAP * usual

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        numbers = {name: getattr(self, f"_{name}") for name in ("seen", "last", "seconds", "interval")}
        parts = {name: getattr(self, f"_{name}").items() for name in ("usual", "near", "side", "moves")}
        return numbers | parts | {"off": self.off, "still": self.still}

    def load(self, items: dict[str, object]) -> None:
        """Become what another was."""
        for name, item in items.items():
            if isinstance(item, dict):
                getattr(self, f"_{name}").load(item)
            else:
                setattr(self, name if name in {"off", "still"} else f"_{name}", item)


def _quiet(size: float, noise: float) -> float:
    """Take a difference that only rounding makes for none."""
    return 0.0 if -noise <= size <= noise else size
