"""Rows as coordinates in which the reference is round: normal scores of plain signals, 0/1 columns of coded ones.

Values beyond the known range go on outwards, so that a signal that leaves it is seen to leave it.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.model import Signal
    from detectors.grid import Grid

MAX_CODES, MOST_CODES = 20, 60  # of one categorical signal, and of all; rarer ones are judged together
BEYOND = 6.0  # coordinates outside the known range go on for so many deviations


class Coordinates:
    """Turns rows into coordinates, by the reference's rows.

    Parameters
    ----------
    rows : float32 [r, S]
        Rows of the reference.
    signals : sequence of Signal
        Their columns; runtime signals and flags are left out.
    grid : Grid
        Of the whole reference.

    Attributes
    ----------
    used : list of int
        The signals' columns. `owners` int [K]: the column that each coordinate is of. `plain`: how many coordinates are
        of plain signals; they come first.
    """

    def __init__(self, rows: NDArray[np.float32], signals: Sequence[Signal], grid: Grid) -> None:
        self._grid = grid
        self._count = len(rows)
        self.used = [at for at, s in enumerate(signals) if s.role != "runtime" and s.kind != "flag"]
        self._plain = [at for at in self.used if signals[at].kind != "categorical" and not np.isnan(rows[:, at]).all()]
        coded = [at for at in self.used if signals[at].kind == "categorical"]
        codes = max(1, min(MAX_CODES, MOST_CODES // max(1, len(coded))))
        self._codes = {at: _codes(rows[:, at], codes) for at in coded}
        self._low, self._high = _range(rows)
        self._iqr = _middle(rows, self._low, self._high)
        self.plain = len(self._plain)
        owners = [*self._plain, *(at for at, codes in self._codes.items() for _ in range(len(codes) + 1))]
        self.owners = np.array(owners, np.int64)

    def of(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Turn rows into normal scores, those outside the known range further out, and a 0/1 column for each code."""
        ranks = self._grid.look_up(rows).ranks.astype(np.float64)
        scores = _normal_scores(ranks[:, self._plain], self._count)
        values = rows[:, self._plain].astype(np.float64)
        low, high, iqr = (part[self._plain] for part in (self._low, self._high, self._iqr))
        outside = (np.maximum(values - high, 0) - np.maximum(low - values, 0)) / iqr * 2
        parts = [scores + np.clip(np.nan_to_num(outside, posinf=BEYOND, neginf=-BEYOND), -BEYOND, BEYOND)]
        for at, codes in self._codes.items():
            same = (rows[:, [at]] == codes).astype(np.float64)
            parts += [same, 1 - same.sum(axis=1, keepdims=True)]
        return np.concatenate(parts, axis=1)

    def gaps(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Give how much further out each known row would be, were it not itself a part of the known range."""
        gaps = np.zeros((len(rows), len(self._plain)))
        for at, column in enumerate(self._plain):
            values = rows[:, column].astype(np.float64)
            known = np.flatnonzero(np.isfinite(values))
            if len(known) > 1:
                order = known[np.argsort(values[known], kind="stable")]
                ends = values[order[[0, 1, -2, -1]]]
                gaps[order[0], at] -= min((ends[1] - ends[0]) / self._iqr[column] * 2, BEYOND)
                gaps[order[-1], at] += min((ends[3] - ends[2]) / self._iqr[column] * 2, BEYOND)
        return gaps


def _codes(column: NDArray[np.float32], kept: int) -> NDArray[np.float32]:
    values, counts = np.unique(column[np.isfinite(column)], return_counts=True)
    return np.sort(values[np.argsort(-counts, kind="stable")[:kept]])


def _range(rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    finite = np.where(np.isfinite(rows), rows, np.nan).astype(np.float64)
    empty = np.isnan(finite).all(axis=0)
    finite[:, empty] = 0.0
    return np.nanmin(finite, axis=0), np.nanmax(finite, axis=0)


def _middle(rows: NDArray[np.float32], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the interquartile range; where that is 0 the range, and where that is 0 too, something tiny."""
    finite = np.where(np.isfinite(rows), rows, np.nan).astype(np.float64)
    finite[:, np.isnan(finite).all(axis=0)] = 0.0
    quarter, three = np.nanquantile(finite, (0.25, 0.75), axis=0)
    width = np.where(three > quarter, three - quarter, high - low)
    return np.where(width > 0, width, 1e-9)


_GRID = np.array([NormalDist().inv_cdf((k + 0.5) / 4096) for k in range(4096)])


def _normal_scores(ranks: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    inside = np.clip(ranks, 0.5 / count, 1 - 0.5 / count)
    return _GRID[np.minimum((inside * len(_GRID)).astype(np.int64), len(_GRID) - 1)]
