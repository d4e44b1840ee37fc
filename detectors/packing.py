"""Arrays and numbers as bytes and back, without pickle: the stored form of references and of detectors' states."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping


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
