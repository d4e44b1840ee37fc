"""The named values of `driftline.observe`, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from driftline import wire

from agent.model import Signal

if TYPE_CHECKING:
    from collectors.ring_header import Part
    from collectors.signals.stored import Slots, Values

_OUTPUTS = {"prediction": Signal("prediction", "output", "categorical"), "confidence": Signal("confidence", "output")}


class NamedSignals:
    """One signal a name, in the role of the part; `prediction` and `confidence` are outputs always."""

    def __init__(self, part: Part) -> None:
        names = list(dict.fromkeys(name for name in part.names if name))
        self._columns = [part.names.index(name) for name in names]
        self._at = wire.PAYLOAD_AT + part.at
        self._count = len(part.names)
        self.signals = tuple(_OUTPUTS.get(name) or Signal(name, part.role) for name in names)

    def compute(self, slots: Slots) -> Values:
        """Return the values."""
        flat = np.ascontiguousarray(slots[:, self._at : self._at + 8 * self._count]).view(np.float64)
        with np.errstate(over="ignore"):
            return flat[:, None, self._columns].astype(np.float32)
