"""Looks at the buffer after each commit: opens a finding while the disk does not take what should be stored.

One finding, however long that lasts and whatever a person says to it meanwhile; it closes when everything is stored
again. Another where the state directory could not be used at all. What the buffer had to repair is told here, too, a
finding each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.model import Severity
    from agent.notices import Notices
    from agent.ports import Store
    from agent.status import BufferStatus, Repair

KIND = "disk"
UNUSED = "state directory"
_READ = "Nothing needs to be done; acknowledge it when you have read it."


class DiskWatch:
    """Tells of `store`."""

    def __init__(self, store: Store, notice: Notices) -> None:
        self._store, self._notice = store, notice
        self._repairs_told = 0

    def look(self) -> None:
        """Tell what is new."""
        self.tell(self._store.repairs[self._repairs_told :])
        self._repairs_told = len(self._store.repairs)
        status = self._store.status()
        self._tell_of_memory(status)
        trouble = status.trouble
        if trouble is None:
            self._notice.end(KIND, KIND, "everything is stored again")
            return
        severity: Severity = "critical" if trouble.nothing else "warning"
        self._notice.hold(KIND, KIND, severity, trouble.sentence, trouble.advice, trouble.error)

    def tell(self, repairs: Sequence[Repair]) -> None:
        """Tell what had to be repaired."""
        for repair in repairs:
            self._notice("buffer", repair.sentence, repair.advice or _READ, repair.sentence)

    def _tell_of_memory(self, status: BufferStatus) -> None:
        if status.mode != "memory":
            self._notice.end(KIND, UNUSED, "the state directory is used again")
            return
        why = status.notes[0]
        sentence = f"The state directory cannot be used, so nothing is kept over a restart: {why}"
        advice = f"Make {status.path} writable for the agent, or give another with --state. It is tried again now and "
        advice += "then, every hour at least, and the agent goes on there by itself."
        self._notice.hold(KIND, UNUSED, "critical", sentence, advice, why)
