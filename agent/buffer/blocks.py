"""Mends blocks of a database file from their checksums: one wrong bit, and what a checkpoint that was cut off leaves.

DuckDB (2.0) checks each block, 8 bytes of checksum before the rest: three headers of 4 KiB, then blocks of equal size.
A checkpoint writes what is new to the free parts of blocks of metadata, and those blocks whole, in their place. What
they held before stays byte for byte where it was, and the headers and the log still lead to it; but where the write is
cut off by a crash, the checksum fits neither the block before nor the one after, and DuckDB refuses the file.
"""

from __future__ import annotations

import os
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
_SUM = struct.Struct("<Q")
_FIELDS_BYTES = 72  # of the two headers; the rest of them is zero


def mend(path: Path, at: int, *, folding: bool) -> str:
    """Mend the block at `at`; return what was done, empty where nothing could be. Raises OSError.

    `folding`: the log says that a checkpoint was under way.
    """
    block = _read(path, at)
    if len(block) <= _SUM.size:
        return ""
    if mended := _flip_back(block, _FIELDS_BYTES if at in HEADERS else len(block)):
        _write(path, at, mended)
        return "one wrong bit in it was set right by its checksum; nothing was lost"
    if not folding:
        return ""
    if at in HEADERS:
        # The checkpoint was about to make this header the newer one; the other one is what holds.
        other = _read(path, sum(HEADERS) - at)
        if checksum(other[_SUM.size :]) != _SUM.unpack_from(other)[0]:
            return ""
        _write(path, at, other)
    elif at:
        _write(path, at, _SUM.pack(checksum(block[_SUM.size :])) + block[_SUM.size :])
    else:
        return ""
    return "a crash had cut its writing off; what it held before is in it, and the log holds the rest"


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
        return os.pread(file.fileno(), HEADER_BYTES if at <= max(HEADERS) else BLOCK_BYTES, at)


def _write(path: Path, at: int, block: bytes) -> None:
    with path.open("r+b") as file:
        os.pwrite(file.fileno(), block, at)
        os.fsync(file.fileno())
