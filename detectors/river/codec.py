"""The state of river's objects as plain values and back, without pickle.

`freeze` turns an object into numbers, texts, bytes, lists and dicts, which `detectors.packing` stores. `thaw` writes
them into a *fresh* object that was made from the configuration: every type comes from that object, none from the
stored bytes, so that they can set numbers and nothing else. What river keeps changes with its version; whoever stores
this stores the version beside it.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import numpy as np

COMPILED = "river._river_rust"


def freeze(item: Any) -> Any:
    """Return the state of one of river's objects. Raises TypeError for what no detector of the catalogue holds."""
    if isinstance(item, np.generic):
        return item.item()
    if item is None or isinstance(item, (bool, int, float, str)):
        return item
    if isinstance(item, (list, deque)):
        return [freeze(entry) for entry in item]
    if isinstance(item, random.Random):
        version, internal, gauss = item.getstate()
        return [version, list(internal), gauss]
    kind = type(item)
    if kind.__module__.startswith(COMPILED):
        return bytes(item.__getstate__())
    if kind.__module__.startswith("river."):
        return {name: freeze(value) for name, value in vars(item).items() if not callable(value)}
    raise TypeError(f"{kind.__module__}.{kind.__name__} has no stored form")


def thaw(state: Any, fresh: Any) -> Any:
    """Return `fresh` in the given state. Raises ValueError where the two do not fit; `fresh` is then useless."""
    if fresh is None or isinstance(fresh, (bool, int, float, str)):
        return _plain(state, fresh)
    if isinstance(fresh, (list, deque)):
        values = [_plain(entry, None) for entry in _typed(state, list)]
        return deque(values, maxlen=fresh.maxlen) if isinstance(fresh, deque) else values
    if isinstance(fresh, random.Random):
        return _random(state)
    if type(fresh).__module__.startswith(COMPILED):
        return _compiled(_typed(state, bytes), fresh)
    known = {name: value for name, value in vars(fresh).items() if not callable(value)}
    if _typed(state, dict).keys() != known.keys():
        raise ValueError(f"stored state of river has other parts than {type(fresh).__name__}")
    for name, value in known.items():
        setattr(fresh, name, thaw(state[name], value))
    return fresh


def _typed(state: Any, kind: type) -> Any:
    if not isinstance(state, kind):
        found = type(state).__name__
        raise ValueError(f"stored state of river has {found} where {kind.__name__} belongs")  # noqa: TRY004  # the port's contract
    return state


def _compiled(state: bytes, fresh: Any) -> Any:
    try:
        fresh.__setstate__(state)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic in compiled code is no Exception
        raise ValueError(f"stored state of river does not fit: {error}") from error
    return fresh


def _plain(state: Any, fresh: Any) -> Any:
    """Check that a number stands where a number belongs; what is None at first may become one."""
    text = isinstance(fresh, str)
    if isinstance(state, str) != text or not (state is None or isinstance(state, (bool, int, float, str))):
        raise ValueError(f"stored state of river has {type(state).__name__} where {type(fresh).__name__} belongs")
    return state


def _random(state: Any) -> random.Random:
    generator = random.Random()  # noqa: S311  # river's sampling, not a secret
    try:
        version, internal, gauss = state
        generator.setstate((version, tuple(internal), gauss))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"stored state of river has no random state: {error}") from error
    return generator
