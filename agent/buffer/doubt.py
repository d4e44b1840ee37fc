"""Files that a failed sync left in doubt: which they are, and writing them anew, within a bound.

A disk that fails now and then would have its files written again at each failure, and be worn out by it. So only files
that have changed since they were last known to be durable are written, and of those as much as the agent may write in
a day: some of it anew each hour, and no less than a file an hour, so that nothing waits longer once the disk is well.
"""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING

from agent.buffer.errors import UnavailableError
from agent.buffer.folders import sync_something, wal_of, write_anew

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_MINUTE_NS = 60 * 10**9
_HOUR_NS = 60 * _MINUTE_NS
_DAY_NS = 24 * _HOUR_NS
# A file is known by its time only where something was written so much later: a time within one tick of the kernel's
# clock can stand for two contents.
_APART_NS = 10**9

_Known = tuple[int, int, int]  # inode, size and time of a file: whether it was changed


class Doubt:
    """What is in doubt of the databases of one directory.

    Parameters
    ----------
    most_bytes
        What may be written anew at once, and again in a day.
    now_ns
        Gives the time since boot.

    """

    def __init__(self, most_bytes: float, now_ns: Callable[[], int]) -> None:
        self._ns_a_byte = _DAY_NS / most_bytes
        self._now_ns = now_ns
        self._spent_until_ns = 0
        self._rewritten = 0
        self._durable: dict[Path, _Known] = {}
        self._doubted: list[Path] = []

    def trust(self, databases: Iterable[Path]) -> None:
        """Take note of these, whose last transaction is durable."""
        found = {path: known for path in _files_of(databases) if (known := _look(path))}
        newest = max((time for *_, time in found.values()), default=0)
        self._durable = {path: known for path, known in found.items() if known[-1] < newest - _APART_NS}

    def cast(self, databases: Iterable[Path]) -> None:
        """Doubt these, of which a sync failed, but for the files that are as they were when they were trusted."""
        changed = [path for path in _files_of(databases) if self._durable.get(path) != _look(path)]
        self._doubted += [path for path in changed if path not in self._doubted]

    def resolve(self) -> None:
        """Write what is in doubt anew; what is done is not done again. Raises OSError, UnavailableError."""
        while self._doubted:
            self._wait()
            # A disk that still fails says so when a little is written.
            self._count(sync_something(self._doubted[0].parent))
            self._write(self._doubted[0])
            del self._doubted[0]

    def _write(self, path: Path) -> None:
        if not path.exists():
            return
        size = path.stat().st_size
        if shutil.disk_usage(path.parent).free < size:  # else it is filled at each attempt
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        self._count(size)
        write_anew(path)

    def _wait(self) -> None:
        ahead_ns = self._spent_until_ns - self._now_ns() - _DAY_NS
        if ahead_ns > 0:
            # In the words by which a failing disk is known.
            raise UnavailableError(
                f"Input/output error: syncs fail again and again, and {self._rewritten >> 20} MiB were written anew "
                f"after them; the next attempt is in {-(-ahead_ns // _MINUTE_NS)} min"
            )

    def _count(self, size: int) -> None:
        now = self._now_ns()
        spent = max(self._spent_until_ns, now) + round(size * self._ns_a_byte)
        self._spent_until_ns = min(spent, now + _DAY_NS + _HOUR_NS)
        self._rewritten += size


def _files_of(databases: Iterable[Path]) -> list[Path]:
    """Name the files of databases, logs first: they are small."""
    return [*map(wal_of, databases := list(databases)), *databases]


def _look(path: Path) -> _Known | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
