"""Mid-ranks of values in a reference, all signals in one look-up.

A signal keeps its distinct values where they are few, else a quantile grid; a value that lies on a knot has the
mid-rank of its ties, one between two knots is interpolated. Everything is float32, as blocks are, so that equality
means the same in a file and in a ring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_KNOTS = 256
_LANE = np.int64(1) << 33  # wider than the 32 ordered bits of a float


@dataclass(frozen=True, slots=True)
class RankTable:
    """Knots of all signals one after another, each with the share of reference rows below it, and up to it."""

    keys: NDArray[np.int64]  # [k] ordered bits, plus the signal's lane
    below: NDArray[np.float64]  # [k]
    upto: NDArray[np.float64]  # [k]
    knots: NDArray[np.float32]  # [k]
    starts: NDArray[np.int64]  # [S + 1]
    closed: NDArray[np.bool_]  # [S] categorical: a value between two knots was never seen either

    def look_up(self, values: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Give the mid-rank in [0, 1] of each value of a [n, S] array, and whether it lies outside all that was seen.

        NaN has .5, the neutral rank, and is not outside.
        """
        keys = _keys(values)
        at = np.searchsorted(self.keys, keys, side="right") - 1
        low, high = self.starts[:-1], self.starts[1:] - 1
        inside = np.minimum(np.maximum(at, low), high)
        after = np.minimum(inside + 1, high)
        left, right = self.knots[inside], self.knots[after]
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            share = (values - left) / (right - left)
        share = np.where((share > 0) & (share < 1), share, 0.5)
        between = self.upto[inside] + (self.below[after] - self.upto[inside]) * share
        known = left == values
        missing = np.isnan(values)
        under, over = at < low, values > self.knots[high]
        ranks = np.where(known, (self.below[inside] + self.upto[inside]) / 2, between)
        ranks[under] = 0.0
        ranks[over] = 1.0
        ranks[missing] = 0.5
        return ranks, (under | over | (self.closed & ~known)) & ~missing

    def quantiles(self, column: int, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give quantiles of one signal's reference."""
        at = slice(int(self.starts[column]), int(self.starts[column + 1]))
        middle = (self.below[at] + self.upto[at]) / 2
        return np.interp(shares, middle, self.knots[at].astype(np.float64))


def fit_ranks(values: NDArray[np.float32], closed: NDArray[np.bool_]) -> RankTable:
    """Build the table from the rows [n, S] of a reference; a signal that was never seen has one knot at 0."""
    lanes = [_knots(values[:, column]) for column in range(values.shape[1])]
    starts = np.concatenate(([0], np.cumsum([len(knots) for knots, _, _ in lanes]))).astype(np.int64)
    return build_table(
        knots=np.concatenate([knots for knots, _, _ in lanes]),
        below=np.concatenate([below for _, below, _ in lanes]),
        upto=np.concatenate([upto for _, _, upto in lanes]),
        starts=starts,
        closed=closed,
    )


def build_table(
    *,
    knots: NDArray[np.float32],
    below: NDArray[np.float64],
    upto: NDArray[np.float64],
    starts: NDArray[np.int64],
    closed: NDArray[np.bool_],
) -> RankTable:
    """Build the table from its stored parts."""
    lane = np.repeat(np.arange(len(starts) - 1, dtype=np.int64), np.diff(starts))
    keys = _keys(knots[:, None])[:, 0] + lane * _LANE
    return RankTable(keys=keys, below=below, upto=upto, knots=knots, starts=starts, closed=closed)


def _knots(column: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    seen = np.sort(column[np.isfinite(column)] + np.float32(0.0))
    if not len(seen):
        return np.zeros(1, np.float32), np.zeros(1), np.ones(1)
    knots, counts = np.unique(seen, return_counts=True)
    if len(knots) > MAX_KNOTS:
        even = seen[np.linspace(0, len(seen) - 1, MAX_KNOTS // 2).round().astype(np.int64)]
        frequent = knots[np.argsort(counts, kind="stable")[-MAX_KNOTS // 2 :]]  # atoms keep ranks of their own
        atoms = frequent[np.sort(counts)[-MAX_KNOTS // 2 :] > 1]
        knots = np.unique(np.concatenate((even, atoms)))
    below = np.searchsorted(seen, knots, side="left") / len(seen)
    upto = np.searchsorted(seen, knots, side="right") / len(seen)
    return knots, below, upto


def _keys(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Map floats to integers of the same order (negative zero is zero), shifted by lane for each column."""
    bits = (values + np.float32(0.0)).view(np.int32).astype(np.int64)
    ordered = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    keys: NDArray[np.int64] = ordered + np.arange(values.shape[1], dtype=np.int64) * _LANE
    return keys
