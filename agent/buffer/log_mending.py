"""Sets right what is wrong in a log and shows by checksums: its first bytes, the length of an entry, one bit of one.

The first bytes have no checksum. They name the file and how often it was folded, and so does the file: DuckDB opens
beside a log that begins otherwise as if there were none. Layout as in `agent.buffer.wal`.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from agent.buffer.blocks import HEADER_BYTES, HEADERS, turn_back
from agent.buffer.folders import wal_of
from agent.buffer.log_order import COMMITTED
from agent.buffer.wal import FRAME, WalState, checksum, examine, sound_entries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SUM = struct.Struct("<Q")
_IDENTITY = slice(124, 140)  # of each header of a file
_ITERATION = slice(8, 16)
_VERSION_BYTES = 6
_FOLDED = b"g\0"  # how often follows
_MOST_CHANGED = 4  # bytes: the head of another file's log differs in most of its sixteen
_MOST_ENTRY = 16 << 20
_MOST_MENDS = 8


def mend_log(
    wal: Path, headers: bytes, after: int = 0, held: Callable[[], int | None] = lambda: None
) -> tuple[WalState, list[str]]:
    """Set right what can be, by the `headers` of its file; return what the log is like then, and what was done.

    `held` tells the highest number that a row of a numbered table has in the file itself, None where that is not known.
    Nothing is sound in the log of another file. Raises OSError.
    """
    heads = heads_of(headers)
    done = [said] if (said := _mend_head(wal, heads, held)) else []
    state = examine(wal, after)
    if state.size and not _begins_as(wal, heads):
        return WalState(state.size, 0, torn=False), []
    while state.sound not in {0, state.size} and len(done) < _MOST_MENDS:
        said, right = _mend_entry(state, _read(wal, state.sound))
        if not said:
            break
        mended = examine(wal, after, instead=(state.sound, right))
        its_end = next((end for end in mended.ends if end > state.sound), 0)
        if state.stale < 0 <= mended.stale <= its_end:
            break  # what follows is older: two logs meet here, and this is a part of a transaction of before
        _write(wal, state.sound, right)
        done.append(said)
        state = mended
    return state, [f"{wal.name} was changed {said}; that was set right, and nothing was lost" for said in done]


def heads_of(headers: bytes) -> list[bytes]:
    """Return what the log of a file with these headers begins with, and what it did before the last checkpoint."""
    three = [headers[at : at + HEADER_BYTES] for at in (0, *HEADERS)]
    if len(headers) < len(three) * HEADER_BYTES:
        return []
    sound = [header for header in three if checksum(header[_SUM.size :]) == _SUM.unpack_from(header)[0]]
    if len(sound) < len(three):
        return []
    iteration = max(_SUM.unpack(header[_ITERATION])[0] for header in three[1:])
    identity = b"".join(_varint(byte) for byte in three[0][_IDENTITY])
    begin = b"d\0be\0\2f\0\x10" + identity + _FOLDED
    return [begin + _varint(number) + b"\xff\xff" for number in (iteration, iteration - 1) if number >= 0]


def begins_right(path: Path) -> bool:
    """Whether the log of a file begins as the file says, if there is one.

    No instance of this process has the file open: reading it would let go of its lock. Raises OSError.
    """
    wal = wal_of(path)
    if not wal.exists():
        return True
    with path.open("rb") as file:
        return _begins_as(wal, heads_of(file.read(HEADERS[-1] + HEADER_BYTES)))


def _begins_as(wal: Path, heads: list[bytes]) -> bool:
    with wal.open("rb") as file:
        begin = file.read(max(map(len, heads), default=0))
    # One of another version of DuckDB begins in another way; DuckDB knows whether it is of this file.
    known = [
        head
        for head in heads
        if begin[:_VERSION_BYTES] == head[:_VERSION_BYTES][: len(begin)]
        or _differing_bytes(begin, head) <= _MOST_CHANGED
    ]
    return not known or any(begin.startswith(head) or head.startswith(begin) for head in known)


def _mend_head(wal: Path, heads: list[bytes], held: Callable[[], int | None]) -> str:
    if not heads:
        return ""
    now, before = heads[0], heads[-1]
    with wal.open("rb") as file:
        begin = file.read(len(now))
    if now.startswith(begin) or _differing_bytes(begin, now) > _MOST_CHANGED:
        return ""
    state = examine(wal, begins_at=len(now))
    iteration = now.rindex(_FOLDED) + len(_FOLDED)
    if begin[iteration:] != now[iteration:]:
        # Changed, or a log of before the last time that it was folded in: then it is in the file already.
        if begin.startswith(before) and (state.folding or not state.number):
            return ""
        last = held() if state.number else 0
        if last is None or (state.number and state.number <= last) or not (state.number or state.sound > len(now)):
            return ""
    _write(wal, 0, now)
    return "in its first bytes, which its file knows"


def _read(wal: Path, at: int) -> bytes:
    with wal.open("rb") as file:
        file.seek(at)
        return file.read(FRAME.size + _MOST_ENTRY)


def _mend_entry(state: WalState, found: bytes) -> tuple[str, bytes]:
    """Say what is wrong where `found` begins, and what should be there instead; empty where that is not known."""
    head, rest = found[: FRAME.size], found[FRAME.size :]
    if len(head) < FRAME.size:
        return "", b""
    size, stored = FRAME.unpack(head)
    ends = [at - FRAME.size for at in sound_entries(rest)]
    if state.sound + FRAME.size + len(rest) == state.size:
        ends.append(len(rest))
    for end in ends:
        if 0 < end != size and checksum(rest[:end]) == stored:
            return f"at byte {state.sound}, in the length of an entry", FRAME.pack(end, stored)
        if rest[:end] == COMMITTED:
            return f"at byte {state.sound}, before the end of a transaction", FRAME.pack(end, checksum(COMMITTED))
    if 0 < size <= len(rest) and (turned := turn_back(rest[:size], stored)):
        data, stored = turned
        return f"at byte {state.sound}, by one wrong bit", FRAME.pack(size, stored) + data
    return "", b""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >> 7:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _differing_bytes(one: bytes, other: bytes) -> int:
    return sum(a != b for a, b in zip(one[: len(other)], other, strict=False)) + max(0, len(other) - len(one))


def _write(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        os.pwrite(file.fileno(), data, at)
        os.fsync(file.fileno())
