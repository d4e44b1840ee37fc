"""The tick: take in what the collectors have, judge it, keep it, and describe the device as it now is.

Everything here runs in one thread. A part that fails is noted in the parts' health and tried again at the next tick;
the tick itself goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.baseline_keeper import BaselineKeeper
from agent.budget import default_alarms_per, share_budget
from agent.card_watch import CardWatch
from agent.clock import utc
from agent.clock_watch import ClockWatch
from agent.condition import believed, count_change, counting, device_state, known_findings, stream_state
from agent.disk_watch import DiskWatch
from agent.events import Events
from agent.findings import FindingBook
from agent.guarded import Guarded
from agent.host_history import FRESH_NS, HostHistory
from agent.intake import Intake
from agent.judging import judge
from agent.labels.desk import Around, LabelDesk
from agent.model import Block, Labels, Reading, Stream, StreamChange
from agent.monitor import StreamMonitor
from agent.notices import Notices
from agent.saved import new_start_words
from agent.saving import Saving
from agent.series import SeriesWatches
from agent.status import PartHealth
from agent.verdicts import going_on_words, judged_readings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.budget import AlarmsConfig
    from agent.clock import Clock
    from agent.labels.desk import LabelParts
    from agent.model import DeviceState, Finding, Verdict
    from agent.panel import Factories
    from agent.ports import Collector, Explainer, Store
    from agent.series import SeriesParts
    from agent.status import EventLine, SeriesStatus, StreamStatus
    from agent.truth import LabelSummary

MAX_STREAMS = 256  # beyond it, streams are counted and not judged: a device that serves more models does not exist
BUDGET_NS = 60_000_000_000


class Pipeline:
    """Carries data from the collectors through the monitors into the store and the findings.

    Parameters
    ----------
    collectors, store, explainer, factories
        The parts, as in `agent.ports` and `agent.monitor`.
    clock
        Time.
    alarms
        The false-alarm budget of the device.
    commit_seconds
        How often rows are made durable: what a power cut can cost.
    series
        What watches the series of streams and of the device; None watches none.
    labels
        What labels need; None keeps none.

    """

    def __init__(
        self,
        *,
        collectors: Sequence[Collector],
        store: Store,
        explainer: Explainer,
        factories: Factories,
        clock: Clock,
        alarms: AlarmsConfig,
        commit_seconds: float,
        series: SeriesParts | None = None,
        labels: LabelParts | None = None,
    ) -> None:
        self._store = store
        self._factories = factories
        self._clock = clock
        self._alarms = alarms
        self._book = FindingBook(explainer, store)
        self._series = SeriesWatches(series, store, self._book, clock, alarms)
        self._monitors: dict[str, StreamMonitor] = {}
        self._host = HostHistory()
        self.history = Events(store, clock)
        self.history.know(self._book.open_findings())
        self.notice = Notices(self._book, self.history, clock)
        self._card = CardWatch(store, self.notice)
        self.guarded = Guarded()
        self.intake = Intake(collectors, self.guarded, clock)
        self._refused = 0
        self._budgeted_ns = clock.monotonic_ns()
        around = Around(self._book, self._monitor, self._monitors.get, self._host, self.history)
        self.labels = LabelDesk(labels, around, clock, default_alarms_per(alarms))
        disk = DiskWatch(store, self.notice)
        self.saving = Saving(
            store, self._monitors, self._series, self.labels, disk, self.guarded, clock, commit_seconds
        )
        relearned = self.labels.relearned
        self.baselines = BaselineKeeper(
            self._monitors, store, factories, self._book, clock, self.saving.commit, self.history, relearned
        )
        dated = (store, self._book, self._host, self.history, self.labels, self.intake)
        self.clock_watch = ClockWatch(clock, dated, self._monitors, self.history, self.notice, self.guarded)

    def tick(self) -> None:
        """Do one round."""
        self.guarded("clock", self.clock_watch.tick)
        blocks: list[Block] = []
        readings: list[Reading] = []
        for item in self.intake.items(self._monitors):
            if isinstance(item, Block):
                blocks.append(item)
                self.guarded(f"judging {item.stream.key}", self._judge, item)
            elif isinstance(item, Reading):
                readings.append(item)
                self._host.add(item)
                self._series.take_reading(item)
                self.guarded("storage", self._card.take, item)
            elif isinstance(item, Labels):
                self.guarded("labels", self.labels.take, item)
            else:
                self.guarded(f"changes of {item.stream.key}", self._note_change, item)
        if readings:
            readings += self.judged()
        self.guarded("series", lambda: self.history.tell(self._series.tick(self._monitors, self._host)))
        self.guarded("labels", self.labels.tick)
        self.guarded("buffer", self._store.append, blocks, readings)
        self.saving.tick()
        now = self._clock.monotonic_ns()
        if now - self._budgeted_ns >= BUDGET_NS:
            self._share_budget()
            self._budgeted_ns = now

    def close(self) -> None:
        """Take in what is left, and make everything durable."""
        self.tick()
        while self.intake.waiting:
            self.tick()
        self.saving.finish()
        self.intake.close()

    def acknowledge(self, finding_id: str, note: str) -> Finding:
        """Mark a finding as seen. Raises KeyError where none such is open."""
        monitor = self._monitors.get(self._book.stream_of(finding_id).key)
        over = monitor is not None and not monitor.running
        finding = self._book.acknowledge(finding_id, note, self._clock.wall_ns(), over=over)
        self.history.say("acknowledged", finding.stream.model, f"{finding.sentence} {note}".strip())
        return finding

    def snooze(self, finding_id: str, seconds: float, note: str) -> Finding:
        """Let a finding rest for so long; 0 wakes it. Raises KeyError where none such is open."""
        finding = self._book.snooze(finding_id, seconds, note, self._clock.wall_ns())
        until = f"until {finding.snoozed_until:%Y-%m-%d %H:%M} UTC: " if finding.snoozed_until else ""
        said = "snoozed" if until else "woken"
        self.history.say(said, finding.stream.model, f"{until}{finding.sentence} {note}".strip())
        return finding

    def judge(self, finding_id: str, verdict: Verdict, note: str) -> Finding:
        """Close a finding by what a person found it to be. Raises KeyError where there is none such."""
        finding = self._book.judge(finding_id, verdict, note, self._clock.wall_ns())
        detail = f"{finding.sentence} {note}".strip()
        detail += f" ({going_on_words(finding)})" if finding in self.known() else ""
        self.history.say(f"judged {verdict}", finding.stream.model, detail)
        return finding

    def label(self, labels: Labels) -> LabelSummary:
        """Take labels in, durable when this returns. Raises OSError where the disk cannot take them now."""
        summary = self.labels.take(labels)
        self.saving.commit()
        if not self._store.settled:
            raise OSError("the buffer cannot take them now; they are kept in memory and written when it can")
        return summary

    def pids(self) -> dict[int, str]:
        """Return the processes that are watched now and can be measured, each with a model that it runs."""
        running = (stream for monitor in self._monitors.values() for stream in monitor.running.values())
        return {stream.pid: stream.model for stream in running if stream.pid}

    def streams(self) -> tuple[StreamStatus, ...]:
        """Describe every stream."""
        now = self._clock.monotonic_ns()
        findings, ongoing = self._counting(), (*self._book.open_findings(), *self._book.known())
        states = ((m, stream_state(m, findings, now)) for m in self._monitors.values())
        told = (m.status(now, state, self._series.status(m)) for m, state in states)
        return tuple(replace(one, truth=self.labels.truth(one.key), accuracy=believed(one, ongoing)) for one in told)

    def monitor(self, key: str) -> StreamMonitor | None:
        """Return what watches a stream; None where it has not run since the start."""
        return self._monitors.get(key)

    def series(self) -> tuple[SeriesStatus, ...]:
        """Describe the device's own series."""
        return self._series.status()

    def findings(self) -> tuple[Finding, ...]:
        """Return open and acknowledged findings, worst first."""
        return self._book.open_findings()

    def known(self) -> tuple[Finding, ...]:
        """Return what was closed as real and goes on."""
        return known_findings(self._book, self._monitors)

    def events(self) -> tuple[EventLine, ...]:
        """Return the recent history, newest first."""
        return self.history.lines()

    def host(self) -> tuple[Reading, ...]:
        """Return the newest of each host reading; one that is not measured any more is absent."""
        return self._host.newest(self._clock.wall_ns() - FRESH_NS)

    def judged(self) -> tuple[Reading, ...]:
        """Return how often each verdict was said, as readings of the device, though nothing of it measures them."""
        return judged_readings(self._book.judged, self._clock.wall_ns())

    def health(self) -> tuple[PartHealth, ...]:
        """Say how each part is."""
        parts = self.guarded.health()
        for monitor in self._monitors.values():
            parts += monitor.health()
        parts += [*self.clock_watch.health(), *self._series.health(), *self.labels.health()]
        if self._refused:
            note = f"{self._refused} blocks beyond {MAX_STREAMS} streams"
            parts.append(PartHealth(name="streams", ok=False, note=note))
        return tuple(parts)

    def _judge(self, block: Block) -> None:
        if not len(block):
            return
        monitor = self._monitor(block.stream)
        if monitor is None:
            self._refused += 1
            return
        learned = monitor.reference is not None
        self.labels.add(block, learning=not learned)
        changed = judge(monitor, self._book, block, self._clock.monotonic_ns(), self._host)
        if not learned and monitor.reference is not None:
            self.history.say("learned", block.stream.model, f"the reference, from {monitor.reference.rows} inferences")
            self.labels.learned(monitor.key)
            self._share_budget()
        self._series.take_block(monitor, block)
        self.history.tell(changed)

    def _monitor(self, stream: Stream) -> StreamMonitor | None:
        monitor = self._monitors.get(stream.key)
        if monitor is None and len(self._monitors) < MAX_STREAMS:
            monitor = StreamMonitor(stream, self._factories, self._store, default_alarms_per(self._alarms))
            self._monitors[stream.key] = monitor
            if not monitor.resumed:
                monitor.advance_to(self._book.newest_row(stream))
            if monitor.began_anew:
                self.notice("state", *new_start_words(stream.model, monitor.began_anew), severity="info")
            self._book.resume(stream, monitor.rows, self._clock.wall_ns())
            self._book.resume(stream, self.labels.rows(stream.key), self._clock.wall_ns(), labels=True)
        return monitor

    def _note_change(self, change: StreamChange) -> None:
        """Count what happened to a stream, and write it into its history."""
        monitor = self._monitor(change.stream) if change.kind != "unreadable" else None
        self.history.say(change.kind, change.stream.model, change.detail, change.count)
        if change.kind == "unreadable":
            advice = "Nothing is lost that was stored. Restart the service that wrote it; if it comes back, report it."
            self.notice("ring", change.detail, advice, change.detail)
        if monitor is None:
            return
        self._series.interrupt(change.stream)
        if change.kind == "opened":
            replaced = [
                other
                for other in self._monitors.values()
                if other.stream.model == change.stream.model and other is not monitor
            ]
            ended = self._book.supersede(change.stream, self._clock.wall_ns())
            self.history.tell(ended, f"another model file took its place: {change.stream.key}")
            for other in replaced:
                monitor.changes.extendleft(reversed(other.changes))
        count_change(monitor, change)

    def state(self, streams: Sequence[StreamStatus]) -> DeviceState:
        """Say how the device is, in one word."""
        return device_state(streams, self._counting())

    def _counting(self) -> list[Finding]:
        return counting(self._book, self._monitors, utc(self._clock.wall_ns()))

    def _share_budget(self) -> None:
        running = [monitor for monitor in self._monitors.values() if monitor.running]
        share_budget(self._alarms, running)
        self._series.set_budget(running)
        self.labels.set_budget(running)
