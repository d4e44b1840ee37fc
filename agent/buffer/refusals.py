"""What the disk refuses, as one episode: from the first write that it did not take until all that waited is written.

A disk that takes some writes and refuses others, or is filled and emptied over and over, is one episode, too: the next
end is believed later than the one before. So whoever tells of beginnings and ends does not tell without bound.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agent.buffer.engine import is_failing, is_full, is_read_only
from agent.status import StorageTrouble

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from agent.status import StorageKind

_RANK: dict[StorageKind, int] = {"refused": 0, "full": 1, "failing": 2, "read-only": 3}
_PATIENCE = 12  # commits: what passes by itself within so many is no news, and a disk that failed is trusted after them
_AGAIN_NS = 60 * 10**9  # an episode that follows another within a day ends so much after its last failure,
_FACTOR = 4  # the next so many times later,
_LONGEST_NS = 3_600 * 10**9  # and at the latest then
_DAY_NS = 86_400 * 10**9
_MEMORY = "What waits in memory is lost at a restart."
_READ_ONLY = (
    "A card or disk that fails does this: read the reason with dmesg, and copy what must be kept. Then restart the "
    "device, which checks the file system; where it comes back, replace the card or disk."
)
_FAILING = "Read the reason with dmesg, copy what must be kept, and replace the card or disk."
_OTHER = "Mend that; what waits is then stored by itself."


class Refusals:
    """Follows the writes of one directory. `now_ns` gives the time since boot."""

    def __init__(self, directory: Path, commit_seconds: float, now_ns: Callable[[], int]) -> None:
        self._directory = directory
        self._patience_ns = round(_PATIENCE * commit_seconds * 1e9)
        self._now_ns = now_ns
        self._kind: StorageKind = "refused"
        self._error = ""
        self._since_ns: int | None = None  # of the first failure since all was written
        self._failed_ns = self._changed_ns = 0
        self._ended_ns: int | None = None
        self._again = 0
        self._bare = False
        self.lasts = False

    @property
    def waits(self) -> bool:
        """Whether something failed since all was written."""
        return self._since_ns is not None

    def note(self, error: Exception, said: str) -> None:
        """Take note of a write that failed; `said` is the error in one line."""
        kind = _kind_of(error)
        now = self._failed_ns = self._now_ns()
        if self._since_ns is None:
            self._since_ns = self._changed_ns = now
            self._kind, self._error = kind, said
        elif _RANK[kind] > _RANK[self._kind] or (kind != self._kind and now - self._changed_ns > self._patience_ns):
            self._kind, self._error, self._changed_ns = kind, said, now

    def look(self, *, waiting: bool, full: bool, bare: bool) -> str:
        """Look after a commit; return a line for the history where an episode began or ended.

        waiting: something is not written that should be. full: the reserve is in use. bare: and nothing is left of it.
        """
        now = self._now_ns()
        if full and self._since_ns is None:
            self._since_ns = self._failed_ns = self._changed_ns = now
            self._kind, self._error = "full", "No space left on device"
        if self._since_ns is None:
            return ""
        waiting = waiting or full
        self._bare |= bare and waiting and self.lasts
        if self.lasts:
            return "" if waiting or now - self._failed_ns < self._quiet_ns() else self._end(now)
        if self._kind == "refused" and now - self._since_ns < self._patience_ns:
            self._since_ns = self._since_ns if waiting else None
            return ""
        return self._begin(now)

    def trouble(self, told: Callable[[int], datetime]) -> StorageTrouble | None:
        """Say what is wrong, None where nothing is; `told` makes a moment of a time since boot."""
        since_ns = self._since_ns
        if not self.lasts or since_ns is None:
            return None
        sentence, advice = self._words()
        return StorageTrouble(
            kind=self._kind, since=told(since_ns), sentence=sentence, advice=advice, error=self._error,
            nothing=self._kind != "full" or self._bare,
        )  # fmt: skip

    def _begin(self, now: int) -> str:
        lately = self._ended_ns is not None and now - self._ended_ns < _DAY_NS
        self._again = self._again + 1 if lately else 0
        self.lasts = True
        if self._kind == "full":
            return "the disk is full: findings and states use the reserve, rows wait"
        return self._words()[0]

    def _end(self, now: int) -> str:
        self.lasts = self._bare = False
        self._since_ns, self._ended_ns = None, now
        return "there is room again" if self._kind == "full" else "everything is stored again"

    def _quiet_ns(self) -> int:
        first = self._patience_ns if self._kind == "failing" else 0
        again = min(_AGAIN_NS * _FACTOR ** min(self._again - 1, 8), _LONGEST_NS) if self._again else 0
        return max(first, again)

    def _words(self) -> tuple[str, str]:
        """Say in a sentence what is wrong, and what to do."""
        place = mount_of(self._directory)
        if self._kind == "full":
            kept = "inferences are not stored, findings still are."
            if self._bare:
                kept = f"the room kept for findings is used up, too, so nothing is stored. {_MEMORY}"
            room = f"Free room on {place}, or lower [buffer] limit_mib and restart the agent."
            return f"The disk is full: {kept}", f"{room} Once there is room, everything is stored again by itself."
        if self._kind == "read-only":
            return f"The file system {place} has turned read-only: nothing is stored. {_MEMORY}", _READ_ONLY
        if self._kind == "failing":
            failing = f"The disk fails when {place} is written: inferences and findings are stored late, or not at all."
            return f"{failing} {_MEMORY}", _FAILING
        return f"Nothing can be stored in {self._directory}: {self._error}. {_MEMORY}", _OTHER


def mount_of(directory: Path) -> Path:
    """Return where the file system that holds a directory is mounted."""
    found = directory.absolute()
    while not os.path.ismount(found) and found != found.parent:
        found = found.parent
    return found


def _kind_of(error: Exception) -> StorageKind:
    if is_full(error):
        return "full"
    if is_read_only(error):
        return "read-only"
    return "failing" if is_failing(error) else "refused"
