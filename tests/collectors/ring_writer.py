"""Writes rings for tests, from the wire format alone, so that the reader is tested against the contract."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from driftline import wire

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

BOOT_ID = bytes.fromhex("00112233445566778899aabbccddeeff")
START_TICKS = 4_242
NAMESPACE = 77


def part(
    name: str, array: np.ndarray[Any, Any], role: str = "input", layout: str = "whole", **more: Any
) -> dict[str, Any]:
    """Describe an array that is stored whole, unless said otherwise."""
    size = array.nbytes if layout in {"whole", "head"} else 0
    entry = {"role": role, "name": name, "dtype": array.dtype.str, "shape": list(array.shape), "layout": layout}
    return {**entry, "at": 0, "bytes": size, **more}


def placed(*parts: dict[str, Any]) -> dict[str, Any]:
    """Lay parts out one after another."""
    at, entries = 0, []
    for entry in parts:
        entries.append({**entry, "at": at})
        at += (entry["bytes"] + 7) // 8 * 8
    return {"parts": entries}


@dataclass
class RingWriter:
    """A ring file and its writer's state."""

    path: Path
    slot_bytes: int = 128
    slot_count: int = 64
    pid: int = 1_234
    start_ticks: int = START_TICKS
    namespace: int = NAMESPACE
    boot_id: bytes = BOOT_ID
    created_ns: int = 1_000
    created_wall_ns: int = 5_000
    identity: dict[str, Any] = field(default_factory=lambda: {"model": "meter-reader", "runtime": "onnxruntime"})
    signatures: list[dict[str, Any]] = field(default_factory=list)
    seq: int = 0

    def __post_init__(self) -> None:
        size = wire.HEADER_BYTES + self.slot_bytes * self.slot_count
        self.path.write_bytes(bytes(size))
        self.write_fixed()
        self.write(wire.IDENTITY_AT, _text(self.identity))
        self._signatures_end = wire.SIGNATURES_AT
        given, self.signatures = self.signatures, []
        for signature in given:
            self.add_signature(signature)

    def write_fixed(self, **changed: Any) -> None:
        """Write the fixed fields, some of them as the test wants them."""
        values = {
            "magic": wire.MAGIC,
            "version": wire.VERSION,
            "header_bytes": wire.HEADER_BYTES,
            "slot_bytes": self.slot_bytes,
            "slot_count": self.slot_count,
            "pid": self.pid,
            "flags": 0,
            "start_ticks": self.start_ticks,
            "pid_namespace": self.namespace,
            "boot_id": self.boot_id,
            "created_monotonic_ns": self.created_ns,
            "created_wall_ns": self.created_wall_ns,
            **changed,
        }
        self.write(0, wire.FIXED.pack(*(values[name] for name in wire.FIXED_FIELDS)))

    def add_signature(self, signature: dict[str, Any]) -> int:
        """Append a signature; return its index."""
        text = _text(signature)
        self.write(self._signatures_end, text)
        self._signatures_end += len(text)
        self.signatures.append(signature)
        self.write_counters()
        return len(self.signatures) - 1

    def write_counters(self, dropped: int = 0) -> None:
        """Write how many records were dropped, and how many signatures there are."""
        self.write(wire.COUNTERS_AT, wire.COUNTERS.pack(dropped, len(self.signatures)))

    def record(
        self,
        *arrays: np.ndarray[Any, Any],
        end_ns: int,
        signature: int = 0,
        duration_ns: int = 1_000_000,
        rows: int = 1,
        status: int = 0,
        tail: bool = True,
    ) -> int:
        """Write one record; the arrays go where the signature's parts say. Return its number."""
        self.seq += 1
        slot = bytearray(self.slot_bytes)
        wire.HEAD.pack_into(slot, 0, self.seq, end_ns, duration_ns, rows, signature, status)
        for entry, array in zip(self.signatures[signature]["parts"], arrays, strict=False):
            at = wire.PAYLOAD_AT + entry["at"]
            slot[at : at + entry["bytes"]] = array.tobytes()[: entry["bytes"]]
        if tail:
            wire.TAIL.pack_into(slot, self.slot_bytes - wire.TAIL.size, self.seq)
        self.write(self.slot_at(self.seq), bytes(slot))
        return self.seq

    def slot_at(self, seq: int) -> int:
        """Return where a record lies in the file."""
        return wire.HEADER_BYTES + seq % self.slot_count * self.slot_bytes

    def write(self, at: int, content: bytes) -> None:
        """Write bytes into the file."""
        fd = os.open(self.path, os.O_WRONLY)
        try:
            os.pwrite(fd, content, at)
        finally:
            os.close(fd)


def _text(value: dict[str, Any]) -> bytes:
    text = json.dumps(value).encode()
    return wire.LENGTH.pack(len(text)) + text
