"""Reads the frame of a DuckDB write-ahead log: how far it is sound. It understands no entry, only where each one ends.

DuckDB refuses to open a file whose log has a damaged entry, and silently ignores the whole log where its first entry
cannot be read; so the log is walked before DuckDB sees it. Layout, DuckDB 2.0: a version entry without checksum and of
variable length, then entries of u64 size, u64 checksum, data. Checked against the running DuckDB by the tests.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

_FRAME = struct.Struct("<QQ")
_LONGEST_PREAMBLE = 256
_MASK = (1 << 64) - 1
_WORD_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
_TAIL_FACTOR = 0xC6A4A7935BD1E995


@dataclass(frozen=True, slots=True)
class WalState:
    """`sound` bytes of `size` can be read; `torn`: the rest is one entry whose end never reached the disk."""

    size: int
    sound: int
    torn: bool


def examine(path: Path) -> WalState:
    """Walk the log at `path`."""
    data = path.read_bytes()
    size = len(data)
    at = _first_entry(data)
    if at is None:
        return WalState(size, 0, torn=size <= _LONGEST_PREAMBLE)
    while at < size:
        length = _entry_length(data, at)
        if length is None:
            return WalState(size, at, torn=_cut_short(data, at))
        at += length
    return WalState(size, at, torn=False)


def checksum(data: bytes) -> int:
    """Return DuckDB's checksum of `data`.

    >>> checksum(b"")
    5381
    """
    whole = len(data) // 8 * 8
    result = 5381
    if whole:
        result ^= int(np.bitwise_xor.reduce(np.frombuffer(data, "<u8", whole // 8) * _WORD_FACTOR))
    if whole < len(data):
        result ^= _checksum_of_tail(data[whole:])
    return result


def _checksum_of_tail(tail: bytes) -> int:
    value = 0xE17A1465 ^ (len(tail) * _TAIL_FACTOR & _MASK)
    value = (value ^ int.from_bytes(tail, "little")) * _TAIL_FACTOR & _MASK
    value = (value ^ value >> 47) * _TAIL_FACTOR & _MASK
    return value ^ value >> 47


def _entry_length(data: bytes, at: int) -> int | None:
    if at + _FRAME.size > len(data):
        return None
    size, stored = _FRAME.unpack_from(data, at)
    end = at + _FRAME.size + size
    if size == 0 or end > len(data) or checksum(data[at + _FRAME.size : end]) != stored:
        return None
    return int(end - at)


def _first_entry(data: bytes) -> int | None:
    for at in range(1, min(_LONGEST_PREAMBLE, len(data))):
        if _entry_length(data, at) is not None:
            return at
    return None


def _cut_short(data: bytes, at: int) -> bool:
    """Whether what follows `at` is the beginning of one entry whose end never reached the disk."""
    left = len(data) - at - _FRAME.size
    if left < 0:
        return True
    size, _ = _FRAME.unpack_from(data, at)
    return bool(left < size < 1 << 32)
