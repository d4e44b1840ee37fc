"""What a value is, seen without importing numpy: its dtype, its shape, and how its bytes may be taken.

`mark` is the cheap half: two values with equal marks are described alike, so a description is made once per mark.
Text and objects are never copied: their dtype and shape are all that is told.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

LIST_LIMIT = 4096
DICT_LIMIT = 512
MAX_RANK = 8
_ORDER = "<" if sys.byteorder == "little" else ">"
# struct's codes to numpy's, for values that have a buffer and no dtype.
_CODES = {"f": "f", "d": "f", "e": "f", "?": "b", **dict.fromkeys("bhilqn", "i"), **dict.fromkeys("BHILQN", "u")}


class Named(dict):  # type: ignore[type-arg]
    """A mapping of numbers that is recorded as one part, a float for each name."""


class Opaque(bytes):
    """Bytes that are no array and are recorded as they are: ids, labels."""


class Description(NamedTuple):
    """One array of a call. `form`: "array" (numpy), "buffer", "number", "list", "named", "opaque" or "absent"."""

    dtype: str
    itemsize: int
    shape: tuple[int, ...]
    form: str
    names: tuple[Any, ...] = ()
    crop: tuple[slice, ...] = ()  # what is left of an array whose shape was rounded down

    @property
    def nbytes(self) -> int:
        """Size of all elements."""
        total = self.itemsize
        for length in self.shape:
            total *= length
        return total


def mark(value: Any) -> Any:
    """Return something hashable that changes whenever the description of a value does."""
    kind = type(value)
    if kind is float or kind is int or kind is bool or kind is str or value is None:
        return kind
    if kind is list or kind is tuple:
        return kind, len(value), type(value[0]) if value else None
    if kind is Opaque:
        return kind, len(value)
    if isinstance(value, Mapping):
        return kind, tuple(value)
    try:
        return kind, value.dtype, value.shape
    except AttributeError:
        pass
    view = _view(value)
    return kind if view is None else (kind, view.format, view.shape)


def describe(value: Any) -> Description:
    """Describe a value by its dtype, its shape and how to take its bytes."""
    kind = type(value)
    if kind is float or kind is int or kind is bool:
        return Description(f"{_ORDER}f8", 8, (), "number")
    if kind is list or kind is tuple:
        return _describe_list(value)
    if isinstance(value, Mapping):
        names = tuple(value)[:DICT_LIMIT]
        form = "named" if kind is Named else "absent"
        return Description(f"{_ORDER}f8" if kind is Named else "object", 8, (len(names),), form, names)
    if kind is Opaque:
        return Description("opaque", 1, (len(value),), "opaque")
    dtype = getattr(value, "dtype", None)
    return _describe_buffer(value) if dtype is None else _describe_array(value, dtype)


def _describe_buffer(value: Any) -> Description:
    view = _view(value)
    if view is None:
        return Description("object", 0, (), "absent")
    code = _CODES.get((view.format or "").lstrip("@="))
    shape = tuple(view.shape or ())
    if code is None or len(shape) > MAX_RANK:
        return Description("object", 0, shape, "absent")
    return Description(
        f"{_ORDER}{code}{view.itemsize}", view.itemsize, shape, "buffer" if view.c_contiguous else "absent"
    )


def is_number(value: Any) -> bool:
    """Tell whether a value stands for one float, missing ones included."""
    if value is None or isinstance(value, (int, float, str)):
        return True
    return getattr(value, "shape", None) == () and hasattr(value, "__float__")


def _view(value: Any) -> memoryview | None:
    if isinstance(value, (bytes, str)):
        return None
    try:
        return memoryview(value)
    except TypeError:
        return None


def _describe_list(value: Any) -> Description:
    shape = (len(value),)
    if value and all(isinstance(item, (int, float)) for item in value[:LIST_LIMIT]):
        return Description(f"{_ORDER}f8", 8, shape, "list")
    return Description("object", 0, shape, "absent")


def _describe_array(value: Any, dtype: Any) -> Description:
    shape = tuple(int(length) for length in value.shape)
    if len(shape) > MAX_RANK:
        return Description("object", 0, (), "absent")
    if any(base.__module__ == "numpy" for base in type(value).__mro__) and dtype.kind in "biufc":
        return Description(dtype.str, dtype.itemsize, shape, "array")
    # Tensors of other libraries may lie on a device, where a copy would wait for it.
    return Description("object", 0, shape, "absent")
