"""How many of the stored numbers are NaN or infinite: a flag for the inputs and one for the outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.model import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.model import Role
    from collectors.signals.stored import Slots, StoredPart, Values


class NonfiniteFlag:
    """The fraction of a row's stored elements, over all float arrays of one role, that are NaN or infinite.

    An array with fewer stored rows than the others says nothing of the rows that it lacks.
    """

    def __init__(self, role: Role, parts: Sequence[StoredPart]) -> None:
        self.signals = (Signal(f"{role}_nonfinite", role, "flag", "1"),)
        self._parts = parts

    def compute(self, slots: Slots) -> Values:
        """Return the fraction for each stored row."""
        rows = max(part.rows for part in self._parts)
        bad = np.zeros((len(slots), rows), np.float32)
        seen = np.zeros(rows, np.float32)
        for part in self._parts:
            values = part.read(slots)
            seen[: part.rows] += part.stored_size
            with np.errstate(over="ignore", invalid="ignore"):
                # A finite sum has finite terms: one pass tells that all is well, which it nearly always is.
                suspect = ~np.isfinite(values.sum(axis=2))
            if suspect.any():
                bad[:, : part.rows][suspect] += (~np.isfinite(values[suspect])).sum(axis=1)
        fraction = (bad / np.maximum(seen, 1)).astype(np.float32, copy=False)
        return fraction[:, :, None]
