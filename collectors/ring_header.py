"""The header of a ring file, read as if an enemy had written it: every size bounded, every text cleaned.

Whoever may write to a run directory may put anything there. What leaves this module is safe to index payloads with and
to print on a terminal. Anything else raises RingError, whose message says what is wrong with the file.
"""

from __future__ import annotations

import math
import os
import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import numpy as np
from driftline import wire
from driftline.ids import base_of

MAX_NAME = 64
MAX_SIGNALS = 2_000
_MAX_PARTS = 64
_MAX_RANK = 8
_IDENTITY_BYTES = wire.SIGNATURES_AT - wire.IDENTITY_AT
_SIGNATURE_BYTES = wire.HEADER_BYTES - wire.SIGNATURES_AT
_NUMBERS = "biuf"  # numpy's kinds that a signal can be computed from
_ESCAPES = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-_])")

Dimension = Annotated[int, msgspec.Meta(ge=0, le=1 << 40)]
Shape = Annotated[list[Dimension], msgspec.Meta(max_length=_MAX_RANK)]


class RingError(Exception):
    """A ring file cannot be used; the message says why, without naming the file."""


class Identity(msgspec.Struct, frozen=True):
    """What the ring's header says of the model: cleaned text, cut to length."""

    model: str = ""
    version: str = ""
    sha256: str = ""
    runtime: str = ""
    provider: str = ""
    kind: str = ""
    features: Annotated[list[str], msgspec.Meta(max_length=MAX_SIGNALS)] = []
    classes: Annotated[list[str], msgspec.Meta(max_length=MAX_SIGNALS)] = []


class Part(msgspec.Struct, frozen=True):
    """One array of a call, as in `driftline.wire`."""

    role: Literal["input", "output"]
    name: str = ""
    dtype: Annotated[str, msgspec.Meta(max_length=32)] = "object"
    shape: Shape = []
    layout: Literal["whole", "head", "sampled", "named", "absent"] = "absent"
    at: Annotated[int, msgspec.Meta(ge=0, le=wire.MAX_SLOT_BYTES)] = 0
    bytes: Annotated[int, msgspec.Meta(ge=0, le=wire.MAX_SLOT_BYTES)] = 0
    names: Annotated[list[str], msgspec.Meta(max_length=MAX_SIGNALS)] = []
    sample_shape: Shape = []
    patch_shape: Shape = []


class Signature(msgspec.Struct, frozen=True):
    """The shape of one kind of call."""

    parts: Annotated[list[Part], msgspec.Meta(max_length=_MAX_PARTS)] = []


@dataclass(frozen=True, slots=True)
class RingHeader:
    """The fixed part of a header, checked against the size of its file."""

    slot_bytes: int
    slot_count: int
    pid: int
    start_ticks: int
    pid_namespace: int
    boot_id: bytes
    created_monotonic_ns: int
    created_wall_ns: int
    identity: Identity

    @property
    def first_id(self) -> int:
        """Where the ids of its inferences begin."""
        return base_of(self.pid, self.start_ticks, self.pid_namespace, self.boot_id, self.created_monotonic_ns)


def clean(text: str, limit: int = MAX_NAME) -> str:
    r"""Take terminal escapes and control characters out of a name and cut it to length.

    >>> clean("meter\x1b[31m-reader\n\u202e")
    'meter-reader'
    """
    plain = _ESCAPES.sub("", text[: 16 * limit])
    kept = "".join(c for c in plain if unicodedata.category(c)[0] != "C")
    kept = kept.strip()
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def read_header(fd: int) -> RingHeader | None:
    """Read and check a header; None where the file is still empty, which is how every ring begins. Raises RingError."""
    size = os.fstat(fd).st_size
    fixed = os.pread(fd, wire.FIXED.size, 0)
    if not any(fixed):
        return None
    if len(fixed) < wire.FIXED.size:
        raise RingError(f"is {size} bytes long, too short for a ring")
    fields = dict(zip(wire.FIXED_FIELDS, wire.FIXED.unpack(fixed), strict=True))
    if fields["magic"] != wire.MAGIC:
        raise RingError("is not a ring: it does not begin with the ring's mark")
    if fields["version"] != wire.VERSION:
        raise RingError(f"has version {fields['version']} of the ring format; this agent reads version {wire.VERSION}")
    slot_bytes, slot_count = int(fields["slot_bytes"]), int(fields["slot_count"])
    if fields["header_bytes"] != wire.HEADER_BYTES:
        raise RingError(f"claims a header of {fields['header_bytes']} bytes; it must be {wire.HEADER_BYTES}")
    if not wire.RECORD_OVERHEAD <= slot_bytes <= wire.MAX_SLOT_BYTES or slot_bytes % 8:
        raise RingError(
            f"claims slots of {slot_bytes} bytes; they must be a multiple of 8"
            f" from {wire.RECORD_OVERHEAD} to {wire.MAX_SLOT_BYTES}"
        )
    if not 1 <= slot_count <= wire.MAX_SLOTS:
        raise RingError(f"claims {slot_count} slots; there must be 1 to {wire.MAX_SLOTS}")
    needed = wire.HEADER_BYTES + slot_bytes * slot_count
    if size < needed:
        raise RingError(f"is {size} bytes long, shorter than the {needed} that its header says")
    return RingHeader(
        slot_bytes=slot_bytes,
        slot_count=slot_count,
        pid=int(fields["pid"]),
        start_ticks=int(fields["start_ticks"]),
        pid_namespace=int(fields["pid_namespace"]),
        boot_id=bytes(fields["boot_id"]),
        created_monotonic_ns=_time(fields["created_monotonic_ns"]),
        created_wall_ns=_time(fields["created_wall_ns"]),
        identity=_read_identity(fd),
    )


def read_counters(fd: int) -> tuple[int, int]:
    """Return how many records the probe dropped, and how many signatures there are. Raises RingError."""
    raw = os.pread(fd, wire.COUNTERS.size, wire.COUNTERS_AT)
    if len(raw) < wire.COUNTERS.size:
        raise RingError("was cut short while it was read")
    dropped, signatures = wire.COUNTERS.unpack(raw)
    if signatures > wire.MAX_SIGNATURES:
        raise RingError(f"claims {signatures} signatures; there can be {wire.MAX_SIGNATURES}")
    return int(dropped), int(signatures)


def read_signatures(fd: int, count: int, payload_bytes: int) -> tuple[Signature, ...]:
    """Read the first `count` signatures and check that all they name lies in the payload. Raises RingError."""
    area = os.pread(fd, _SIGNATURE_BYTES, wire.SIGNATURES_AT)
    found = []
    for index in range(count):
        raw = _text(area, f"signature {index}")
        try:
            signature = msgspec.json.decode(raw, type=Signature)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise RingError(f"has a signature {index} that cannot be read: {clean(str(error), 120)}") from error
        parts = [_checked(part, payload_bytes, index) for part in signature.parts]
        if sum(len(part.names) for part in parts) > MAX_SIGNALS:
            raise RingError(f"has more than {MAX_SIGNALS} named values in signature {index}")
        found.append(Signature(parts))
        area = area[wire.LENGTH.size + len(raw) :]
    return tuple(found)


def number_type(part: Part) -> np.dtype[np.generic] | None:
    """Return numpy's type for a part's elements, or None where no signal can be computed from them."""
    if len(part.dtype) > 3 or part.dtype[1:2] not in _NUMBERS:  # noqa: PLR2004  # as in "<f4", "|u1"
        return None
    try:
        dtype = np.dtype(part.dtype)
    except (TypeError, ValueError):
        return None
    return dtype if dtype.kind in _NUMBERS and dtype.itemsize <= 8 else None  # noqa: PLR2004  # bytes of a double


def _read_identity(fd: int) -> Identity:
    raw = _text(os.pread(fd, _IDENTITY_BYTES, wire.IDENTITY_AT), "identity")
    try:
        given = msgspec.json.decode(raw, type=Identity)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise RingError(f"has an identity that cannot be read: {clean(str(error), 120)}") from error
    return Identity(
        model=clean(given.model) or "unnamed",
        version=clean(given.version),
        sha256=clean(given.sha256),
        runtime=clean(given.runtime),
        provider=clean(given.provider),
        kind=clean(given.kind),
        features=[clean(name) for name in given.features],
        classes=[clean(name) for name in given.classes],
    )


def _text(area: bytes, what: str) -> bytes:
    """Return the length-prefixed text at the start of `area`."""
    if len(area) < wire.LENGTH.size:
        raise RingError(f"has no room for its {what}")
    (length,) = wire.LENGTH.unpack_from(area)
    if length > len(area) - wire.LENGTH.size:
        raise RingError(f"claims {length} bytes of {what}, more than there is room for")
    return area[wire.LENGTH.size : wire.LENGTH.size + length]


def _checked(part: Part, payload_bytes: int, index: int) -> Part:
    """Return a part with clean names whose stored bytes are what its shapes say. Raises RingError."""
    name = clean(part.name)
    if part.at + part.bytes > payload_bytes:
        raise RingError(f"places {name!r} of signature {index} outside its slots")
    dtype = number_type(part)
    layout = part.layout if dtype is not None or part.layout == "named" else "absent"
    expected = part.bytes
    if layout == "named":
        expected = 8 * len(part.names)
    elif layout == "whole" and dtype is not None:
        expected = math.prod(part.shape) * dtype.itemsize
    elif layout == "sampled" and dtype is not None:
        expected = (math.prod(part.sample_shape) + math.prod(part.patch_shape)) * dtype.itemsize
    if expected != part.bytes:
        raise RingError(f"stores {part.bytes} bytes of {name!r} in signature {index}, where its shape needs {expected}")
    return msgspec.structs.replace(part, name=name, layout=layout, names=[clean(n) for n in part.names])


def _time(value: int) -> int:
    """Bound a time to what a signed 64-bit integer holds."""
    return min(int(value), (1 << 63) - 1)
