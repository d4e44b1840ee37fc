"""One side of a comparison: the reference's values of a signal, prepared once, and the recent ones in figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.model import Column, Frequent
from detectors.bands import wasserstein_band

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import Signal

DECILES = np.arange(1, 10) / 10
SHARE_DIGITS = 9  # shares of rows that differ by less are ties
REPEATED = 3  # times that a value of a continuous signal must come to be called frequent
CONSTANT_SHARE = 1e-2  # of its size: a constant signal's change is told in these units, as it has no deviation


class Side:
    """The reference's rows of one signal."""

    def __init__(self, column: NDArray[np.float32], signal: Signal) -> None:
        self.present = np.isfinite(column)
        self.values = column[self.present]
        order = np.argsort(self.values, kind="stable")
        self.sorted = self.values[order]
        self.order = np.flatnonzero(self.present)[order]
        self.rows = len(column)
        self.column = column_of(column, self.sorted)
        self.missing = self.column.missing
        self.scale = _scale(self.column)
        self.area_band = wasserstein_band(self.sorted, 1.0) / self.scale
        self.categorical = signal.kind == "categorical"
        quantiles = np.quantile(self.values, DECILES) if len(self.values) else np.zeros(0)
        self.edges = np.unique(self.values) if self.categorical else np.unique(quantiles.astype(np.float32))
        self.counts = self.bin(self.sorted, len(column))
        self.frequent = commonest(self.sorted)

    def bin(self, ordered: NDArray[np.float32], rows: int) -> NDArray[np.int64]:
        """Count sorted values by decile, or by category and what lies between them; the last bin is missing rows."""
        upto = np.searchsorted(ordered, self.edges, side="right")
        if not self.categorical:
            return np.append(np.diff(upto, prepend=0, append=len(ordered)), rows - len(ordered))
        counts = upto - np.searchsorted(ordered, self.edges, side="left")
        return np.append(counts, (len(ordered) - counts.sum(), rows - len(ordered)))

    def weighted_counts(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Count categories as `bin` does, each row of the reference by its weight."""
        counts = np.zeros(len(self.counts))
        np.add.at(counts, np.searchsorted(self.edges, self.values), weights[self.present])
        counts[-1] = weights[~self.present].sum()
        return counts

    def share(self, value: np.float32) -> float:
        """Give the share of the reference's rows with this value."""
        return _count(self.sorted, value) / max(1, self.rows)


def column_of(column: NDArray[np.float32], ordered: NDArray[np.float32]) -> Column:
    """Describe the rows of one signal; `ordered` are its finite values, sorted."""
    missing = 1 - len(ordered) / max(1, len(column))
    if not len(ordered):
        return Column(missing=missing)
    wide = ordered.astype(np.float64)
    return Column(
        missing=missing,
        mean=float(wide.mean()),
        deviation=float(wide.std()) if ordered[0] != ordered[-1] else 0.0,
        middle=float((wide[(len(wide) - 1) // 2] + wide[len(wide) // 2]) / 2),
    )


def frequent_value(side: Side, ordered: NDArray[np.float32], rows: int) -> Frequent | None:
    """Find the value whose share changed most: of all categories, of a continuous signal the commonest before and now.

    None where no value comes more than once or twice, and where there are no rows.
    """
    if not rows:
        return None
    if side.categorical:
        candidates = np.unique(np.concatenate((side.edges, ordered)))
    else:
        found = [value for value in (side.frequent, commonest(ordered)) if value is not None]
        candidates = np.array(found, np.float32)
    if not len(candidates):
        return None
    before = np.array([side.share(value) for value in candidates])
    now = np.array([_count(ordered, value) / rows for value in candidates])
    change = np.abs(now - before).round(SHARE_DIGITS)
    at = max(range(len(candidates)), key=lambda i: (change[i], now[i]))  # of two that changed places, the one that came
    return Frequent(value=float(candidates[at]), before=float(before[at]), now=float(now[at]))


def commonest(ordered: NDArray[np.float32]) -> np.float32 | None:
    """Give the commonest of sorted values; None where none comes REPEATED times."""
    if not len(ordered):
        return None
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    counts = np.diff(np.append(starts, len(ordered)))
    at = int(counts.argmax())
    return np.float32(ordered[starts[at]]) if counts[at] >= REPEATED else None


def _count(ordered: NDArray[np.float32], value: np.float32) -> int:
    left, right = np.searchsorted(ordered, value, side="left"), np.searchsorted(ordered, value, side="right")
    return int(right - left)


def _scale(column: Column) -> float:
    """Give the unit of distances: the standard deviation, or of a constant signal a share of its size."""
    if column.deviation:
        return column.deviation
    return max(CONSTANT_SHARE * abs(column.mean or 0.0), CONSTANT_SHARE)
