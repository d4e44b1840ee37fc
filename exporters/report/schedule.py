"""When it is time for what happens once a day, on a device whose clock may be set at any moment."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from agent.clock import utc

if TYPE_CHECKING:
    from agent.clock import Clock

SET_NS = 60_000_000_000  # wall time that runs so far from the monotonic clock between two looks was set by somebody
APART_NS = 7_200_000_000_000  # two runs are never closer: not when the clock is set back, nor when summer time ends


class Daily:
    """A time of day, by the device's own time zone.

    A time that the clock jumps over (it was set, the device was off or asleep) is missed, and not made up for: what is
    meant for the quiet of the night should not start at seven in the morning.

    Parameters
    ----------
    time
        "HH:MM".
    clock
        Time.

    """

    def __init__(self, time: str, clock: Clock) -> None:
        self._hour, self._minute = (int(part) for part in time.split(":"))
        self._clock = clock
        self._wall_ns, self._monotonic_ns = clock.wall_ns(), clock.monotonic_ns()
        self._last_ns: int | None = None

    def due(self) -> bool:
        """Whether the time has come since the last call. Call it often."""
        before, before_monotonic = self._wall_ns, self._monotonic_ns
        self._wall_ns, self._monotonic_ns = now, monotonic = self._clock.wall_ns(), self._clock.monotonic_ns()
        if abs((now - before) - (monotonic - before_monotonic)) > SET_NS:
            return False
        if self._last_ns is not None and monotonic - self._last_ns < APART_NS:
            return False
        local = utc(now).astimezone()
        today = local.replace(hour=self._hour, minute=self._minute, second=0, microsecond=0)
        if not any(utc(before) < moment <= utc(now) for moment in (today, today - timedelta(days=1))):
            return False
        self._last_ns = monotonic
        return True
