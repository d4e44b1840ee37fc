"""The file that `driftline baseline export` writes and `import` reads: one line of words, then the parts.

    driftline-baseline {"format":1,"what":"reference","key":...,"sha256":...}
    <msgpack: the parts by name>

`head -1 FILE` says what it holds. The checksum covers the parts; a file that was cut or changed is refused.
"""

from __future__ import annotations

import hashlib
from datetime import datetime  # noqa: TC003  # msgspec resolves the annotations at run time
from typing import Literal

import msgspec

from agent import __version__
from agent.baselines import BaselineError

MAGIC = b"driftline-baseline "
FORMAT = 1
MAX_BYTES = 32 << 20
MAX_HEADER = 1 << 20


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """The first line. `what` is a whole reference, or the rows of a training file that has to become one."""

    format: int = FORMAT
    what: Literal["reference", "training"]
    key: str
    rows: int
    signals: tuple[str, ...]
    source: str  # in words: what the reference was learned from, or the training file's name
    learned: datetime | None = None
    version: str = __version__
    sha256: str = ""


def is_baseline(start: bytes) -> bool:
    """Tell from its first bytes whether a file is one of ours."""
    return start.startswith(MAGIC)


def encode_file(header: Header, parts: dict[str, bytes]) -> bytes:
    """Put a file together."""
    body = msgspec.msgpack.encode(parts)
    header = msgspec.structs.replace(header, sha256=hashlib.sha256(body).hexdigest())
    return MAGIC + msgspec.json.encode(header) + b"\n" + body


def decode_file(data: bytes) -> tuple[Header, dict[str, bytes]]:
    """Take a file apart. Raises BaselineError with what is wrong with it."""
    if not is_baseline(data):
        raise BaselineError("this is no file of `driftline baseline export`")
    line, _, body = data[:MAX_HEADER].partition(b"\n")
    body = data[len(line) + 1 :]
    try:
        known = msgspec.json.decode(line[len(MAGIC) :], type=dict[str, msgspec.Raw])
        number = msgspec.json.decode(known.get("format", msgspec.Raw(b"0")), type=int)
        if number != FORMAT:
            raise BaselineError(f"the file has format {number}; this version of Driftline reads format {FORMAT}")
        header = msgspec.json.decode(line[len(MAGIC) :], type=Header)
    except msgspec.MsgspecError as error:
        raise BaselineError(f"the first line of the file is damaged: {error}") from error
    if hashlib.sha256(body).hexdigest() != header.sha256:
        raise BaselineError("the file is damaged: its checksum does not fit what it holds; export it again")
    try:
        return header, msgspec.msgpack.decode(body, type=dict[str, bytes])
    except msgspec.MsgspecError as error:
        raise BaselineError(f"the file is damaged: {error}") from error
