"""What a value usually is at this time of day, learned from earlier days.

Bins of half an hour; a day's mean in a bin joins the bin's forecast when the bin is next met on another day, so the
forecast is made of earlier days only, whatever the clock does. Before a bin was met on an earlier day there is none.
"""

from __future__ import annotations

import math

DAY_SECONDS = 86_400.0
BINS = 48
RATE = 0.2  # weight of the newest day, once five were seen


class DailyForecast:
    """One forecast per half hour of the day."""

    __slots__ = ("_count", "_day", "_days", "_mean", "_sum")

    def __init__(self) -> None:
        self._mean = [math.nan] * BINS
        self._days = [0] * BINS  # how many have joined the mean
        self._day = [0] * BINS  # the day that is being summed up
        self._sum = [0.0] * BINS
        self._count = [0] * BINS

    def take(self, value: float, seconds: float) -> float:
        """Return the forecast for `seconds` since the epoch, NaN where there is none yet; learn the value."""
        day, rest = divmod(seconds, DAY_SECONDS)
        at = min(int(rest * (BINS / DAY_SECONDS)), BINS - 1)
        if self._count[at] and day != self._day[at]:
            mean = self._sum[at] / self._count[at]
            self._days[at] += 1
            if self._days[at] == 1:
                self._mean[at] = mean
            else:
                self._mean[at] += max(RATE, 1.0 / self._days[at]) * (mean - self._mean[at])
            self._sum[at] = 0.0
            self._count[at] = 0
        self._day[at] = int(day)
        self._sum[at] += value
        self._count[at] += 1
        return self._mean[at]

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        return {name: list(getattr(self, f"_{name}")) for name in ("mean", "days", "day", "sum", "count")}

    def load(self, items: dict[str, object]) -> None:
        """Become what another was."""
        for name, item in items.items():
            setattr(self, f"_{name}", item)
