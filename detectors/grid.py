"""Mid-ranks of values in a reference by cells: a value is bent into (-1, 1), its cell looked up, no search.

A continuous signal is bent as u / (1 + |u|) with u = (value - centre) / scale, so that heavy tails need no range; a
categorical one is laid out straight. Everything is float32, as blocks are, so that equality means the same in a file
and in a ring.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELLS = 256
TAIL = 0.1
BESIDE = 100  # rows laid beside one another: numpy is quick on long rows, and slow to begin a new one
FARTHEST = np.float32(1e6)  # scales: beyond, values share the last cell
_HALF = np.float32(CELLS / 2 - 0.5)
_QUARTILE = 1.349  # distance of the quartiles of a normal distribution, in standard deviations


class Places(NamedTuple):
    """Where values [n, S] lie in the reference."""

    graded: NDArray[
        np.float32
    ]  # [n, S, 4] what a cell says: mid-rank in [0, 1], |2 rank - 1|, in the top tenth, the bottom
    bent: NDArray[np.float32]  # [n, S] in (-1, 1); 0 where the value is missing
    outside: NDArray[np.bool_]  # [n, S] beyond all that the reference saw, or a category that it never saw
    missing: NDArray[np.bool_]  # [n, S] NaN
    any_missing: bool  # True where there may be some

    @property
    def ranks(self) -> NDArray[np.float32]:
        """The mid-rank [n, S] in [0, 1]; .5 where the value is missing."""
        return self.graded[:, :, 0]


@dataclass(frozen=True)
class Grid:
    """The cells of S signals and how many reference values lie in each."""

    centre: NDArray[np.float32]  # [S]
    inverse: NDArray[np.float32]  # [S] one over the scale
    low: NDArray[np.float32]  # [S] smallest and largest value seen
    high: NDArray[np.float32]  # [S]
    closed: NDArray[np.bool_]  # [S] categorical: a value between two that were seen was never seen either
    counts: NDArray[np.int32]  # [S, CELLS]
    codes: NDArray[np.float32]  # [closed, CELLS] the category of a cell, NaN where there is none

    def look_up(self, values: NDArray[np.float32]) -> Places:
        """Give the places of values [n, S]."""
        shape, beside = values.shape, math.gcd(len(values), BESIDE)
        values = values.reshape(shape[0] // beside, beside * shape[1])
        centre, inverse, bend, most, lanes, low, high = self._laid[:, :, : values.shape[1]]
        with np.errstate(over="ignore", invalid="ignore"):
            plain = math.isfinite(np.vdot(values, values))  # nothing missing, nothing infinite
            missing = np.zeros(values.shape, bool) if plain else np.isnan(values)
            known = values if plain else np.where(missing, centre, values)
            bent: NDArray[np.float32] = known - centre
            bent *= inverse
        if not plain or len(self.codes):
            np.minimum(bent, most, out=bent)
            np.maximum(bent, -most, out=bent)
        cells = np.abs(bent)
        if len(self.codes):
            cells *= bend
        cells += 1
        bent /= cells
        np.multiply(bent, _HALF, out=cells)
        cells += lanes
        at = cells.astype(np.int32)
        outside = known < low
        outside |= known > high
        if len(self.codes):
            outside |= (self._codes.take(at) != known) & (bend == 0)
        if not plain:
            outside &= ~missing
            at[missing] = self.counts.size
        graded = self._graded.take(at.reshape(shape), axis=0)
        return Places(graded, bent.reshape(shape), outside.reshape(shape), missing.reshape(shape), not plain)

    @cached_property
    def _laid(self) -> NDArray[np.float32]:
        """Seven numbers [7, 1, BESIDE * S] of each signal, for rows that lie beside one another."""
        bend, most = np.where(self.closed, 0, 1), np.where(self.closed, 1, FARTHEST)
        lanes = np.arange(len(self.centre)) * CELLS + CELLS / 2
        rows = np.array((self.centre, self.inverse, bend, most, lanes, self.low, self.high), np.float32)
        return np.tile(rows[:, None], BESIDE)

    @cached_property
    def _codes(self) -> NDArray[np.float32]:
        """The category of each cell of every signal."""
        codes = np.zeros(self.counts.shape, np.float32)
        codes[self.closed] = self.codes
        return codes.ravel()

    @cached_property
    def _graded(self) -> NDArray[np.float32]:
        """What each cell says, and in the last row what a missing value does: as if it were in the middle."""
        totals = np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        ranks = ((np.cumsum(self.counts, axis=1) - self.counts / 2) / totals).astype(np.float32).ravel()
        found = np.stack((ranks, np.abs(2 * ranks - 1), ranks > 1 - TAIL, ranks < TAIL), axis=1)
        return np.concatenate((found, [[0.5, 0.5, 0, 0]])).astype(np.float32)


def fit_grid(values: NDArray[np.float32], closed: NDArray[np.bool_]) -> Grid:
    """Lay the cells for the rows [n, S] of a reference; a signal that was never seen has its centre at 0."""
    width = values.shape[1]
    centre, inverse = np.zeros(width, np.float32), np.ones(width, np.float32)
    low, high = np.zeros(width, np.float32), np.zeros(width, np.float32)
    for column in range(width):
        seen = np.sort(values[:, column][np.isfinite(values[:, column])])
        if len(seen):
            low[column], high[column] = seen[0], seen[-1]
            centre[column], inverse[column] = _straight(seen) if closed[column] else _bent(seen)
    empty = np.zeros((width, CELLS), np.int32)
    codes = np.full((int(closed.sum()), CELLS), np.nan, np.float32)
    laid = Grid(centre, inverse, low, high, closed, empty, codes)
    cells = np.clip(laid.look_up(values).bent * _HALF + np.float32(CELLS / 2), 0, CELLS - 1).astype(np.int32)
    for column in range(width):
        seen_at = np.isfinite(values[:, column])
        empty[column] = np.bincount(cells[seen_at, column], minlength=CELLS)
    for at, column in enumerate(np.flatnonzero(closed).tolist()):
        categories, counts = np.unique(values[:, column][np.isfinite(values[:, column])], return_counts=True)
        order = np.argsort(counts, kind="stable")  # where two share a cell, the more frequent has it
        place = np.clip((categories - centre[column]) * inverse[column], -1, 1) * _HALF + np.float32(CELLS / 2)
        codes[at, place.astype(np.int32)[order]] = categories[order]
    return Grid(centre, inverse, low, high, closed, empty, codes)


def _straight(seen: NDArray[np.float32]) -> tuple[float, float]:
    """Centre and one over the half range."""
    low, high = float(seen[0]), float(seen[-1])
    return (low + high) / 2, 2 / (high - low) if high > low else 1.0


def _bent(seen: NDArray[np.float32]) -> tuple[float, float]:
    """Median, and the scale (of quartiles, deciles, or distinct values) that spreads the values over most cells."""
    values = seen.astype(np.float64)
    centre = float(np.median(values))
    distinct = np.unique(values)
    best, inverse = -1.0, 1.0
    for side, share in ((values, 0.25), (values, 0.1), (values, 0.02), (distinct, 0.25), (distinct, 0.02)):
        low, high = np.quantile(side, (share, 1 - share))
        scale = (high - low) / _QUARTILE
        if not scale > 0:
            continue
        u = (values - centre) / scale
        counts = np.bincount(((u / (1 + np.abs(u)) + 1) * (CELLS / 2 - 0.5)).astype(np.int64), minlength=CELLS)
        shares = counts[counts > 0] / len(values)
        entropy = float(-(shares * np.log(shares)).sum())
        if entropy > best:
            best, inverse = entropy, 1 / scale
    return centre, min(inverse, 1e30)
