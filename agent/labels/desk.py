"""Where the pipeline hands labels in: the label book of the device, and the findings that come of it.

Without parts nothing is kept, and the desk is empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.episodes import Moment
from agent.host_history import FRESH_NS
from agent.labels.book import LabelBook
from agent.status import LabelsStatus
from agent.truth import LabelSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agent.clock import Clock
    from agent.events import Events
    from agent.findings import FindingBook
    from agent.host_history import HostHistory
    from agent.labels.config import LabelsConfig
    from agent.labels.stream import StreamLabels
    from agent.model import Block, Labels, Stream
    from agent.monitor import StreamMonitor
    from agent.panel import Factories
    from agent.ports import StateStore
    from agent.status import PartHealth, TruthStatus
    from agent.steady import Step
    from agent.truth import LabelledRows, LabelStore


@dataclass(frozen=True, slots=True)
class LabelParts:
    """What labels need; `agent.wiring` fills this in. `factories` are those of error streams."""

    store: LabelStore
    states: StateStore
    factories: Factories
    config: LabelsConfig


@dataclass(frozen=True, slots=True)
class Around:
    """What the pipeline has beside: findings, the monitor of a stream (made where there is none), host and history."""

    findings: FindingBook
    monitor: Callable[[Stream], StreamMonitor | None]
    monitor_of_key: Callable[[str], StreamMonitor | None]
    host: HostHistory
    events: Events


class LabelDesk:
    """The labels of the device.

    Parameters
    ----------
    parts
        As in `LabelParts`; None keeps no labels.
    alarms_per
        At most one expected false alarm in so many labels of a stream, until `set_budget` says better.

    """

    def __init__(self, parts: LabelParts | None, around: Around, clock: Clock, alarms_per: float) -> None:
        self._around = around
        self._book = None
        if parts is not None:
            self._book = LabelBook(
                parts.store, parts.states, parts.factories, parts.config, clock, self._judge, alarms_per
            )

    def add(self, block: Block, *, learning: bool) -> None:
        """Know the inferences of a block; `learning` tells that its stream's reference is made of them."""
        if self._book is not None:
            self._book.add(block, learning=learning)

    def take(self, told: Labels) -> LabelSummary:
        """Take labels in, and say what became of them; they are durable with the next commit."""
        if self._book is None:
            return LabelSummary()
        summary = self._book.take(told)
        for key, rows in self._book.news_of_confidence():
            monitor = self._around.monitor_of_key(key)
            if monitor is not None:
                monitor.calibrate(rows)
        return summary

    def rebase(self, step: Step) -> None:
        """Correct the times of this boot, after the clock was set."""
        if self._book is not None:
            self._book.rebase(step)

    def learned(self, key: str) -> None:
        """Hear that a stream has its reference: the labels that came while it was learned can be used from here on."""
        monitor, rows = self._around.monitor_of_key(key), self.labelled_rows(key)
        if monitor is not None and rows is not None:
            monitor.calibrate(rows)

    def relearned(self, key: str, since_ns: int, until_ns: int, wanted: int) -> None:
        """Hear that a stream's reference was put in the place of another, as in `LabelBook.relearned`; kept at once."""
        if self._book is not None:
            monitor = self._around.monitor_of_key(key)
            self._book.relearned(key, since_ns, until_ns, wanted, None if monitor is None else monitor.stream)
            self._book.save()
            self.learned(key)

    def tick(self) -> None:
        """Look a last time for the inferences of labels that have waited long enough."""
        if self._book is not None:
            self._book.tick()

    def committed(self) -> None:
        """Hear that all that was appended is durable."""
        if self._book is not None:
            self._book.committed()

    def save(self) -> None:
        """Keep figures and detectors, for a restart."""
        if self._book is not None:
            self._book.save()

    def truth(self, key: str) -> TruthStatus | None:
        """Describe the labels of a stream; None where it has none."""
        return None if self._book is None else self._book.status(key)

    def status(self) -> LabelsStatus:
        """Describe the labels that belong to no stream."""
        return LabelsStatus() if self._book is None else self._book.device_status()

    def rows(self, key: str) -> int:
        """Return how many labels of a stream were judged."""
        return 0 if self._book is None else self._book.rows(key)

    def labelled_rows(self, key: str) -> LabelledRows | None:
        """Return the labelled rows of a stream's reference; None where it has no labels."""
        return None if self._book is None else self._book.labelled_rows(key)

    def names(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the classes by number, of each stream that has any, by its key."""
        return {} if self._book is None else self._book.names()

    def health(self) -> list[PartHealth]:
        """Say how the book and the detectors of errors are."""
        return [] if self._book is None else self._book.health()

    def set_budget(self, monitors: Iterable[StreamMonitor]) -> None:
        """Give the detectors of errors their part of what each stream may spend."""
        book = self._book
        if book is None:
            return
        for monitor in monitors:
            book.set_budget(monitor.key, monitor.alarms_per, monitor.mean_rate())

    def _judge(self, stream: StreamLabels, block: Block) -> None:
        """Judge what labels say; of a stream that does not run any more, too."""
        monitor = self._around.monitor(stream.stream)
        if monitor is None:
            return
        scores = stream.judge(block)
        time_ns = int(block.time_ns.max())
        moment = Moment(
            stream=stream.stream,
            row=stream.rows,
            time_ns=time_ns,
            effects=stream.effects,
            changes=tuple(monitor.changes),
            host=self._around.host.look(time_ns - FRESH_NS),
            labels=True,
        )
        self._around.events.tell(self._around.findings.update(moment, scores))
