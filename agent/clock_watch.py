"""Looks at the device's clock every tick: when it is set, everything that this boot dated is corrected, and it is said.

What the buffer has is the buffer's to correct (`Store.rebase`); what is in memory is corrected here, part by part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import structs

from agent.clock import utc
from agent.status import PartHealth
from agent.steady import SteadyClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent.clock import Clock
    from agent.events import Events
    from agent.guarded import Guarded
    from agent.monitor import StreamMonitor
    from agent.steady import Step

LARGE_NS = 60_000_000_000  # a smaller step is told in the history alone


class Dated(Protocol):
    """What keeps times."""

    def rebase(self, step: Step) -> None:
        """Correct the times of this boot, after the clock was set."""
        ...


class ClockWatch:
    """Has times corrected.

    Parameters
    ----------
    clock
        Where it is no SteadyClock, nobody sets it.
    dated
        What keeps times, the store first; the monitors of streams come and go.
    monitors, events
        The streams, and the history.
    notice
        Opens a finding: kind, sentence, advice, evidence, severity.
    guarded
        Calls the parts.

    """

    def __init__(
        self,
        clock: Clock,
        dated: Sequence[Dated],
        monitors: Mapping[str, StreamMonitor],
        events: Events,
        notice: Callable[..., None],
        guarded: Guarded,
    ) -> None:
        self._clock = clock if isinstance(clock, SteadyClock) else None
        self._dated, self._monitors, self._events, self._notice = dated, monitors, events, notice
        self._guarded = guarded
        self._doubted = False

    def tick(self) -> None:
        """Look."""
        if self._clock is None:
            return
        step = self._clock.look()
        if step is not None:
            self.correct(step)
            self.tell(step)
        doubted_ns = self._clock.doubted_ns
        if bool(doubted_ns) != self._doubted:
            self._doubted = bool(doubted_ns)
            self._events.say("clock", "device", self._doubt(doubted_ns))

    def health(self) -> list[PartHealth]:
        """Say that the device's clock is not believed, while it is not."""
        return (
            [PartHealth(name="clock", ok=False, note=self._doubt(self._clock.doubted_ns))]
            if (self._clock is not None and self._doubted)
            else []
        )

    def correct(self, step: Step) -> None:
        """Correct every time in memory and on the disk; of a part that fails all others are corrected."""
        for part in self._dated:
            self._guarded(f"time of {type(part).__name__}", part.rebase, step)
        for monitor in self._monitors.values():
            self._guarded(f"time of {monitor.key}", monitor.rebase, step)
            changes = [structs.replace(change, time_ns=step.moved(change.time_ns)) for change in monitor.changes]
            monitor.changes.clear()
            monitor.changes.extend(changes)

    def tell(self, step: Step) -> None:
        """Write into the history that the clock was set, and open a finding about the first large step of a boot."""
        assert self._clock is not None
        way = "forward" if step.by_ns > 0 else "back"
        was, now = (f"{utc(time_ns):%Y-%m-%d %H:%M}" for time_ns in (step.ended_ns, step.ended_ns + step.by_ns))
        said = f"The clock was set {way} by {span(step.by_ns)}, from {was} to {now} UTC."
        corrected = "What was recorded since the device started is dated by the new time."
        self._events.say("clock", "device", f"{said} {corrected}")
        if abs(step.by_ns) >= LARGE_NS and not self._clock.told:
            self._clock.told = True
            advice = (
                "Nothing needs to be done. Where it happens at every start, the device's clock stands still while it "
                "is off: it needs a battery."
            )
            self._notice("clock", f"{said} {corrected}", advice, said, severity="info")

    def _doubt(self, doubted_ns: int) -> str:
        if not doubted_ns:
            return "The clock shows the time that is gone by again."
        way = "ahead" if doubted_ns > 0 else "behind"
        return (
            f"The clock was set to {span(doubted_ns)} {way}, and is not believed: times are counted on from before. "
            "It will be when it has stood for an hour, or when a time source keeps it right."
        )


def span(duration_ns: int) -> str:
    """Give a span of time in words, in its largest unit.

    >>> span(-90 * 10**9), span(7_300 * 86_400 * 10**9)
    ('2 minutes', '20 years')
    """
    seconds = abs(duration_ns) / 1e9
    for unit, length in (("year", 365.25 * 86_400), ("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0)):
        if seconds >= 1.5 * length or (seconds >= length and unit == "minute"):
            return f"{seconds / length:.0f} {unit}s"
    return f"{seconds:.0f} seconds"
