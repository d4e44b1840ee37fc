"""Arrays, numbers and signals as bytes and back, without pickle: the stored form of references and of states."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from agent.model import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SIGNAL = ("name", "role", "kind", "unit")


class _Array(msgspec.Struct, array_like=True, tag="a"):
    dtype: str
    shape: list[int]
    data: bytes


class _Plain(msgspec.Struct, array_like=True, tag="p"):
    value: Any


class _Box(msgspec.Struct):
    what: str
    version: int
    items: dict[str, _Array | _Plain]


def pack(what: str, version: int, items: Mapping[str, Any]) -> bytes:
    """Encode arrays, and values that msgpack knows, under a name and a version; compressed."""
    boxed: dict[str, _Array | _Plain] = {}
    for name, item in items.items():
        if isinstance(item, np.ndarray):
            boxed[name] = _Array(item.dtype.str, list(item.shape), np.ascontiguousarray(item).tobytes())
        else:
            boxed[name] = _Plain(item)
    return zlib.compress(msgspec.msgpack.encode(_Box(what, version, boxed)), 1)


def unpack(data: bytes, what: str, version: int) -> dict[str, Any]:
    """Decode what `pack` made. Raises ValueError for anything else; the arrays can be written to."""
    try:
        box = msgspec.msgpack.decode(zlib.decompress(data), type=_Box)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise ValueError(f"no stored {what}: {error}") from error
    if (box.what, box.version) != (what, version):
        raise ValueError(f"stored as {box.what} version {box.version}, not {what} version {version}")
    items: dict[str, Any] = {}
    for name, item in box.items.items():
        if isinstance(item, _Plain):
            items[name] = item.value
            continue
        try:
            items[name] = np.frombuffer(item.data, np.dtype(item.dtype)).reshape(item.shape).copy()
        except (TypeError, ValueError) as error:
            raise ValueError(f"stored {what} has a damaged array {name}: {error}") from error
    return items


def pack_state(what: str, version: int, items: Mapping[str, Any], reference: int) -> bytes:
    """Encode a detector's state as `pack` does, tied to the reference of this fingerprint."""
    return pack(what, version, {**items, "reference": reference})


def unpack_state(data: bytes, what: str, version: int, reference: int) -> dict[str, Any]:
    """Decode what `pack_state` made. Raises ValueError for anything else, and for the state by another reference."""
    items = unpack(data, what, version)
    if items.pop("reference", None) != reference:
        raise ValueError(f"stored {what} state belongs to another reference")
    return items


def part_of(items: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give the items of one part, which are stored as `name.item`.

    >>> part_of({"grid.knots": 1, "grid.cells": 2, "rows": 3}, "grid")
    {'knots': 1, 'cells': 2}
    """
    return {key.removeprefix(f"{name}."): item for key, item in items.items() if key.startswith(f"{name}.")}


def plain_signals(signals: Sequence[Signal]) -> list[list[str]]:
    """Give signals as values that `pack` takes."""
    return [[getattr(signal, field) for field in _SIGNAL] for signal in signals]


def read_signals(stored: Any) -> tuple[Signal, ...]:
    """Read what `plain_signals` gave. Raises TypeError or ValueError for anything else."""
    named = [dict(zip(_SIGNAL, values, strict=True)) for values in stored]
    return msgspec.convert(named, tuple[Signal, ...])
