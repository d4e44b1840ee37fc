"""How the device's readings ran since the dashboard was opened, in memory that does not grow. Standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.model import Reading

_MOST_VALUES = 120
_MOST_TRENDS = 200

Key = tuple[str, tuple[tuple[str, str], ...]]


class Trend:
    """One reading over the whole time: when it is full, each two neighbours become one, the larger of them.

    >>> trend = Trend()
    >>> for value in range(1, 301): trend.add(value)
    >>> len(trend.values), trend.values[-1]
    (75, 300.0)
    """

    def __init__(self) -> None:
        self.values: list[float] = []
        self._each = 1  # how many readings a value stands for
        self._open: list[float] = []

    def add(self, value: float) -> None:
        """Take a reading in."""
        self._open.append(float(value))
        if len(self._open) < self._each:
            return
        self.values.append(max(self._open))
        self._open.clear()
        if len(self.values) >= _MOST_VALUES:
            self.values = [max(pair) for pair in zip(self.values[::2], self.values[1::2], strict=True)]
            self._each *= 2


class Trends:
    """The trends of all readings that are there; those that vanish are forgotten."""

    def __init__(self) -> None:
        self._trends: dict[Key, Trend] = {}

    def add(self, readings: Iterable[Reading]) -> None:
        """Take the newest readings in."""
        now: dict[Key, Trend] = {}
        for reading in readings:
            key = (reading.name, reading.labels)
            if len(now) < _MOST_TRENDS:
                now[key] = self._trends.get(key) or Trend()
                now[key].add(reading.value)
        self._trends = now

    def of(self, reading: Reading) -> list[float]:
        """Return the values of a reading, oldest first."""
        trend = self._trends.get((reading.name, reading.labels))
        return trend.values if trend else []
