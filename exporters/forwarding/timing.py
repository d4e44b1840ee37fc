"""When a destination is sent to: at regular times, and after a failure once a pause is over. Nothing here waits."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from agent.clock import Clock

MARGIN_S = 1.0
SPREAD_S = 30.0  # over which the devices of a fleet spread their sending, at most
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 300.0  # after a failure; the fresh data of a link that came back is not late


class Rounds:
    """When windows are sent: at the multiples of the interval, once the slots that ended there are complete.

    Parameters
    ----------
    interval_s
        How often.
    settling_s
        How long after its end a slot is complete.
    name
        Of device and destination: by it each has its own delay, the same for ever.

    """

    def __init__(self, interval_s: float, settling_s: float, name: str) -> None:
        self._interval_s = interval_s
        share = zlib.crc32(name.encode()) / 2**32
        self._delay_s = settling_s + MARGIN_S + share * min(SPREAD_S, interval_s / 10)
        self._last: int | None = None

    def is_due(self, wall_ns: int) -> bool:
        """Whether a round begins now; once for each. The first is at once: what waited for a start waits no longer."""
        now = self._number(wall_ns)
        begins = now != self._last
        self._last = now
        return begins

    def left_s(self, wall_ns: int) -> float:
        """Return the seconds until the next; never more than the interval, wherever a clock is set to."""
        return self._interval_s * (self._number(wall_ns) + 1) + self._delay_s - wall_ns / 1e9

    def _number(self, wall_ns: int) -> int:
        return int((wall_ns / 1e9 - self._delay_s) // self._interval_s)


class Pause:
    """How long to leave a destination alone: longer after each failure, at random, and as long as it asks for.

    Parameters
    ----------
    most_s
        The longest, but for a wish of the destination.
    clock
        Time.
    random
        Spreads the devices of a fleet, of which all fail at once.

    """

    def __init__(self, most_s: float, clock: Clock, random: Random) -> None:
        self._most_s, self._clock, self._random = min(most_s, LONGEST_PAUSE_S), clock, random
        self._until_ns = 0
        self.failures = 0

    def failed(self, wish_s: float) -> None:
        """Take a failure in; the destination asked to be left alone for so long."""
        longest_s = min(self._most_s, FIRST_PAUSE_S * 2.0 ** min(self.failures, 20))
        self.failures += 1
        pause_s = max(longest_s * self._random.uniform(0.5, 1.0), wish_s * self._random.uniform(1.0, 1.1))
        self._until_ns = self._clock.monotonic_ns() + round(pause_s * 1e9)

    def worked(self) -> None:
        """Forget the failures."""
        self.failures = self._until_ns = 0

    def left_s(self) -> float:
        """Return how many seconds of it are left."""
        return max(0.0, (self._until_ns - self._clock.monotonic_ns()) / 1e9)
