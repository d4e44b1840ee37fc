"""What a value usually is at this time, learned from earlier days and weeks.

Bins of half an hour hold the mean of earlier days (or weeks); what a bin gathers now joins its mean when the bin is
next met in another day, so a forecast is made of the past alone, whatever the clock does: a clock set back meets a bin
again and gathers on, a gap leaves bins as they are. The weekly forecast takes over while its error is clearly smaller.
"""

from __future__ import annotations

import math

BIN_SECONDS = 1_800
DAY_BINS, WEEK_BINS = 48, 336
RATE = 0.2  # weight of the newest day or week, once five were seen
ERROR_POINTS = 1_000.0  # memory of the errors that daily and weekly forecasts are compared by
CLEARLY = 0.9  # the weekly error is to be less than this share of the daily one


class Rhythm:
    """One forecast a bin of a period that is `bins` half hours long."""

    __slots__ = ("_bins", "_count", "_mean", "_round", "_rounds", "_sum")

    def __init__(self, bins: int) -> None:
        self._bins = bins
        self._mean = [math.nan] * bins
        self._rounds = [0] * bins  # days or weeks in the mean
        self._round = [0] * bins  # the one that is gathered now
        self._sum = [0.0] * bins
        self._count = [0] * bins

    def take(self, value: float, half_hour: int) -> float:
        """Return the forecast, NaN where there is none yet; then learn the value."""
        now, at = divmod(half_hour, self._bins)
        if now != self._round[at]:
            if self._count[at]:
                mean = self._sum[at] / self._count[at]
                rounds = self._rounds[at] = self._rounds[at] + 1
                if rounds == 1:
                    self._mean[at] = mean
                else:
                    self._mean[at] += max(RATE, 1.0 / rounds) * (mean - self._mean[at])
                self._sum[at] = 0.0
                self._count[at] = 0
            self._round[at] = now
        self._sum[at] += value
        self._count[at] += 1
        return self._mean[at]

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        return {name: list(getattr(self, f"_{name}")) for name in ("mean", "rounds", "round", "sum", "count")}

    def load(self, items: dict[str, object]) -> None:
        """Become what another was."""
        for name, item in items.items():
            setattr(self, f"_{name}", item)


class Usual:
    """The better one of the daily and the weekly forecast."""

    __slots__ = ("_compared", "_day", "_day_error", "_week", "_week_error")

    def __init__(self) -> None:
        self._day, self._week = Rhythm(DAY_BINS), Rhythm(WEEK_BINS)
        self._day_error = self._week_error = 0.0
        self._compared = 0

    def take(self, value: float, seconds: float) -> float:
        """Return how far `value` is from the forecast, NaN on the first day; then learn it."""
        half_hour = int(seconds // BIN_SECONDS)
        off_day = value - self._day.take(value, half_hour)
        off_week = value - self._week.take(value, half_hour)
        if off_week != off_week:  # noqa: PLR0124  # NaN: the first week
            return off_day
        weekly = self._compared > 0 and self._week_error < CLEARLY * self._day_error
        self._compared += 1
        rate = max(1.0 / self._compared, 1.0 / ERROR_POINTS)
        self._day_error += rate * (abs(off_day) - self._day_error)
        self._week_error += rate * (abs(off_week) - self._week_error)
        return off_week if weekly else off_day

    def items(self) -> dict[str, object]:
        """Return what `load` takes."""
        parts = {"day": self._day.items(), "week": self._week.items()}
        return parts | {"errors": [self._day_error, self._week_error], "compared": self._compared}

    def load(self, items: dict[str, object]) -> None:
        """Become what another was."""
        self._day.load(items["day"])  # type: ignore[arg-type]  # what `items` gave
        self._week.load(items["week"])  # type: ignore[arg-type]  # the same
        self._day_error, self._week_error = items["errors"]  # type: ignore[misc]  # the same
        self._compared = items["compared"]  # type: ignore[assignment]  # the same
