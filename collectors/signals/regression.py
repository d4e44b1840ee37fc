"""A number, or a few, predicted: `value`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model import Signal

if TYPE_CHECKING:
    from collectors.signals.stored import Slots, StoredPart, Values


class RegressionSignals:
    """The predicted numbers as they are: `value`, or `value_0`… where a row has several."""

    def __init__(self, stored: StoredPart) -> None:
        count = stored.stored_size
        names = ("value",) if count == 1 else tuple(f"value_{i}" for i in range(count))
        self.signals = tuple(Signal(name, "output") for name in names)
        self._stored = stored

    def compute(self, slots: Slots) -> Values:
        """Return the values."""
        return self._stored.read_floats(slots)
