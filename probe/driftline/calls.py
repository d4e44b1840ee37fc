"""The arguments and results of a call as (name, value) pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from driftline import faults
from driftline.arrays import Named, is_number

MAX_ARRAYS = 64
NAME_LIMIT = 256
NAMES_LIMIT = {"features": 11_000, "classes": 2_500}  # bytes, of the 16 kB that the ring's header has for all identity


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


def names(given: Any, what: str) -> list[str]:
    """Return names of columns or classes as the ring's header keeps them; none and a warning where too long."""
    kept = [str(name)[:NAME_LIMIT] for name in given or ()]
    if len(json.dumps(kept)) > NAMES_LIMIT[what]:
        faults.warn(f"the names of {len(kept)} {what} are too long to keep; they go by number")
        return []
    return kept
