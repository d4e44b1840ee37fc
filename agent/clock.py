"""The one place that reads a clock or sleeps; everything else is handed a Clock, so that tests can pin time.

Durations come from the monotonic clock, which no one can set. Wall time is for people and for storage; it is
derived from the monotonic clock at the moment of use, so that it follows when the wall clock is set right.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the agent sees it."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since boot (CLOCK_MONOTONIC, the clock the probe stamps records with)."""
        ...

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for that long; for commands, never in the agent's threads."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since boot."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC."""
        return time.time_ns()

    def sleep(self, seconds: float) -> None:
        """Wait for that long."""
        time.sleep(seconds)


class ManualClock:
    """A clock that moves only when told to, for tests and for replaying files.

    >>> clock = ManualClock(wall_ns=1_000)
    >>> clock.advance(2.5)
    >>> clock.monotonic_ns(), clock.wall_ns()
    (2500000000, 2500001000)
    """

    def __init__(self, wall_ns: int = 0) -> None:
        self._elapsed_ns = 0
        self._wall_start_ns = wall_ns

    def monotonic_ns(self) -> int:
        """Nanoseconds since this clock was made."""
        return self._elapsed_ns

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC."""
        return self._wall_start_ns + self._elapsed_ns

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._elapsed_ns += round(seconds * 1e9)

    def sleep(self, seconds: float) -> None:
        """Move forward at once."""
        self.advance(seconds)


def utc(wall_ns: int) -> datetime:
    """Give wall time in nanoseconds as a UTC datetime, the form every record for people has.

    >>> utc(1_700_000_000_500_000_000).isoformat()
    '2023-11-14T22:13:20.500000+00:00'
    """
    return datetime.fromtimestamp(wall_ns // 1_000 / 1e6, tz=UTC)
