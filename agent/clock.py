"""The one place that reads a clock or sleeps; everything else is handed a Clock, so that tests can pin time.

Durations come from the monotonic clock, which no one can set. Wall time is for people and for storage; it is
derived from the monotonic clock at the moment of use, so that it follows when the wall clock is set right.
"""

from __future__ import annotations

import functools
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """Time as the agent sees it."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since boot (CLOCK_MONOTONIC, the clock the probe stamps records with)."""
        ...

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC."""
        ...

    def walls_ns(self, monotonic_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Wall times of moments of the monotonic clock of this boot; of two, the later never has the earlier one."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for that long; for commands, never in the agent's threads."""
        ...


class Stamp(NamedTuple):
    """A moment as nobody can set it back: which boot, how long after its start, and by which wall clock.

    wall_ns: what that wall clock showed. steps_ns: how far it had been set in this boot until then, in all. began_ns:
    what it says that the time was at the start of the boot.
    """

    boot: str
    since_boot_ns: int
    wall_ns: int
    steps_ns: int
    began_ns: int


class DeviceClock(Clock, Protocol):
    """A clock that also knows what its wall time is worth."""

    @property
    def boot(self) -> str:
        """Which boot of the machine this is."""
        ...

    def since_boot_ns(self) -> int:
        """Nanoseconds since boot, sleep included: unlike `monotonic_ns` it tells a sleep from a clock that was set."""
        ...

    def disciplined(self) -> bool:
        """Whether the kernel says that something (NTP, PTP, GPS) keeps the wall clock right; False: not known."""
        ...


class SystemClock:
    """The machine's own clocks."""

    @functools.cached_property
    def boot(self) -> str:
        """Which boot this is; where the machine does not say, each start of the process counts as one."""
        try:
            return BOOT_ID.read_text().strip()
        except OSError:
            return str(uuid.uuid4())

    def since_boot_ns(self) -> int:
        """Nanoseconds since boot, sleep included."""
        return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    def disciplined(self) -> bool:
        """Whether the kernel says that something keeps the wall clock right."""
        from agent.kernel_clock import kept_right  # noqa: PLC0415  # loads ctypes, which no command needs

        return kept_right(time.time_ns())

    def monotonic_ns(self) -> int:
        """Nanoseconds since boot."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC."""
        return time.time_ns()

    def walls_ns(self, monotonic_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Wall times by what both clocks show now."""
        return monotonic_ns + (self.wall_ns() - self.monotonic_ns())

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

    def __init__(self, wall_ns: int = 0, boot: str = "boot 1") -> None:
        self._elapsed_ns = self._asleep_ns = 0
        self._wall_start_ns = wall_ns
        self.boot = boot
        self.kept_right = False

    def monotonic_ns(self) -> int:
        """Nanoseconds since this clock was made."""
        return self._elapsed_ns

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC."""
        return self._wall_start_ns + self._elapsed_ns + self._asleep_ns

    def walls_ns(self, monotonic_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Wall times by what both clocks show now."""
        return monotonic_ns + (self._wall_start_ns + self._asleep_ns)

    def since_boot_ns(self) -> int:
        """Nanoseconds since this clock was made, or since `reboot`."""
        return self._elapsed_ns + self._asleep_ns

    def disciplined(self) -> bool:
        """Whether `kept_right` was set."""
        return self.kept_right

    def set_wall(self, wall_ns: int) -> None:
        """Set the wall clock, as a person or NTP does."""
        self._wall_start_ns += wall_ns - self.wall_ns()

    def suspend(self, seconds: float) -> None:
        """Sleep as a laptop does: the monotonic clock stands still."""
        self._asleep_ns += round(seconds * 1e9)

    def reboot(self, boot: str, wall_ns: int) -> None:
        """Begin another boot at `wall_ns`."""
        self._elapsed_ns = self._asleep_ns = 0
        self._wall_start_ns, self.boot, self.kept_right = wall_ns, boot, False

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
