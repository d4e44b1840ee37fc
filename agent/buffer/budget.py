"""What may be written in a day beyond what always is: an allowance that fills up evenly and is spent at need."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.clock import Clock

DAY_NS = 86_400 * 10**9


class DailyBudget:
    """`day_bytes` at once, and as much again in the course of each day."""

    def __init__(self, day_bytes: float, clock: Clock) -> None:
        self._day_bytes = self._left = day_bytes
        self._clock = clock
        self._filled_ns = clock.monotonic_ns()

    def spend(self, count: int) -> bool:
        """Take so many bytes; False where there are not so many left."""
        now = self._clock.monotonic_ns()
        self._left = min(self._day_bytes, self._left + self._day_bytes * (now - self._filled_ns) / DAY_NS)
        self._filled_ns = now
        if count > self._left:
            return False
        self._left -= count
        return True
