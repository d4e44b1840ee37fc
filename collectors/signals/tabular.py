"""One signal a feature, by name. Integer columns stay numbers: what is a category is for the reference to find out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model import Signal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collectors.signals.stored import Slots, StoredPart, Values

MAX_COLUMNS = 64


class TabularSignals:
    """The columns of an input as signals.

    Parameters
    ----------
    stored
        The input.
    features
        Names, used where there is one for each column; else columns are called after the tensor.

    """

    def __init__(self, stored: StoredPart, features: Sequence[str] = ()) -> None:
        self.stored = stored
        self.signals = tuple(Signal(name, "input") for name in column_names(stored, features))

    def compute(self, slots: Slots) -> Values:
        """Return the columns as they are."""
        return self.stored.read_floats(slots)[:, :, : len(self.signals)]


def column_names(stored: StoredPart, features: Sequence[str]) -> tuple[str, ...]:
    """Name the columns: by `features`, else `<tensor>` for one and `<tensor>_0`… for several."""
    name, count = stored.part.name or "input", stored.stored_size
    if len(features) == count and len(set(features)) == count and all(features):
        return tuple(features)
    return (name,) if count == 1 else tuple(f"{name}_{i}" for i in range(count))
