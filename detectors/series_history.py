"""What a series was like lately and over the last day: what "usual" means, and what it has changed to. Bounded.

Minutes are kept for two hours, medians of a quarter of an hour for a day. Times are seconds of wall time; a clock that
is set back makes points of its future, which are dropped.
"""

from __future__ import annotations

import statistics
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PERIOD_S = 60.0
FINE, COARSE = 120, 96
QUARTER = 15
SETTLED_S = 1_800.0  # what is younger may already belong to the change
LEVEL = 5  # points whose median is what the series is now: three of them must have changed,
LEVEL_S = 7.5 * PERIOD_S  # none of them older
FEWEST = 10

Point = tuple[float, float]  # seconds, value


class History:
    """The points of one series.

    Parameters
    ----------
    fine, coarse, quarter
        What `state` returned; nothing for a new series.

    """

    def __init__(self, fine: Iterable[Point] = (), coarse: Iterable[Point] = (), quarter: Iterable[float] = ()) -> None:
        self._fine: deque[Point] = deque(fine, FINE)
        self._coarse: deque[Point] = deque(coarse, COARSE)
        self._quarter = list(quarter)  # that is not over

    def add(self, seconds: float, value: float) -> None:
        """Take a point in."""
        for points in (self._fine, self._coarse):
            while points and points[-1][0] > seconds:
                points.pop()
        self._fine.append((seconds, value))
        self._quarter.append(value)
        if len(self._quarter) == QUARTER:
            self._coarse.append((seconds, statistics.median(self._quarter)))
            self._quarter.clear()

    def usual(self) -> float | None:
        """Return the median of the last day without the last half hour; None while too little was seen."""
        before = self.before()
        return statistics.median(before) if before else None

    def before(self) -> list[float]:
        """Return what the usual value is the median of: quarters of hours, or minutes while there are too few."""
        if not self._fine:
            return []
        until = self._fine[-1][0] - SETTLED_S
        old = [value for seconds, value in self._coarse if seconds <= until]
        if len(old) * QUARTER >= 4 * QUARTER:
            return old
        young = [value for _, value in list(self._fine)[:-5]]
        return young if len(young) >= FEWEST else []

    @property
    def young(self) -> bool:
        """Whether less than a day was seen: not every hour of it is known."""
        return len(self._coarse) < COARSE

    def now(self) -> float | None:
        """Return the median of the last points; None where they are too few, or one is too old."""
        if len(self._fine) < LEVEL:
            return None
        last = list(self._fine)[-LEVEL:]
        return statistics.median(value for _, value in last) if last[-1][0] - last[0][0] <= LEVEL_S else None

    def last(self) -> float | None:
        """Return the newest value."""
        return self._fine[-1][1] if self._fine else None

    def since(self, seconds: float) -> list[float]:
        """Return the values of that time and later."""
        return [value for at, value in self._fine if at >= seconds]

    def onset(self, limit: float, *, upwards: bool) -> float:
        """Return when the newest run of values beyond `limit` began; one value may be within it."""
        began = self._fine[-1][0]
        within = 0
        for seconds, value in reversed(self._fine):
            if (value > limit) == upwards and value != limit:
                began, within = seconds, 0
            else:
                within += 1
            if within > 1:
                break
        return began

    def state(self) -> tuple[list[Point], list[Point], list[float]]:
        """Return what another history goes on from."""
        return list(self._fine), list(self._coarse), list(self._quarter)
