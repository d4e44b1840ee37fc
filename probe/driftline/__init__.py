"""The Driftline probe: the only part of Driftline that enters a user's service.

`watch` wraps a model, `observe` records an inference by hand, `label` tells the truth about one later. They copy a few
bytes into a ring in memory, which the agent reads in a process of its own. None of them raises, blocks, or grows
without bound.

Each is loaded when it is first asked for: commands that need the wire format alone start a fifth sooner.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from driftline.ids import last_id
    from driftline.labelled import label
    from driftline.observed import observe
    from driftline.watching import watch

__version__ = "0.1.0"
__all__ = ["label", "last_id", "observe", "watch"]

_HOMES = {"label": "labelled", "last_id": "ids", "observe": "observed", "watch": "watching"}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'driftline' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(f"driftline.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
