"""The lock on a buffer's directory: one agent, or any number of readers.

It is a flock on a file of its own: DuckDB's lock on a database file is lost as soon as anyone in the process closes
another descriptor of that file, and a crashed process releases a flock by itself.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from agent.buffer.errors import BufferBusyError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "lock"


class DirectoryLock:
    """Holds the directory until `release`.

    Raises
    ------
    BufferBusyError
        Another process holds it.
    OSError
        The directory cannot be locked at all: it is read-only, missing, or no directory.
    """

    def __init__(self, directory: Path, *, shared: bool = False) -> None:
        flags = os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT
        self._descriptor = os.open(directory / NAME, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        try:
            fcntl.flock(self._descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = self._holder()
            os.close(self._descriptor)
            raise BufferBusyError(directory, pid) from None
        except OSError:
            os.close(self._descriptor)
            raise
        if not shared:
            # The pid only serves the message of whoever comes next; on a full disk there is none.
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def _holder(self) -> int:
        text = os.pread(self._descriptor, 32, 0).strip()
        return int(text) if text.isdigit() else 0

    def release(self) -> None:
        """Let go. May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
