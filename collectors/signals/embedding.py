"""Wide vectors of floats: their Euclidean norm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.model import Signal

if TYPE_CHECKING:
    from agent.model import Role
    from collectors.signals.stored import Slots, StoredPart, Values


class EmbeddingSignals:
    """The norm of each row. Of a sampled row it is estimated from the elements that were stored."""

    def __init__(self, stored: StoredPart, role: Role) -> None:
        self.signals = (Signal("norm", role),)
        self._stored = stored
        self._scale = (stored.row_size / stored.stored_size) ** 0.5 if stored.stored_size else 1.0

    def compute(self, slots: Slots) -> Values:
        """Return the norms."""
        rows = self._stored.read_floats(slots)
        with np.errstate(over="ignore", invalid="ignore"):
            squares = np.einsum("nrk,nrk->nr", rows, rows, dtype=np.float64)
            norms: Values = (np.sqrt(squares) * self._scale).astype(np.float32)
        return norms[:, :, None]
