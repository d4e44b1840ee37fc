"""Looks at the buffer after each commit: opens a finding while the disk does not take what should be stored.

One finding, however long that lasts and whatever a person says to it meanwhile; it closes when everything is stored
again. What the buffer had to repair is told here, too, a finding each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model import Cause, Stream

if TYPE_CHECKING:
    from agent.card_watch import Notice
    from agent.clock import Clock
    from agent.events import Events
    from agent.findings import FindingBook
    from agent.model import Severity
    from agent.ports import Store

AGENT = Stream(model="driftline agent", runtime="driftline")  # whose findings are about the device and the agent
KIND = "disk"
_READ = "Nothing needs to be done; acknowledge it when you have read it."


class DiskWatch:
    """Tells of `store`. `notice` opens a finding that is over when somebody has seen it."""

    def __init__(self, store: Store, book: FindingBook, events: Events, clock: Clock, notice: Notice) -> None:
        self._store, self._book, self._events, self._clock, self._notice = store, book, events, clock, notice
        self._repairs_told = 0

    def look(self) -> None:
        """Tell what is new."""
        for repair in self._store.repairs[self._repairs_told :]:
            self._notice("buffer", repair.sentence, repair.advice or _READ, repair.sentence)
        self._repairs_told = len(self._store.repairs)
        trouble, now = self._store.status().trouble, self._clock.wall_ns()
        if trouble is None:
            self._events.tell(self._book.end_notice(KIND, "everything is stored again", time_ns=now))
            return
        cause = Cause("device", "disk", 1.0, trouble.error)
        severity: Severity = "critical" if trouble.nothing else "warning"
        words = (severity, trouble.sentence, trouble.advice, cause)
        self._events.tell(self._book.hold_notice(AGENT, KIND, *words, time_ns=now))
