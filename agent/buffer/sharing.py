"""Lets other processes read files that DuckDB has open here for writing, while they ask a question.

DuckDB holds an exclusive lock on a file that it writes (fcntl, for the whole process), and a second process cannot open
it even for reading. On DuckDB's own descriptor the lock can be made a shared one: then a reader gets in, another writer
still does not. No file is opened for that, since closing it again would drop the lock altogether. Linux only: it is
/proc that says which descriptor it is.
"""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DESCRIPTORS = Path("/proc/self/fd")
_SUFFIX = ".duckdb"


class Sharing:
    """The locks of the files below `directory`. Safe from any thread."""

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory).resolve()
        self._lock = threading.Lock()
        self._readers = 0

    @staticmethod
    def possible() -> bool:
        """Whether this system can say which descriptors are DuckDB's."""
        return sys.platform == "linux" and os.access(_DESCRIPTORS, os.R_OK | os.X_OK)

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold shared locks while a reader needs them; a file that is opened meanwhile is not among them."""
        with self._lock:
            self._readers += 1
            self._set(fcntl.LOCK_SH)
        try:
            yield
        finally:
            with self._lock:
                self._readers -= 1
                if not self._readers:
                    self._set(fcntl.LOCK_EX)

    def _set(self, kind: int) -> None:
        for entry in _DESCRIPTORS.iterdir():
            # One that DuckDB closes meanwhile has no lock to change; one that a foreign reader holds stays shared.
            with suppress(OSError):
                target = entry.readlink()
                if target.suffix == _SUFFIX and target.is_relative_to(self._directory):
                    fcntl.lockf(int(entry.name), kind | fcntl.LOCK_NB)
