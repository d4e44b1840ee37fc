"""One ring file: made, reserved bit by bit, and kept an eye on.

A sparse file on a full tmpfs kills its writer with SIGBUS at the first touch, so no page is written before
`posix_fallocate` has reserved it. Reserving all of 8 MiB takes milliseconds; a piece at a time, it takes some 30 us
every few hundred records of the first lap, and never again.

`limit[0]` is the first sequence number that may not be written without asking `advance`. It is a list so that every
writer sees at once when it is set to 0, which retires the ring.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import time
from itertools import count
from typing import TYPE_CHECKING, Any

from driftline import ids, wire

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from driftline.identity import Process

CHUNK = 64 << 10
CHECK_EVERY = 4096
MAX_SLOTS = 8192
MIN_SLOTS = 64
NAMES_TRIED = 256
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FIXED = wire.FIXED
# "L" is eight bytes wherever Linux is 64 bits wide, and packs faster than "Q".
WORD = "L" if struct.calcsize("@L") == struct.calcsize("@Q") else "Q"


class RingRemovedError(OSError):
    """Someone else removed the file under the ring: harmless, but no one will ever read it."""


class RingCutError(OSError):
    """Someone else truncated the file under the ring: touching it further would end the process."""


class Ring:
    """A ring file that this process writes.

    Attributes
    ----------
    view : memoryview
        The slots, from the first one on.
    counter : iterator of int
        Sequence numbers; `next` is atomic, so threads need no lock.
    slots, slot_bytes : int
    limit : list of one int
    """

    def __init__(
        self,
        directory: int,
        stem: str,
        identity: Mapping[str, Any],
        process: Process,
        sizes: tuple[int, int],
        suffix: str = wire.SUFFIX,
    ) -> None:
        self.slots, self.slot_bytes = sizes
        self.size = wire.HEADER_BYTES + self.slots * self.slot_bytes
        self.process = process
        self.reserved = 0
        self.path = ""
        self.limit = [0]
        self.counter: Iterator[int] = count(1)
        self.created_ns = time.monotonic_ns()
        self._signature_end = wire.SIGNATURES_AT
        self.signatures = 0
        temporary = f".{stem}-{process.pid}-{time.monotonic_ns()}.tmp"
        self.descriptor = os.open(temporary, _CREATE, 0o640, dir_fd=directory)
        try:
            os.fchmod(self.descriptor, 0o640)  # whatever the umask; the directory decides who comes near
            os.ftruncate(self.descriptor, self.size)
            self._reserve(wire.HEADER_BYTES + CHUNK)
            self._map = mmap.mmap(self.descriptor, self.size)
            self.view = memoryview(self._map)[wire.HEADER_BYTES :]
            self._write_header(identity)
            self.add_signature({"parts": []})
            self.name = _publish(directory, temporary, f"{stem}-{process.pid}", suffix)
        except BaseException:
            os.close(self.descriptor)
            self.descriptor = -1
            raise
        finally:
            os.unlink(temporary, dir_fd=directory)

    def __del__(self) -> None:
        if getattr(self, "descriptor", -1) >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _write_header(self, identity: Mapping[str, Any]) -> None:
        process = self.process
        _FIXED.pack_into(
            self._map,
            0,
            wire.MAGIC,
            wire.VERSION,
            wire.HEADER_BYTES,
            self.slot_bytes,
            self.slots,
            process.pid,
            0,
            process.start_ticks,
            process.pid_namespace,
            process.boot_id,
            self.created_ns,
            time.time_ns(),
        )
        text = json.dumps(identity).encode("utf-8")
        if wire.IDENTITY_AT + wire.LENGTH.size + len(text) > wire.SIGNATURES_AT:
            raise ValueError("the identity does not fit into the header")
        self._write_text(wire.IDENTITY_AT, text)

    def _write_text(self, at: int, text: bytes) -> int:
        start = at + wire.LENGTH.size
        self._map[start : start + len(text)] = text
        wire.LENGTH.pack_into(self._map, at, len(text))
        return start + len(text)

    def remember(self) -> None:
        """Remember from here on, for each thread, which record was its newest."""
        process = self.process
        base = ids.base_of(process.pid, process.start_ticks, process.pid_namespace, process.boot_id, self.created_ns)
        self.counter = ids.Remembered(self.counter, base)

    def add_signature(self, signature: Mapping[str, Any]) -> int | None:
        """Write a signature; return its index, or None where the table is full. One thread at a time."""
        text = json.dumps(signature).encode("utf-8")
        if self.signatures >= wire.MAX_SIGNATURES:
            return None
        if self._signature_end + wire.LENGTH.size + len(text) > wire.HEADER_BYTES:
            return None
        self._signature_end = self._write_text(self._signature_end, text)
        self.signatures += 1
        # The count comes last: what it counts is complete.
        struct.pack_into("@Q", self._map, wire.COUNTERS_AT + 8, self.signatures)
        return self.signatures - 1

    def store_dropped(self, dropped: int) -> None:
        """Show in the header how many records were dropped so far."""
        struct.pack_into("@Q", self._map, wire.COUNTERS_AT, dropped)

    def advance(self, seq: int) -> None:
        """Make sure that record `seq` may be written, and move the limit. Raises OSError; then nothing may be written.

        Safe to call from several threads: all of them come to the same end.
        """
        found = os.fstat(self.descriptor)
        if found.st_size < self.size:
            raise RingCutError("the ring's file was truncated")
        if found.st_nlink == 0:
            raise RingRemovedError("the ring's file was removed")
        if self.reserved < self.size:
            self._reserve(wire.HEADER_BYTES + (min(seq, self.slots) + 1) * self.slot_bytes + CHUNK)
        if self.reserved < self.size:
            self.limit[0] = (self.reserved - wire.HEADER_BYTES) // self.slot_bytes
        else:
            self.limit[0] = max(seq, self.slots) + CHECK_EVERY

    def _reserve(self, end: int) -> None:
        end = min(self.size, end)
        if end > self.reserved:
            os.posix_fallocate(self.descriptor, self.reserved, end - self.reserved)
            self.reserved = end


def _publish(directory: int, temporary: str, stem: str, suffix: str) -> str:
    # A link, not a rename: two containers that share the directory may both be pid 1, and none may lose its ring.
    for number in range(NAMES_TRIED):
        name = f"{stem}-{number}{suffix}"
        try:
            os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        except FileExistsError:
            continue
        return name
    raise FileExistsError(17, f"{NAMES_TRIED} rings called {stem} lie in the run directory")


def sizes_for(payload: int, mib: float) -> tuple[int, int]:
    """Return slots and bytes a slot for a payload, in a ring of about `mib` MiB.

    >>> sizes_for(296, 8)
    (8192, 336)
    """
    slot_bytes = wire.RECORD_OVERHEAD + (payload + 7) // 8 * 8
    return max(MIN_SLOTS, min(MAX_SLOTS, int(mib * (1 << 20)) // slot_bytes)), slot_bytes
