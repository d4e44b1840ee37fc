"""Rows put into a crate: the bytes that go to the log in place of them, half as many.

DuckDB's log holds rows as they are in memory, and its file compresses only whole row groups. Until there are so many,
rows are kept as crates. A crate is the columns one after the other, each by the significance of its bytes, times as
differences, compressed by Zstandard (RFC 8878); before them one byte that says so. All numbers are little-endian.
"""

from __future__ import annotations

import sys
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import cramjam
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Columns = dict[str, "NDArray[Any]"]

_FORM = b"\x01"
# Beside the signals c0, c1, …, all float32: time, stream, latency, status, id, weight, era.
_TYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(kind)
    for name, kind in (("t", "<i8"), ("s", "<i4"), ("l", "<f4"), ("e", "u1"), ("i", "<u8"), ("w", "<f4"), ("a", "u1"))
}
_SIGNAL = np.dtype("<f4")
_LEVEL = 1  # the third takes a third longer for 2 % less
_MOST_KEPT = 4 << 20  # bytes of planes: a row group of 20 signals has 3.4 MB
assert sys.byteorder == "little", "arrays go to DuckDB as they are"


def row_bytes(signals: int) -> int:
    """Bytes of a row in memory."""
    return sum(kind.itemsize for kind in _TYPES.values()) + signals * _SIGNAL.itemsize


class Arrays:
    """Memory for the columns of so many rows. `values` are the signals, by signal."""

    def __init__(self, signals: int, rows: int) -> None:
        self.rows = rows
        self.values = np.empty((signals, rows), _SIGNAL)
        self._columns: Columns = {name: np.empty(rows, kind) for name, kind in _TYPES.items()}
        self._columns |= {f"c{at}": column for at, column in enumerate(self.values)}

    def cut(self, rows: slice) -> Columns:
        """Return the columns of some rows, as they are here."""
        return {name: column[rows] for name, column in self._columns.items()}

    def put(self, first: int, columns: Mapping[str, NDArray[Any]]) -> None:
        """Copy columns of equal length to a place."""
        for name, column in columns.items():
            self._columns[name][first : first + len(column)] = column


class Bench:
    """Memory in which crates are made, kept for the next: to touch new pages takes longer than to fill them."""

    def __init__(self) -> None:
        self._planes = self._crate = np.empty(0, np.uint8)

    def room(self, size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return `size` bytes for the planes, and as many as their crate takes at the most."""
        most = len(_FORM) + size + (size >> 7) + 1_024  # more than Zstandard's bound
        planes, crate = self._planes, self._crate
        if len(crate) < most:
            planes, crate = np.empty(size, np.uint8), np.empty(most, np.uint8)
            if size <= _MOST_KEPT:
                self._planes, self._crate = planes, crate
        return planes[:size], crate[:most]


def encode(columns: Mapping[str, NDArray[Any]], signals: int, bench: Bench | None = None) -> bytes:
    """Put columns of equal length into a crate, on a bench that nobody else uses meanwhile. Raises ValueError."""
    rows = len(columns["t"])
    planes, crate = (bench or Bench()).room(rows * row_bytes(signals))
    at = 0
    for name, kind in _TYPES.items():
        values = np.diff(columns[name], prepend=0) if name == "t" else columns[name]
        end = at + rows * kind.itemsize
        planes[at:end].reshape(kind.itemsize, rows)[:] = _planes(values, rows, kind)
        at = end
    # All signals together: bytes of one significance are alike in all of them.
    together = planes[at:].reshape(_SIGNAL.itemsize, signals, rows)
    for signal in range(signals):
        together[:, signal] = _planes(columns[f"c{signal}"], rows, _SIGNAL)
    crate[: len(_FORM)] = np.frombuffer(_FORM, np.uint8)
    packed = int(cramjam.zstd.compress_into(planes.data, crate[len(_FORM) :].data, _LEVEL))
    return crate[: len(_FORM) + packed].tobytes()


def decode(crate: bytes, rows: int, signals: int) -> Columns:
    """Return what `encode` was given. Raises ValueError for anything else."""
    if not crate.startswith(_FORM):
        raise ValueError("a crate of rows has a form that is not known here")
    try:
        planes = bytes(cramjam.zstd.decompress(memoryview(crate)[1:]))
    except cramjam.DecompressionError as error:
        raise ValueError(f"a crate of rows cannot be read: {error}") from error
    if len(planes) != rows * row_bytes(signals):
        raise ValueError(f"a crate of {rows} rows holds {len(planes)} bytes")
    kinds = [*_TYPES.values(), *[_SIGNAL] * min(signals, 1)]
    counts = [*[rows] * len(_TYPES), *[rows * signals] * min(signals, 1)]
    ends = list(accumulate(kind.itemsize * count for kind, count in zip(kinds, counts, strict=True)))
    parts = [
        _values(planes[end - kind.itemsize * count : end], kind)
        for kind, count, end in zip(kinds, counts, ends, strict=True)
    ]
    columns = dict(zip(_TYPES, parts, strict=False))
    columns["t"] = np.cumsum(columns["t"])
    return columns | {f"c{at}": parts[-1][at * rows : (at + 1) * rows] for at in range(signals)}


def _planes(values: NDArray[Any], rows: int, kind: np.dtype[Any]) -> NDArray[np.uint8]:
    """Return the bytes of as many values, by their significance. Raises ValueError for fewer or more."""
    return np.ascontiguousarray(values, kind).view(np.uint8).reshape(rows, kind.itemsize).T


def _values(planes: bytes, kind: np.dtype[Any]) -> NDArray[Any]:
    by_plane = np.frombuffer(planes, np.uint8).reshape(kind.itemsize, -1)
    return np.ascontiguousarray(by_plane.T).reshape(-1).view(kind)
