"""What full rows around findings may still write: a day's allowance, within what the write budget leaves.

What they cost is known before they are written: a row's bytes in the log, and what folding the log in writes again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.spending import Meter

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffer.spending import Saved
    from agent.clock import Clock

FOLDED = 0.9  # of what is in a log is written again when it is folded in: .6 of camera-like rows, 1 of noise


class Allowance:
    """Spends `day_bytes` in 24 hours of running at most, and never more than `left` says that the budget leaves.

    most_bytes: of what is spent at once; rows that go beyond the size limit would be of no use. held_bytes: what should
    be left of the budget each day.
    """

    def __init__(
        self, day_bytes: float, most_bytes: float, held_bytes: float, left: Callable[[], float], clock: Clock
    ) -> None:
        self._meter = Meter(day_bytes, clock.monotonic_ns())
        self._most_bytes = most_bytes
        self._held_bytes = min(held_bytes, day_bytes)
        self._left = left
        self._clock = clock
        self._waiting = 0.0  # spent, and not among what is known to be written

    @property
    def held(self) -> float:
        """Bytes to keep free for what is to come, since everything else is thinned first."""
        return max(0.0, self._held_bytes - self._meter.total)

    @property
    def room(self) -> float:
        """Bytes that may be spent now."""
        self._meter.add(0.0, self._clock.monotonic_ns())
        room = min(self._meter.budget - self._meter.total, self._left() - self._waiting, self._most_bytes)
        return max(0.0, room)

    def spend(self, count: float) -> None:
        """Spend so many bytes of the room."""
        self._meter.add(count, self._clock.monotonic_ns())
        self._waiting += count

    def settle(self) -> float:
        """Return what was spent since the last call; it is among what is written from now on."""
        waiting, self._waiting = self._waiting, 0.0
        return waiting

    def save(self) -> Saved:
        """Give what is kept over a restart."""
        return self._meter.save(self._clock.monotonic_ns())

    def restore(self, saved: Saved) -> None:
        """Go on from what was kept."""
        self._meter.restore(saved, self._clock.monotonic_ns())


def cost_of(row_bytes: float) -> float:
    """Return what rows that take so much in memory write in all."""
    return row_bytes * (1 + FOLDED)
