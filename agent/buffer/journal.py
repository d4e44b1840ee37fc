"""An append-only log of what the recorder took in, on the run directory: memory that survives a kill of the agent.

Two files take turns; when the one in use is full, the older is emptied: what is kept is bounded and always the newest.
Each frame has a length, a number and a checksum. Whatever else the files hold (a torn frame, somebody's rubbish) ends
what is read of them and is told in a sentence; a file system that is full costs the journal its content, nothing else.
Nothing here waits for a disk.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = "recorder"
_MAGIC = b"driftline recorder 1\n"
_FRAME = struct.Struct("<IIQ")  # length and CRC-32 of number and payload, number
_OWNER_BYTES = 32
_BEGIN = len(_MAGIC) + _OWNER_BYTES


class Journal:
    """Keeps frames in `run_dir`, or nowhere where that cannot be written: then `note` says why.

    Parameters
    ----------
    run_dir
        Where; None for nowhere.
    limit_bytes
        What both files may take.
    owner
        32 characters that name the state directory: frames of another are not read.

    """

    def __init__(self, run_dir: Path | None, limit_bytes: int, owner: str) -> None:
        self.note = ""
        # The number of the newest frame. It begins anywhere, so that no mark of a lost journal is one of this one.
        self.last = int.from_bytes(os.urandom(6), "little")
        self._half = max(limit_bytes // 2, 1 << 16)
        self._head = _MAGIC + owner.encode("ascii", "replace").ljust(_OWNER_BYTES)[:_OWNER_BYTES]
        self._files: list[int] = []  # descriptors; the first is written to
        self._sizes = [0, 0]
        self._lock = -1
        if run_dir is not None and limit_bytes:
            try:
                self._open(run_dir / FOLDER)
            except OSError as error:
                self._give_up(f"{run_dir / FOLDER}: {error.strerror or error}")

    @property
    def folder(self) -> int | None:
        """A descriptor of the folder that is the agent's own; None where there is none."""
        return self._lock if self._files else None

    @property
    def working(self) -> bool:
        """Whether frames are kept."""
        return bool(self._files)

    def load(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and payload of what is kept, oldest first. To be read to its end before anything is appended."""
        found = []
        for at, descriptor in enumerate(self._files):
            try:
                frames, sound = self._read(descriptor)
            except OSError as error:
                self._give_up(f"it cannot be read: {error.strerror or error}")
                return
            found.append((frames[-1][0] if frames else 0, at, frames, sound))
        found.sort(reverse=True)  # the newest is written to
        self._files = [self._files[at] for _, at, _, _ in found]
        self._sizes = [sound for *_, sound in found]
        if not self._files:
            return
        newest, older = found[0][2], found[1][2]
        if older and newest and older[-1][0] + 1 != newest[0][0]:
            older = []
        for frames in (older, newest):
            yield from frames
        if newest:
            self.last = newest[-1][0]
        with suppress(OSError):
            for descriptor, size in zip(self._files, self._sizes, strict=True):
                os.ftruncate(descriptor, size)

    def append(self, payload: bytes) -> bool:
        """Keep a frame; return whether an older file was emptied for it, or everything was lost."""
        self.last += 1
        if not self._files:
            return False
        body = _FRAME.pack(len(payload), zlib.crc32(payload, self.last & 0xFFFFFFFF), self.last) + payload
        try:
            turned = self._sizes[0] > _BEGIN and self._sizes[0] + len(body) > self._half
            if turned:
                self._files.reverse()
                self._sizes.reverse()
                self._sizes[0] = 0
                os.ftruncate(self._files[0], 0)
            if not self._sizes[0]:
                body = self._head + body
            write_all(self._files[0], body, self._sizes[0])
            self._sizes[0] += len(body)
        except OSError as error:
            self.clear()
            self.note = f"the run directory takes no more ({error.strerror}): a kill of the agent may cost evidence"
            return True
        self.note = ""
        return turned

    def clear(self) -> None:
        """Forget everything that is kept."""
        with suppress(OSError):
            for descriptor in self._files:
                os.ftruncate(descriptor, 0)
        self._sizes = [0, 0]

    def close(self) -> None:
        """Let go of the files; they stay."""
        for descriptor in (*self._files, self._lock):
            with suppress(OSError):
                os.close(descriptor)
        self._files, self._lock = [], -1

    def _open(self, folder: Path) -> None:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise OSError(0, "it is not a directory of the agent's own")
        self._lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for name in ("journal-0", "journal-1"):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(name, flags, 0o600, dir_fd=self._lock)
            self._files.append(descriptor)
            kept = os.fstat(descriptor)
            if not stat.S_ISREG(kept.st_mode) or kept.st_uid != os.geteuid() or kept.st_nlink != 1:
                raise OSError(0, f"{name} is not a file of the agent's own")

    def _read(self, descriptor: int) -> tuple[list[tuple[int, bytes]], int]:
        """Return the sound frames of a file, and where they end."""
        size = os.fstat(descriptor).st_size
        data = os.pread(descriptor, min(size, 2 * self._half), 0)
        if not data.startswith(self._head):
            if size:
                self.note = "what was kept of the last minutes is another agent's, or damaged, and was passed over"
            return [], 0
        frames: list[tuple[int, bytes]] = []
        at = _BEGIN
        while at + _FRAME.size <= len(data):
            length, checksum, number = _FRAME.unpack_from(data, at)
            payload = data[at + _FRAME.size : at + _FRAME.size + length]
            follows = not frames or number == frames[-1][0] + 1
            if len(payload) < length or zlib.crc32(payload, number & 0xFFFFFFFF) != checksum or not follows:
                break
            frames.append((number, payload))
            at += _FRAME.size + length
        if at < len(data):
            self.note = f"{len(data) - at:,} bytes at the end of what was kept of the last minutes could not be read"
        return frames, at

    def _give_up(self, why: str) -> None:
        self.close()
        self.note = f"the last minutes are not kept over a kill of the agent: {why}"


def write_all(descriptor: int, data: bytes, at: int) -> None:
    """Write all of it, or raise OSError."""
    if os.pwrite(descriptor, data, at) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
