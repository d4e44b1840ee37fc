"""States in the recorder's folder: newer than those on the disk, as long as the device is not switched off.

A checkpoint names the state on the disk that it goes beyond; where that has changed since, it is out of date.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from hashlib import blake2b

from agent.buffer.journal import write_all

_DIGEST = 16
_PREFIX = "state-"


class Checkpoints:
    """States by stream and part. `folder` is a directory's descriptor; None keeps nothing."""

    def __init__(self, folder: int | None) -> None:
        self._folder = folder

    def put(self, key: str, part: str, payload: bytes, before: bytes | None) -> bool:
        """Keep a state that goes beyond `before`, which is on the disk; False where it cannot be kept."""
        if self._folder is None:
            return False
        name = _name(key, part)
        body = _digest(before) + payload
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(f"{name}.tmp", flags, 0o600, dir_fd=self._folder)
            try:
                whole = zlib.crc32(body).to_bytes(4, "little") + body
                write_all(descriptor, whole, 0)
            finally:
                os.close(descriptor)
            os.rename(f"{name}.tmp", name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError:
            self.drop(key, part)
            return False
        return True

    def get(self, key: str, part: str, before: bytes | None) -> bytes | None:
        """Return the state that goes beyond `before`, None where there is no such or it is damaged."""
        if self._folder is None:
            return None
        try:
            descriptor = os.open(_name(key, part), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            whole = file.read()
        body = whole[4:]
        if zlib.crc32(body).to_bytes(4, "little") != whole[:4] or body[:_DIGEST] != _digest(before):
            return None
        return body[_DIGEST:]

    def drop(self, key: str, part: str) -> None:
        """Forget a state."""
        if self._folder is not None:
            for name in (_name(key, part), f"{_name(key, part)}.tmp"):
                with suppress(OSError):
                    os.unlink(name, dir_fd=self._folder)


def _name(key: str, part: str) -> str:
    return _PREFIX + blake2b(f"{part}\0{key}".encode("utf-8", "surrogatepass"), digest_size=_DIGEST).hexdigest()


def _digest(payload: bytes | None) -> bytes:
    return blake2b(payload or b"", digest_size=_DIGEST).digest()
