"""What a series was like lately and over the last day: what "usual" means, and what it has changed to. Bounded.

Minutes are kept for two hours; of every quarter of an hour of a day its median, and the lowest and highest level in it;
of every hour of eight days the lowest and highest level.
Times are seconds of wall time; a clock that is set back makes points of its future, which are dropped.
"""

from __future__ import annotations

import statistics
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PERIOD_S = 60.0
FINE, COARSE, HOURS = 120, 112, 192  # two hours of minutes, 28 hours of quarters (a night's job is in it), eight days
QUARTER = 15
DAY = 96  # quarters
HOUR_S = 3_600.0
SETTLED_S = 1_800.0  # what is younger may already belong to the change
LEVEL = 5  # points whose median is what the series is now: three of them must have changed,
LEVEL_S = 7.5 * PERIOD_S  # none of them older
FEWEST = 10

Point = tuple[float, float]  # seconds, value
Quarter = tuple[float, float, float, float, bool]  # seconds, median, lowest and highest level, whether it was healthy
Hour = tuple[float, float, float]  # seconds of its end, lowest and highest level


class History:
    """The points of one series.

    Parameters
    ----------
    fine, coarse, hours, quarter
        What `state` returned; nothing for a new series.

    """

    def __init__(
        self,
        fine: Iterable[Point] = (),
        coarse: Iterable[Quarter] = (),
        hours: Iterable[Hour] = (),
        quarter: Iterable[Point] = (),
    ) -> None:
        self._fine: deque[Point] = deque(fine, FINE)
        self._coarse: deque[Quarter] = deque(coarse, COARSE)
        self._hours: deque[Hour] = deque(hours, HOURS)
        self._quarter = list(quarter)  # value and level of its points so far

    def add(self, seconds: float, value: float, *, healthy: bool = True) -> None:
        """Take a point in; what an episode did is no part of what the series does by itself."""
        while self._fine and self._fine[-1][0] > seconds:
            self._fine.pop()
        while self._coarse and self._coarse[-1][0] > seconds:
            self._coarse.pop()
        self._fine.append((seconds, value))
        now = self.now()
        self._quarter.append((value, value if now is None else now))
        if len(self._quarter) == QUARTER:
            levels = [level for _, level in self._quarter]
            middle = statistics.median(value for value, _ in self._quarter)
            self._coarse.append((seconds, middle, min(levels), max(levels), healthy))
            self._quarter.clear()
            self._add_hour(seconds, min(levels), max(levels))

    def usual(self) -> float | None:
        """Return the median of the last day without the last half hour; None while too little was seen."""
        before = self.before()
        return statistics.median(before) if before else None

    def before(self) -> list[float]:
        """Return what the usual value is the median of: quarters of hours, or minutes while there are too few."""
        if not self._fine:
            return []
        until = self._fine[-1][0] - SETTLED_S
        old = [value for seconds, value, *_ in self._coarse if seconds <= until]
        if len(old) * QUARTER >= 4 * QUARTER:
            return old
        young = [value for _, value in list(self._fine)[:-5]]
        return young if len(young) >= FEWEST else []

    def range(self) -> tuple[float, float]:
        """Return the lowest and the highest level that the last day showed in health, without the last half hour."""
        until = self._fine[-1][0] - SETTLED_S
        quarters = [(low, high) for seconds, _, low, high, healthy in self._coarse if healthy and seconds <= until]
        if not quarters:
            before = self.before()
            return min(before), max(before)
        return min(low for low, _ in quarters), max(high for _, high in quarters)

    def week(self) -> tuple[float, float] | None:
        """Return the lowest and the highest level of eight days, whatever they were; None before so many were seen."""
        if len(self._hours) < HOURS:
            return None
        old = list(self._hours)[:-3]  # the newest may belong to the change
        return min(low for _, low, _ in old), max(high for _, _, high in old)

    def _add_hour(self, seconds: float, low: float, high: float) -> None:
        while self._hours and self._hours[-1][0] - HOUR_S > seconds:
            self._hours.pop()
        if self._hours and seconds < self._hours[-1][0]:
            end, least, most = self._hours.pop()
            low, high = min(low, least), max(high, most)
        else:
            end = (seconds // HOUR_S + 1) * HOUR_S
        self._hours.append((end, low, high))

    @property
    def young(self) -> bool:
        """Whether less than a day was seen: not every hour of it is known."""
        return len(self._coarse) < DAY

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

    def state(self) -> tuple[list[Point], list[Quarter], list[Hour], list[Point]]:
        """Return what another history goes on from."""
        return list(self._fine), list(self._coarse), list(self._hours), list(self._quarter)
