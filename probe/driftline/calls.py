"""The arguments and results of a call as (name, value) pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from driftline.arrays import Named, is_number

MAX_ARRAYS = 64


def pairs(name: str, value: Any) -> list[tuple[str, Any]]:
    """Take apart what a callable was given or gave back.

    >>> pairs("x", {"a": 1.0, "b": 2.5})
    [('x', {'a': 1.0, 'b': 2.5})]
    >>> pairs("y", (1.5, [1, 2]))
    [('y_0', 1.5), ('y_1', [1, 2])]
    """
    if isinstance(value, Mapping):
        if value and all(is_number(item) for item in value.values()):
            return [(name, Named(value))]
        return [pair for key, item in list(value.items())[:MAX_ARRAYS] for pair in one(str(key), item)]
    if (
        isinstance(value, (list, tuple))
        and value
        and not all(isinstance(item, (int, float)) for item in value[:MAX_ARRAYS])
    ):
        if isinstance(value[0], Mapping):  # one mapping a row, as ONNX's ZipMap gives
            return one(name, value)
        return [pair for place, item in enumerate(value[:MAX_ARRAYS]) for pair in one(f"{name}_{place}", item)]
    return [(name, value)]


def one(name: str, value: Any) -> list[tuple[str, Any]]:
    """Return one value as it is recorded: a mapping of numbers, or a list of such, as floats by name."""
    first = value[0] if isinstance(value, (list, tuple)) and value else value
    if isinstance(first, Mapping) and first and all(is_number(item) for item in first.values()):
        return [(name, Named(first))]
    return [(name, value)]
