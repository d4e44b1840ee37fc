"""Reads the frame of a DuckDB write-ahead log: how far it is sound, and where something older begins.

DuckDB refuses to open a file whose log has a damaged entry, and silently ignores the whole log where its first entry
cannot be read; so the log is walked before DuckDB sees it. Layout, DuckDB 2.0: a version entry without checksum and of
variable length, then entries of u64 size, u64 checksum, data; data begins with the field 100, the kind of the entry.
Checked against the running DuckDB by the tests.
"""

from __future__ import annotations

import io
import os
import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from agent.buffer.log_order import COMMITTED, ENTRY, Order

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FRAME = struct.Struct("<QQ")
_LONGEST_PREAMBLE = 256
_MASK = (1 << 64) - 1
WORD_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
_TAIL_FACTOR = 0xC6A4A7935BD1E995
_SEARCHED_BYTES = 4 << 20
_WORDS = 1 << 13  # that fit into a cache next to their products: three times as fast as all at once
_BUFFER_BYTES = 1 << 20
_HEAD_BYTES = 128
_VERSION = b"\x64\x00\x62"  # what DuckDB takes for no log where it is not at the very beginning
# Version, identity of the file, how often it was checkpointed: as DuckDB 2.0 writes it; others are searched for an end.
_PREAMBLE = re.compile(rb"d\0be\0.f\0\x10(?:[\x80-\xff]?[\0-\x7f]){16}g\0[\x80-\xff]{0,9}[\0-\x7f]\xff\xff", re.DOTALL)
_CHECKPOINT = ENTRY + b"\x63"


@dataclass(frozen=True, slots=True)
class WalState:
    """`sound` bytes of `size` can be read; `torn`: the rest is one entry whose end never reached the disk.

    stale: where the first transaction begins that cannot follow those before (`agent.buffer.log_order`), -1: none does.
    folding: a checkpoint began and did not end (the log goes with its end), so the file may be half rewritten. DuckDB
    logs the beginning as a transaction of its own, and after a restart others follow it.
    ends: where each transaction ends. number: the first that a row of a numbered table has, 0 where there is none.
    """

    size: int
    sound: int
    torn: bool
    stale: int = -1
    folding: bool = False
    ends: tuple[int, ...] = field(default=(), compare=False)
    number: int = field(default=0, compare=False)


def examine(
    path: Path, after: int = 0, begins_at: int | None = None, instead: tuple[int, bytes] = (0, b"")
) -> WalState:
    """Walk the log at `path`; the batches of a segment are numbered higher than `after`.

    begins_at: where its first entry is, where what stands before it cannot be read. instead: bytes from a place on that
    are read in place of those that are there.
    """
    size = path.stat().st_size
    with path.open("rb", 0) as raw, io.BufferedReader(_Changed(raw, *instead), _BUFFER_BYTES) as file:
        at = _first_entry(file, size) if begins_at is None else begins_at
        if at is None:
            return WalState(size, 0, torn=size <= _LONGEST_PREAMBLE)
        file.seek(at)
        ends: list[int] = []
        begins = at
        stale, folding, order = -1, False, Order(after)
        while at < size:
            entry = _entry(file, size - at)
            if entry is None:
                file.seek(at)
                return WalState(size, at, _is_torn(file, size - at), stale, folding, tuple(ends), order.first)
            data, stored = entry
            at += FRAME.size + len(data)
            folding = folding or data.startswith(_CHECKPOINT)
            follows = order.hear(data, stored)
            if follows is not None:
                if stale < 0 and not follows:
                    stale = begins
                ends.append(at)
                begins = at
    return WalState(size, at, torn=False, stale=stale, folding=folding, ends=tuple(ends), number=order.first)


class _Changed(io.RawIOBase):
    """A file as it would be with some of its bytes changed."""

    def __init__(self, file: io.FileIO, at: int, data: bytes) -> None:
        self._file, self._at, self._data = file, at, data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        begin = self._file.tell()
        count = self._file.readinto(buffer) or 0
        first, end = max(self._at, begin), min(self._at + len(self._data), begin + count)
        if first < end:
            buffer[first - begin : end - begin] = self._data[first - self._at : end - self._at]
        return count


def checksum(data: bytes) -> int:
    """Return DuckDB's checksum of `data`.

    >>> checksum(b"")
    5381
    """
    whole = len(data) // 8
    words = np.frombuffer(data, "<u8", whole)
    result = 5381
    for start in range(0, whole, _WORDS):
        result ^= int(np.bitwise_xor.reduce(words[start : start + _WORDS] * WORD_FACTOR))
    if whole * 8 < len(data):
        result ^= _checksum_of_tail(data[whole * 8 :])
    return result


def _checksum_of_tail(tail: bytes) -> int:
    value = 0xE17A1465 ^ (len(tail) * _TAIL_FACTOR & _MASK)
    value = (value ^ int.from_bytes(tail, "little")) * _TAIL_FACTOR & _MASK
    value = (value ^ value >> 47) * _TAIL_FACTOR & _MASK
    return value ^ value >> 47


def _entry(file: BinaryIO, left: int) -> tuple[bytes, int] | None:
    """Read the entry that begins here and its checksum, with `left` bytes up to the end; None where it is not sound."""
    head = file.read(FRAME.size)
    if len(head) < FRAME.size:
        return None
    size, stored = FRAME.unpack(head)
    if not 0 < size <= left - FRAME.size:
        return None
    data = file.read(size)
    return (data, stored) if checksum(data) == stored else None


def _first_entry(file: BinaryIO, size: int) -> int | None:
    if file.read(len(_VERSION)) != _VERSION:
        return None
    file.seek(0)
    if preamble := _PREAMBLE.match(file.read(_LONGEST_PREAMBLE)):
        return preamble.end()
    for at in range(1, min(_LONGEST_PREAMBLE, size)):
        file.seek(at)
        if _entry(file, size - at) is not None:
            return at
    return None


def _is_torn(file: BinaryIO, left: int) -> bool:
    """Whether the `left` bytes from here on are the beginning of one entry whose end never reached the disk."""
    head, rest = file.read(FRAME.size), file.read(_SEARCHED_BYTES)
    if len(head) < FRAME.size:
        return True
    longer = left - FRAME.size < FRAME.unpack(head)[0] < 1 << 32 and rest != COMMITTED
    return longer and ENTRY.startswith(rest[: len(ENTRY)]) and not any(sound_entries(rest))


def sound_entries(rest: bytes) -> Iterator[int]:
    """Yield where the data of sound entries begins: one that follows shows that a length before it was changed."""
    at = rest.find(ENTRY, FRAME.size)
    while at >= 0:
        size, stored = FRAME.unpack_from(rest, at - FRAME.size)
        if 0 < size <= len(rest) - at and checksum(rest[at : at + size]) == stored:
            yield at
        at = rest.find(ENTRY, at + 1)


def skim(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Yield where each entry of a sound log begins and ends, and the first bytes of its data; the rest is not read.

    `file` is open without a buffer. The first is what stands before the entries.
    """
    size = file.seek(0, 2)
    file.seek(0)
    at = _first_entry(file, size) or 0
    yield 0, at, b""
    while at < size:
        head = os.pread(file.fileno(), FRAME.size + _HEAD_BYTES, at)
        end = at + FRAME.size + FRAME.unpack_from(head)[0]
        yield at, end, head[FRAME.size :]
        at = end
