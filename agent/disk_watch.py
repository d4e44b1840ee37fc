"""Looks at the buffer after each commit: opens a finding while the disk does not take what should be stored.

One finding, however long that lasts and whatever a person says to it meanwhile; it closes when everything is stored
again. What the buffer had to repair is told here, too, a finding each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.model import Severity
    from agent.notices import Notices
    from agent.ports import Store

KIND = "disk"
_READ = "Nothing needs to be done; acknowledge it when you have read it."


class DiskWatch:
    """Tells of `store`."""

    def __init__(self, store: Store, notice: Notices) -> None:
        self._store, self._notice = store, notice
        self._repairs_told = 0

    def look(self) -> None:
        """Tell what is new."""
        for repair in self._store.repairs[self._repairs_told :]:
            self._notice("buffer", repair.sentence, repair.advice or _READ, repair.sentence)
        self._repairs_told = len(self._store.repairs)
        trouble = self._store.status().trouble
        if trouble is None:
            self._notice.end(KIND, KIND, "everything is stored again")
            return
        severity: Severity = "critical" if trouble.nothing else "warning"
        self._notice.hold(KIND, KIND, severity, trouble.sentence, trouble.advice, trouble.error)
