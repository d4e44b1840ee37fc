"""How a long answer goes over the local API: pieces of bytes, then a verdict that says whether it is whole.

Each piece is its length (u32, little-endian, more than 0) and its bytes. A length of 0 ends them; what follows is the
verdict, as JSON. An answer without a verdict was cut off.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LENGTH = struct.Struct("<I")
MOST_BYTES = 1 << 20  # of one piece
_MOST_VERDICT = 1 << 16
_MOST_WORDS = 4_000  # characters of an error, and of all notes: six bytes each at most, so that a verdict fits


class Verdict(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How it ended.

    rows: how many the answer holds. truncated: whether there were more. error: why there is no answer, in words.
    again: it could not be read now, because its files changed meanwhile; asking again helps. damaged: damage was met.
    notes: what was left out of the answer, and why.
    """

    rows: int = 0
    truncated: bool = False
    error: str = ""
    again: bool = False
    damaged: bool = False
    notes: tuple[str, ...] = ()


def frame(piece: bytes) -> bytes:
    r"""Make one piece ready to be sent.

    >>> frame(b"ab")
    b'\x02\x00\x00\x00ab'
    """
    return _LENGTH.pack(len(piece)) + piece


def encode_verdict(verdict: Verdict) -> bytes:
    """Make a verdict ready to be sent, with words that are too long shortened."""
    notes: list[str] = []
    left = _MOST_WORDS
    for note in verdict.notes:
        left -= len(note) + 1
        if left < 0:
            notes.append(f"and {len(verdict.notes) - len(notes)} more notes")
            break
        notes.append(note)
    return msgspec.json.encode(
        msgspec.structs.replace(verdict, error=_shortened(verdict.error), notes=tuple(notes)),
    )


def _shortened(words: str) -> str:
    return words if len(words) <= _MOST_WORDS else f"{words[:_MOST_WORDS]}... ({len(words)} characters)"


def end(verdict: Verdict) -> bytes:
    """Make the end of an answer."""
    return _LENGTH.pack(0) + encode_verdict(verdict)


def unframe(read: Callable[[int], bytes]) -> Iterator[bytes | Verdict]:
    """Give the pieces of an answer, and last its verdict; `read` returns as many bytes as asked for, less at its end.

    Raises ValueError where the answer is cut off or is none.
    """
    while length := _LENGTH.unpack(_exactly(read, _LENGTH.size))[0]:
        if length > MOST_BYTES:
            raise ValueError(f"a piece of {length} bytes is no piece of an answer")
        yield _exactly(read, length)
    try:
        yield msgspec.json.decode(read(_MOST_VERDICT), type=Verdict)
    except msgspec.MsgspecError as error:
        raise ValueError(f"the answer has no end: {error}") from error


def _exactly(read: Callable[[int], bytes], count: int) -> bytes:
    piece = read(count)
    if len(piece) < count:
        raise ValueError("the answer was cut off")
    return piece
