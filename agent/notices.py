"""Findings that no detector made: about the agent itself, its buffer, its card, its way to the fleet.

A notice is over when somebody has seen it. One that is held is over when its cause is, whatever a person says to it
meanwhile: one of each kind and name, however often it is held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model import Cause, Stream

if TYPE_CHECKING:
    from collections.abc import Container

    from agent.clock import Clock
    from agent.events import Events
    from agent.findings import FindingBook
    from agent.model import Severity

AGENT = Stream(model="driftline agent", runtime="driftline")  # whose findings are about the device and the agent


class Notices:
    """Opens findings about the agent. Called is `agent.card_watch.Notice`."""

    def __init__(self, book: FindingBook, events: Events, clock: Clock) -> None:
        self._book, self._events, self._clock = book, events, clock

    def __call__(self, kind: str, sentence: str, advice: str, evidence: str, severity: Severity = "warning") -> None:
        """Open a finding that is over when it is seen."""
        cause = Cause("device", kind, 1.0, evidence)
        self._book.raise_notice(AGENT, kind, severity, sentence, advice, cause, time_ns=self._clock.wall_ns())

    def hold(self, kind: str, name: str, severity: Severity, sentence: str, advice: str, evidence: str) -> None:
        """Keep the finding of a kind of LASTING_KINDS and a name open, in these words, until `end`."""
        words = (severity, sentence, advice, Cause("device", name, 1.0, evidence))
        self._events.tell(self._book.hold_notice(AGENT, kind, *words, time_ns=self._clock.wall_ns()))

    def end(self, kind: str, name: str, note: str) -> None:
        """Close what is held of a kind and a name."""
        self._events.tell(self._book.end_notice(kind, name, note, time_ns=self._clock.wall_ns()))

    def end_others(self, kind: str, names: Container[str], note: str) -> None:
        """Close what an agent of before held of a kind for names that are not among these."""
        for finding in self._book.open_findings():
            if finding.kind == kind and finding.causes[0].name not in names:
                self.end(kind, finding.causes[0].name, note)

    @property
    def news(self) -> int:
        """How many states of findings were stored since the start: whoever sends them looks where it has grown."""
        return self._book.stored
