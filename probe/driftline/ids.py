"""What an inference is called, so that the truth about it can be told later: 64 bits, and how they are written.

A name that the service gives (a part number, the name of a picture) is hashed; everything else is called after its ring
and its sequence number, which are in the record already, and is written `dl-` and 16 hex digits. No file is touched.
"""

from __future__ import annotations

import operator
import re
import struct
import sys
import threading
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROW_BITS = 16  # of an id: which row of a batch
MASK = (1 << 64) - 1
TEXT_LIMIT = 512
OWN = re.compile(r"dl-[0-9a-f]{16}")
_ring = struct.Struct("<QQQ16sQ")


class BadIdError(ValueError):
    """What was given cannot be the id of an inference; the message says what would do."""


class Newest(threading.local):
    """The newest inference of each thread: a number where it has no name of its own."""

    call: int | str | None = None


newest = Newest()


class Remembered:
    """The sequence numbers of a ring, each remembered as the newest of the thread that takes it."""

    def __init__(self, counter: Iterator[int], base: int) -> None:
        self._counter = counter
        self._base = base

    def __iter__(self) -> Iterator[int]:
        return self

    def __next__(self) -> int:
        seq = next(self._counter)
        newest.call = self._base + (seq << ROW_BITS)
        return seq


def base_of(pid: int, start_ticks: int, pid_namespace: int, boot_id: bytes, created_ns: int) -> int:
    """Return where the ids of a ring begin, from what its header says of it.

    Row r of record s is called base + s * 2 ** 16 + r, modulo 2 ** 64.
    """
    packed = _ring.pack(pid, start_ticks, pid_namespace, boot_id, created_ns)
    return int.from_bytes(blake2b(packed, digest_size=8).digest(), "little")


def number_of(name: Any) -> int:
    """Return the 64 bits of an id: of a text, of a whole number, or of what `last_id` gave. Raises BadIdError.

    White space around it does not count, and 17 is the same as "17".

    >>> number_of("dl-00000000000000ff"), number_of(17) == number_of(" 17 ")
    (255, True)
    """
    text = text_of(name)
    if OWN.fullmatch(text):
        return int(text[3:], 16)
    return int.from_bytes(_hash(text), "little")


def text_of(name: Any) -> str:
    """Return an id as a text. Raises BadIdError."""
    if isinstance(name, bool) or name is None:
        raise BadIdError(f"{name!r} is no id; a text or a whole number is")
    if not isinstance(name, str):
        try:
            name = str(operator.index(name))
        except TypeError:
            raise BadIdError(f"a {type(name).__name__} is no id; a text or a whole number is") from None
    text: str = name.strip()
    if not text or len(text) > TEXT_LIMIT:
        raise BadIdError(f"an id has 1 to {TEXT_LIMIT} characters, not {len(text)}")
    return text


def bytes_of(names: Iterable[Any]) -> bytes:
    """Return the ids of a call's rows as a record keeps them. Raises BadIdError."""
    return b"".join([number_of(name).to_bytes(8, sys.byteorder) for name in names])


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def written(number: int) -> str:
    """Return how an id that is a number is written.

    >>> written(255)
    'dl-00000000000000ff'
    """
    return f"dl-{number & MASK:016x}"


def last_id(row: int = 0) -> str | None:
    """Return the id of the newest inference that this thread ran, to give its truth to `driftline.label` later.

    Of a batch, `row` says which. None before the first inference, and where the model was watched without `ids=True`.
    """
    call = newest.call
    if isinstance(call, int):
        return written(call + row)
    return call
