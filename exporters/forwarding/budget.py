"""How much may be sent to a destination: in an hour, and at once. Nothing here sends or waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.clock import Clock

HOUR_S, DAY_S = 3_600.0, 86_400.0
LEAST_COST = 0.1
LEAST_BYTES, FIRST_BYTES, MOST_BYTES = 4_000, 64_000, 256_000  # of a batch on the wire, many times that in memory


class Budget:
    """A token bucket: bytes an hour, of which those of the last day that were not used may be used at once.

    So a backlog of a month, in which nothing could be sent, goes as fast as the link allows, and no day costs more than
    24 hours' worth and what had been saved up.

    Parameters
    ----------
    bytes_per_hour
        What may be sent in an hour; 0 is without limit.
    clock
        Time.
    spent
        Bytes that were sent in the last day, by an agent of before.

    """

    def __init__(self, bytes_per_hour: int, clock: Clock, spent: int = 0) -> None:
        self._clock = clock
        self.bytes_per_hour = bytes_per_hour
        self._most = bytes_per_hour * DAY_S / HOUR_S
        self._level = self._most - spent
        self._at_ns = clock.monotonic_ns()

    @property
    def left(self) -> float:
        """Bytes that may be sent now; below 0 where what could not wait was sent on credit."""
        now = self._clock.monotonic_ns()
        self._level = min(self._most, self._level + (now - self._at_ns) / 1e9 * self.bytes_per_hour / HOUR_S)
        self._at_ns = now
        return self._level if self.bytes_per_hour else float("inf")

    def take(self, sent_bytes: int) -> None:
        """Count what was sent."""
        self._level = self.left - sent_bytes if self.bytes_per_hour else 0.0

    def wait_s(self, credit_hours: float = 0.0) -> float:
        """Return in how many seconds something may be sent, by whom may overdraw by so many hours' worth."""
        if not self.bytes_per_hour:
            return 0.0
        return max(0.0, -self.left / self.bytes_per_hour - credit_hours) * HOUR_S

    def for_backlog(self, fresh_bytes_per_hour: float) -> int:
        """Return what a backlog may take: a day's budget less what a day's fresh windows take; 0 is without limit.

        A tenth of it is a backlog's in any case.
        """
        return round(max(self._most - fresh_bytes_per_hour * DAY_S / HOUR_S, self._most / 10))


class Size:
    """How many bytes go at once: more where they go fast, fewer where they do not get through in time.

    Parameters
    ----------
    patience_s
        How long a request may take.

    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self.bytes = FIRST_BYTES
        self.cost = 1.0  # bytes on the wire for each that was estimated

    def cost_was(self, sent_bytes: int, estimated_bytes: int) -> None:
        """Hear what an estimate came to."""
        self.cost += (max(sent_bytes / estimated_bytes, LEAST_COST) - self.cost) / 2

    def took(self, seconds: float, *, whole: bool) -> None:
        """Hear how long the last batch took, and whether there was an answer for all of it."""
        if seconds > self._patience_s / 2:
            self.bytes = max(LEAST_BYTES, self.bytes // 2)
        elif whole and seconds < self._patience_s / 8:
            self.bytes = min(MOST_BYTES, self.bytes * 2)
