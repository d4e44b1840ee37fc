"""What the buffer refuses, the two ways in which a file can fail it, and errors in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agent.outbound_ports import OutboxAwayError

if TYPE_CHECKING:
    from pathlib import Path

_CLASS = re.compile(r"^(?:\w+ Error: (?:Failed to commit: )?)+")  # what DuckDB calls its kind


class BufferBusyError(Exception):
    """Another process holds the directory. `pid` is 0 where it did not say who it is."""

    def __init__(self, directory: Path, pid: int) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"{directory} is in use by {holder}; one agent at a time can keep its data there")
        self.directory = directory
        self.pid = pid


class SchemaTooNewError(Exception):
    """A file was written by a later version, whose data this one would not understand."""

    def __init__(self, path: Path, found: str, known: str) -> None:
        super().__init__(
            f"{path} was written by a newer version (format {found}; this version reads up to {known}); "
            "install that version again, or point --state at another directory"
        )
        self.path = path


class BufferMissingError(Exception):
    """There is no buffer in that directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} holds no data of an agent")
        self.directory = directory


class UnavailableError(OutboxAwayError):
    """The files cannot be used now, through no fault of their own: full disk, no permission, no memory."""


class CorruptError(Exception):
    """A file cannot be read as what it should be."""


def say(error: Exception) -> str:
    """Put an error into one line, without DuckDB's names for its kind.

    >>> say(OSError("IO Error: Could not write: No space left on device"))
    'Could not write: No space left on device'
    """
    lines = _CLASS.sub("", str(error)).splitlines()
    return lines[0] if lines else type(error).__name__
