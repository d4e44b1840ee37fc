"""A reader of ring files by the protocol that `driftline.wire` states, and by nothing else."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from driftline import wire

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Record:
    """One record that was accepted."""

    seq: int
    end_ns: int
    duration_ns: int
    rows: int
    signature: int
    status: int
    payload: bytes


@dataclass(frozen=True)
class RingContent:
    """All that a ring holds."""

    path: Path
    fields: dict[str, Any]
    identity: dict[str, Any]
    signatures: list[list[dict[str, Any]]]
    dropped: int
    records: list[Record]

    def parts(self, record: Record) -> dict[str, Any]:
        """Return the arrays of a record by name: an array, a (sample, patch) pair, a dict of floats, or None."""
        return {part["name"]: decoded(part, record.payload) for part in self.signatures[record.signature]}


def decoded(part: dict[str, Any], payload: bytes) -> Any:
    """Decode one part of a payload."""
    raw = payload[part["at"] : part["at"] + part["bytes"]]
    shape = part["shape"]
    if part["layout"] == "absent":
        return None
    if part["dtype"] == "opaque":
        return raw
    values = np.frombuffer(raw, part["dtype"])
    if part["layout"] == "named":
        return dict(zip(part["names"], values.tolist(), strict=True))
    if part["layout"] == "whole":
        return values.reshape(shape)
    if part["layout"] == "head":
        return values.reshape(-1, *shape[1:])
    assert part["layout"] == "sampled"
    split = int(np.prod(part["sample_shape"]))
    return values[:split].reshape(part["sample_shape"]), values[split:].reshape(part["patch_shape"])


def _text(raw: bytes, at: int) -> tuple[Any, int]:
    (length,) = wire.LENGTH.unpack_from(raw, at)
    start = at + wire.LENGTH.size
    return json.loads(raw[start : start + length]), start + length


def accepted(fd: int, seq: int, slots: int, slot_bytes: int) -> bytes | None:
    """Return record `seq` if its head and tail carry that number and two reads agree, else None."""
    at = wire.HEADER_BYTES + seq % slots * slot_bytes
    first = os.pread(fd, slot_bytes, at)
    ends = (wire.HEAD.unpack_from(first)[0], *wire.TAIL.unpack_from(first, slot_bytes - wire.TAIL.size))
    return first if ends == (seq, seq) and first == os.pread(fd, slot_bytes, at) else None


def read_ring(path: Path) -> RingContent:
    """Read a ring that no one is writing, or take what is whole of one that is being written."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        header = os.pread(fd, wire.HEADER_BYTES, 0)
        fields = dict(zip(wire.FIXED_FIELDS, wire.FIXED.unpack_from(header), strict=True))
        dropped, count = wire.COUNTERS.unpack_from(header, wire.COUNTERS_AT)
        signatures, at = [], wire.SIGNATURES_AT
        for _ in range(count):
            signature, at = _text(header, at)
            signatures.append(signature["parts"])
        slots, slot_bytes = fields["slot_count"], fields["slot_bytes"]
        heads = os.pread(fd, slots * slot_bytes, wire.HEADER_BYTES)
        newest = max(wire.HEAD.unpack_from(heads, slot * slot_bytes)[0] for slot in range(slots))
        records = []
        for seq in range(max(1, newest - slots + 1), newest + 1):
            raw = accepted(fd, seq, slots, slot_bytes)
            if raw is not None:
                head = wire.HEAD.unpack_from(raw)
                payload = raw[wire.PAYLOAD_AT : slot_bytes - wire.TAIL.size]
                records.append(Record(head[0], head[1], head[2], head[3], head[4], head[5], payload))
    finally:
        os.close(fd)
    return RingContent(path, fields, _text(header, wire.IDENTITY_AT)[0], signatures, dropped, records)
