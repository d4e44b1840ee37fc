"""The last values that a detector saw of one signal: where the change began that it reports, and from what to what."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT = 512  # values
EDGE = 3  # values that a side of the change has at least: one outlier is no change


class Change(NamedTuple):
    """A change of the mean: the row at which it began, and the means before and since. NaN where it is unknown."""

    row: int
    before: float
    since: float


class RecentValues:
    """Values and their rows, the last KEPT of them since the last `forget`."""

    def __init__(self) -> None:
        self.values: NDArray[np.float64] = np.empty(0)
        self.rows: NDArray[np.int64] = np.empty(0, np.int64)

    def add(self, values: NDArray[np.float64], rows: NDArray[np.int64]) -> None:
        """Take in values in the order of their rows."""
        self.values = np.concatenate((self.values, values))[-KEPT:]
        self.rows = np.concatenate((self.rows, rows))[-KEPT:]

    def forget(self) -> None:
        """Look no further back than here."""
        self.values, self.rows = self.values[:0], self.rows[:0]

    def change(self) -> Change:
        """Return the most likely change of the mean up to the newest value; at least one must be there.

        The likelihood of a normal mean that moved once is largest where the sum of squares between the two sides is.
        """
        count = len(self.values)
        if count < 2 * EDGE:
            return Change(int(self.rows[-1]), float("nan"), float("nan"))
        scale = float(np.abs(self.values).max()) or 1.0  # squares of what float32 holds stay finite
        sums = np.cumsum(self.values / scale)
        first = np.arange(EDGE, count - EDGE + 1)
        between = (sums[first - 1] - sums[-1] * first / count) ** 2 / (first * (count - first))
        at = int(first[np.argmax(between)])
        return Change(int(self.rows[at]), float(self.values[:at].mean()), float(self.values[at:].mean()))
