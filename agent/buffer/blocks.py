"""Checks and mends blocks of a database file by their checksums: one wrong bit, a write that was cut off.

DuckDB (2.0) checks each block, 8 bytes of checksum before the rest: three headers of 4 KiB, then blocks of equal size.
Nothing here may be called while DuckDB has the file open: closing it would drop DuckDB's lock.
"""

from __future__ import annotations

import os
import re
import struct
from typing import TYPE_CHECKING

import numpy as np

from agent.buffer.wal import WORD_FACTOR, checksum

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BLOCK_BYTES = 1 << 16
HEADER_BYTES = 1 << 12
HEADERS = (HEADER_BYTES, 2 * HEADER_BYTES)  # the two that checkpoints write in turn, behind the fixed one
FIRST_BLOCK = 3 * HEADER_BYTES
_SUM = struct.Struct("<Q")
_FIELDS_BYTES = 72  # of the two headers; the rest of them is zero
_NAMED = re.compile(r"in block at location (\d+)")


def named_in(message: str) -> int | None:
    """Return which block a message of DuckDB's is about, None for none."""
    found = _NAMED.search(message)
    return int(found[1]) if found else None


def unsound(path: Path) -> set[int]:
    """Return where the headers and blocks begin whose checksum is wrong by more than one bit. Raises OSError.

    The free blocks among them do no harm: nothing reads what a checkpoint had begun to write there. A block that the
    file ends within is free; of one that the disk cannot read DuckDB tells.
    """
    wrong = set()
    with path.open("rb") as file:
        whole = os.fstat(file.fileno()).st_size
        for at in (*HEADERS, *range(FIRST_BLOCK, whole - BLOCK_BYTES + 1, BLOCK_BYTES)):
            try:
                block = os.pread(file.fileno(), _length(at), at)
            except OSError:
                continue
            if len(block) == _length(at) and not _is_sound(block) and _flip_back(block, _fields(at)) is None:
                wrong.add(at)
    return wrong


def mend(path: Path, at: int) -> bool:
    """Turn the one wrong bit of the block at `at` back; False where it is not known to be one. Raises OSError."""
    block = _read(path, at)
    mended = _flip_back(block, _fields(at)) if len(block) > _SUM.size else None
    if mended:
        _write(path, at, mended)
    return mended is not None


def settle(path: Path, at: int) -> None:
    """Make a header or block readable whose writing was cut off, where that can be done. Raises OSError.

    Call it for blocks of metadata only: what their free parts were being filled with is not in use, and all else in
    them was written as it had been before. Of the two headers the other one holds.
    """
    block = _read(path, at)
    if at not in HEADERS:
        block = _SUM.pack(checksum(block[_SUM.size :])) + block[_SUM.size :]
    elif not _is_sound(block := _read(path, sum(HEADERS) - at)):
        return
    _write(path, at, block)


def _is_sound(block: bytes) -> bool:
    return bool(checksum(block[_SUM.size :]) == _SUM.unpack_from(block)[0])


def _length(at: int) -> int:
    return HEADER_BYTES if at < FIRST_BLOCK else BLOCK_BYTES


def _fields(at: int) -> int:
    return _FIELDS_BYTES if at in HEADERS else _length(at)


def _flip_back(block: bytes, fields: int) -> bytes | None:
    """Return the block with the one bit turned that makes its checksum right, None where it is not known which.

    Beyond `fields` bytes there are zeros.
    """
    turned = turn_back(block[_SUM.size :], _SUM.unpack_from(block)[0], fields - _SUM.size)
    return None if turned is None else _SUM.pack(turned[1]) + turned[0]


def turn_back(data: bytes, stored: int, fields: int | None = None) -> tuple[bytes, int] | None:
    """Return data and checksum with the one bit turned that makes them fit, None where it is not known which.

    The checksum is an exclusive or over products of single words, so each bit of each word can be tried by itself; the
    same bit of two equal words cannot be told apart, nor can the highest of any. Beyond `fields` bytes there are zeros.
    """
    wrong = stored ^ checksum(data)
    whole = len(data) // 8
    words = np.frombuffer(data, "<u8", whole).copy()
    used = whole if fields is None else min(fields // 8, whole)
    beyond = np.flatnonzero(words[used:]) + used
    candidates = _turns(words, beyond, wrong) or _turns(words, np.arange(used), wrong)
    tails = [tail for tail in _turned_tails(data[whole * 8 :]) if checksum(words.tobytes() + tail) == stored]
    in_checksum = wrong.bit_count() == 1
    if len(candidates) + len(tails) + in_checksum != 1:
        return None
    if in_checksum:
        return data, stored ^ wrong
    for at, turn in candidates:
        words[at] ^= turn
    return words.tobytes() + (tails or [data[whole * 8 :]])[0], stored


def _turned_tails(tail: bytes) -> list[bytes]:
    """Return what follows the last whole word with each of its bits turned."""
    value = int.from_bytes(tail, "little")
    return [(value ^ 1 << bit).to_bytes(len(tail), "little") for bit in range(8 * len(tail))]


def _turns(words: NDArray[np.uint64], places: NDArray[np.int64], wrong: int) -> list[tuple[int, np.uint64]]:
    """Return which bit of which word may be wrong, where the checksum is off by `wrong`."""
    products = words[places] * WORD_FACTOR
    return [
        (int(at), turn)
        for turn in (np.uint64(1 << bit) for bit in range(64))
        for at in places[((words[places] ^ turn) * WORD_FACTOR) ^ products == np.uint64(wrong)]
    ]


def _read(path: Path, at: int) -> bytes:
    with path.open("rb") as file:
        return os.pread(file.fileno(), _length(at), at)


def _write(path: Path, at: int, block: bytes) -> None:
    with path.open("r+b") as file:
        os.pwrite(file.fileno(), block, at)
        os.fsync(file.fileno())
