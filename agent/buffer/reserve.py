"""Room on the disk that is kept for findings, states and acknowledgements: a file that is given back when it is full.

It goes back in steps, so that whatever fills the disk cannot take all of it at once. From the first step on rows are
not written any more, and wait in memory, until there is room for the whole reserve and as much again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agent.buffer.folders import length_of

if TYPE_CHECKING:
    from pathlib import Path

NAME = "reserve"
STEPS = 4
_MOST_SHARE = 8  # at most this fraction of a file system
_UNIT = 1 << 16


class Reserve:
    """The reserve of a directory, `wanted` bytes of it, or less on a small file system; without directory, none.

    size, held: what it should be and what it is, in bytes.
    """

    def __init__(self, directory: Path | None, wanted: int) -> None:
        self._path = directory / NAME if directory else None
        self.size = self.held = 0
        if self._path is None:
            return
        disk = os.statvfs(self._path.parent)
        self.size = min(wanted, disk.f_blocks * disk.f_frsize // _MOST_SHARE) // _UNIT * _UNIT
        self.held = length_of(self._path)
        if self.held > self.size:  # it was set to less
            self._cut(self.size)
        self.refill()

    @property
    def in_use(self) -> bool:
        """Whether some of it was given back, so that only what it is for may be written."""
        return self.held < self.size

    def give_back(self) -> bool:
        """Make room by a step; False where nothing is left to give."""
        if not self.held:
            return False
        self._cut(max(0, self.held - max(_UNIT, self.size // STEPS)))
        return True

    def refill(self) -> bool:
        """Take the room again if there is plenty; return whether the reserve is whole."""
        if self._path is None or not self.in_use:
            return True
        try:
            disk = os.statvfs(self._path.parent)
            if disk.f_bavail * disk.f_frsize < self.size - self.held + self.size:
                return False
            self._allocate(self._path)
        except OSError:  # somebody else was quicker, or the card is gone: it is tried again
            return False
        return True

    def _allocate(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self.size)
            self.held = self.size
        except OSError:
            os.ftruncate(descriptor, self.held)
            raise
        finally:
            os.close(descriptor)

    def _cut(self, size: int) -> None:
        assert self._path is not None
        os.truncate(self._path, size)
        self.held = size
