"""Files of databases: where their logs are, how long they are; their names made durable, and bytes in doubt.

A file that was synced can still be gone after a power cut when its folder was not: ext4 and xfs write the name along
with the file, POSIX does not ask for it, and DuckDB makes a new log after each checkpoint without a sync of the folder.
"""

from __future__ import annotations

import errno
import os
import shutil
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_LITTLE = 4096


@lru_cache(1_024)
def wal_of(path: Path) -> Path:
    """Return where DuckDB keeps the log of a database file."""
    return path.with_name(path.name + ".wal")


def length_of(path: Path) -> int:
    """Return the bytes in a file, 0 where there is none. Raises OSError."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def size_of(database: Path) -> int:
    """Return the bytes of a database file and its log. Raises OSError."""
    return length_of(database) + length_of(wal_of(database))


def sync_folder(folder: Path) -> None:
    """Make the names of new files durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some file systems do not sync folders
            raise
    finally:
        os.close(descriptor)


def sync_something(folder: Path) -> int:
    """Find out whether the disk takes anything: write a little and sync it; return how much. Raises OSError."""
    path = folder / "sync.tmp"
    try:
        with path.open("wb") as file:
            size = file.write(os.urandom(_LITTLE))  # what a disk could fold into nothing would not say much
            file.flush()
            os.fsync(file.fileno())
    finally:
        path.unlink(missing_ok=True)
    return size


def write_anew(path: Path) -> None:
    """Put a copy in the file's place, so that every byte of it is on its way to the disk once more. Raises OSError.

    After a failed sync Linux takes the pages for written: a later sync says yes without having tried them again, and
    what is read comes from memory (P. Rebello and others, "Can applications recover from fsync failures?", ATC 2020).
    """
    if not path.exists():
        return
    copy = path.with_name(path.name + ".tmp")
    try:
        shutil.copy2(path, copy)
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        copy.replace(path)
    except OSError:
        copy.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, durably; nothing where it is there. Raises OSError."""
    if not folder.is_dir():
        if not folder.parent.exists():
            make_folder(folder.parent)
        folder.mkdir(mode=0o750, exist_ok=True)
        sync_folder(folder.parent)


class LogNames:
    """Which of the logs that are written have a durable name."""

    def __init__(self) -> None:
        self._durable: set[Path] = set()

    def begin(self, databases: Iterable[Path]) -> None:
        """Make logs with durable names where there are none: DuckDB takes empty ones as its own. Raises OSError."""
        logs = [wal_of(path) for path in databases]
        missing = [wal for wal in logs if not wal.exists()]
        for wal in missing:
            os.close(os.open(wal, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640))
        unnamed = {*missing, *(wal for wal in logs if wal not in self._durable)}
        for folder in {wal.parent for wal in unnamed}:
            sync_folder(folder)
        self._durable |= unnamed

    def settle(self, database: Path) -> None:
        """Make the name of a database's log durable where it is new. Call after each commit. Raises OSError."""
        wal = wal_of(database)
        if not wal.exists():
            # It was folded into the file within the commit; the next one makes a new log.
            self._durable.discard(wal)
        elif wal not in self._durable:
            if wal.stat().st_mode & 0o020:  # DuckDB lets the group write what it makes
                wal.chmod(0o640)
            sync_folder(wal.parent)
            self._durable.add(wal)

    def forget(self) -> None:
        """Take none for durable: the files are opened anew."""
        self._durable.clear()
