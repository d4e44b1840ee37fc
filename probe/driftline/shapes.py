"""Keeps the number of signatures bounded for models whose shapes vary without end (audio, text, batches).

While the table has room, every shape has its own signature. After that, the axes that were seen to vary are cropped to
a power of two, and mappings of numbers fall back on a mapping that was seen before and has all their names. What still
finds no place is recorded under signature 0, which keeps time and status only.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from driftline.layout import Tensor
    from driftline.ring import Ring

EXACT = 12  # signatures with the shapes as they come


class Shapes:
    """The shapes and signatures seen in one ring."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], tuple[int, ...]] = {}
        self._varying: dict[tuple[str, str], set[int]] = {}
        self._names: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        self._indexes: dict[str, int] = {"[]": 0}

    def bounded(self, tensors: list[Tensor], signatures: int) -> list[Tensor]:
        """Return the tensors in the shapes that are to be recorded."""
        return [self._bounded(tensor, full=signatures > EXACT) for tensor in tensors]

    def index_of(self, ring: Ring, entries: list[dict[str, Any]]) -> int:
        """Return the index of a signature, written to the ring if it is new; 0 where there is no room for it."""
        text = json.dumps(entries)
        index = self._indexes.get(text)
        if index is None:
            index = ring.add_signature({"parts": entries})
            if index is None:
                return 0
            self._indexes[text] = index
        return index

    def _bounded(self, tensor: Tensor, *, full: bool) -> Tensor:
        what = tensor.what
        place = (tensor.role, tensor.name)
        if what.form == "named":
            return tensor._replace(what=self._with_known_names(place, what))
        first = self._first.setdefault(place, what.shape)
        varying = self._varying.setdefault(place, set())
        if len(first) != len(what.shape):
            return tensor
        varying.update(axis for axis, (one, other) in enumerate(zip(first, what.shape)) if one != other)
        if not full or not varying or what.form not in ("array", "absent"):
            return tensor
        shape = tuple(_rounded(length) if axis in varying else length for axis, length in enumerate(what.shape))
        crop = tuple(slice(length) for length in shape)
        return tensor._replace(what=what._replace(shape=shape, crop=crop))

    def _with_known_names(self, place: tuple[str, str], what: Any) -> Any:
        known = self._names.setdefault(place, [])
        for names in known:
            if set(what.names) <= set(names):
                return what._replace(names=names, shape=(len(names),))
        known.append(what.names)
        return what


def _rounded(length: int) -> int:
    return 1 << (length.bit_length() - 1) if length else 0
