"""How old stored data is, counted so that no clock that is set can age it.

Observed time is a counter that every batch carries: it runs with the time since boot (sleep included) while the
machine is on, and goes on from the newest batch after a restart. What wall clocks say enters in one place only: the
time that the machine was off is added where the clocks of both boots were kept right by something (NTP, PTP, GPS), and
a day after the present one was. So the age of a batch, the counter now less the counter then, is

- never more than the time that has really passed, however the wall clock was set in this boot or another, as long as
  no time source that the kernel vouches for is itself wrong;
- less than it by the time that the machine was off between boots of which one had no such clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.buffer.engine import Engine
    from agent.buffer.segment import Segment
    from agent.steady import SteadyClock

KEPT_RIGHT_NS = 86_400_000_000_000  # for so long, before the time that the machine was off is believed


class ObservedTime:
    """The counter. `counted` names the last boot before which the time off was counted."""

    def __init__(self, clock: SteadyClock) -> None:
        self._clock = clock
        self.counted = ""
        self._base_ns = 0  # at the start of this boot
        self._vouched_ns: int | None = None

    def resume(self, engine: Engine, segments: Sequence[Segment], counted: str) -> None:
        """Go on from the newest batch in the segments, which are given oldest first."""
        self.counted = counted
        found = newest_batch(engine, segments)
        if found is None:
            return
        boot, since_boot_ns, observed_ns, _ = found
        self._base_ns = observed_ns - (since_boot_ns if boot == self._clock.boot else 0)

    def now_ns(self) -> int:
        """Observed time, to be kept with a batch."""
        return self._base_ns + self._clock.since_boot_ns()

    @property
    def wants_gap(self) -> bool:
        """Whether the time that the machine was off before this boot can be counted now, for the first time."""
        if not self._clock.vouched:
            self._vouched_ns = None
            return False
        now = self._clock.since_boot_ns()
        self._vouched_ns = now if self._vouched_ns is None else self._vouched_ns
        believed = self._clock.vouched_before and now - self._vouched_ns >= KEPT_RIGHT_NS
        return believed and self.counted != self._clock.boot

    def count_gap(self, engine: Engine, segments: Sequence[Segment]) -> None:
        """Count it, after this boot was made durable as the one counted: lost, it makes data younger, twice older."""
        self.counted = self._clock.boot
        before = newest_batch(engine, segments, but_of=self._clock.boot)
        if before is not None:
            began_ns = self._clock.wall_ns() - self._clock.since_boot_ns()
            self._base_ns += max(0, began_ns - before[3])


def newest_batch(engine: Engine, segments: Sequence[Segment], but_of: str = "") -> tuple[str, int, int, int] | None:
    """Return boot, time since boot, observed time and wall time of the newest batch that is not of a boot."""
    for segment in reversed(segments):
        found = segment.newest_batch(engine, but_of)
        if found is not None:
            return found
    return None
