"""What each signal should be, given the others: a linear forecast, whose error shows what no signal shows alone.

A sensor that drifts leaves its relation to its neighbours long before it leaves its own range, and a correlation that
breaks changes nothing else. Forecasts are ridge regressions on bent values (`detectors.grid`), which are bounded, so
one wild value pulls no line. Errors of the reference's own rows are taken from forecasts that did not see them
(contiguous folds): errors of rows that a line was fitted to are too small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 8
ROWS_PER_SIGNAL = 8  # of reference: fewer, and a line fits noise
MAX_SIGNALS = 64  # of a stream: beyond, forecasts would cost more than all else
RIDGE = 1e-3  # of the mean variance
EXPLAINED = 0.3  # share of its variance that a forecast must explain out of its own fold, to say more than the signal
FINEST = 1e-3  # of an error: half a cell of the grid


@dataclass(frozen=True, slots=True)
class Relations:
    """Forecasts of R of S signals: error = bent @ weights - offset."""

    columns: NDArray[np.int64]  # [R] the signal that is forecast
    weights: NDArray[np.float32]  # [S, R]
    offset: NDArray[np.float32]  # [R]
    scale: NDArray[np.float32]  # [R] typical error

    def errors(self, bent: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give the errors of rows [n, S], bounded to (-1, 1): e / (scale + |e|)."""
        error = bent @ self.weights
        error -= self.offset
        error /= np.abs(error) + self.scale
        return error


def fit_relations(bent: NDArray[np.float32], usable: NDArray[np.bool_]) -> tuple[Relations, NDArray[np.float32]]:
    """Fit forecasts to the bent rows [n, S] of a reference; also give their bounded errors [n, R], out of fold.

    Only signals that are `usable` [S] take part; a signal that the others say little of has no forecast.
    """
    rows, width = bent.shape
    use = np.flatnonzero(usable)
    if not 2 <= len(use) <= MAX_SIGNALS or rows < ROWS_PER_SIGNAL * len(use):  # noqa: PLR2004
        return none_of(width), np.zeros((rows, 0), np.float32)
    x = bent[:, use].astype(np.float64)
    weights, offset = _ridge(x)
    errors = np.empty_like(x)
    for fold in np.array_split(np.arange(rows), FOLDS):
        rest = np.ones(rows, bool)
        rest[fold] = False
        own, middle = _ridge(x[rest])
        errors[fold] = x[fold] @ own - middle
    variance = x.var(axis=0)
    good = np.flatnonzero((errors**2).mean(axis=0) < (1 - EXPLAINED) * variance)
    full = np.zeros((width, len(good)), np.float32)
    full[use] = weights[:, good]
    scale = np.maximum(np.quantile(np.abs(errors[:, good]), 0.5, axis=0), FINEST) if len(good) else np.zeros(0)
    kept = errors[:, good].astype(np.float32)
    fitted = Relations(use[good], full, offset[good].astype(np.float32), scale.astype(np.float32))
    return fitted, np.asarray(kept / (np.abs(kept) + fitted.scale), np.float32)


def none_of(width: int) -> Relations:
    """Give the relations of `width` signals that have none."""
    empty = np.zeros(0, np.float32)
    return Relations(np.zeros(0, np.int64), np.zeros((width, 0), np.float32), empty, empty)


def _ridge(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Forecast every column from all others at once: the error of column j is x @ P[:, j] / P[j, j], P the precision.

    Returns weights [S, S] and offsets [S].
    """
    mean = x.mean(axis=0)
    centred = x - mean
    covariance = centred.T @ centred / len(x)
    covariance[np.diag_indices_from(covariance)] += RIDGE * max(float(np.trace(covariance)) / x.shape[1], 1e-9)
    precision = np.linalg.inv(covariance)
    weights = precision / np.diag(precision)
    return weights, mean @ weights
