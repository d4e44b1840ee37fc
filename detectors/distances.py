"""Distances of two samples of one signal: population stability index, Kolmogorov-Smirnov, Wasserstein, variation.

Pure functions on counts and sorted values; what chance alone gives is in `detectors.bands`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF = 0.5  # added to every count: an empty bin costs something finite (Jeffreys' prior of a multinomial)


def stability(ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> float:
    """Give the population stability index of two counts in the same bins, in nats.

    PSI = sum (q - p) ln(q / p): the sum of both Kullback-Leibler divergences (Jeffreys 1946), p and q being shares of
    counts smoothed by HALF. Bins that are empty on both sides take no part.

    >>> round(stability(np.array([50, 50]), np.array([80, 20])), 2)
    0.41
    """
    used = (ours + theirs) > 0
    p = (ours[used] + HALF) / (ours[used] + HALF).sum()
    q = (theirs[used] + HALF) / (theirs[used] + HALF).sum()
    return float(((q - p) * np.log(q / p)).sum())


def variation(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """Give the total variation distance of two (weighted) counts, in [0, 1].

    >>> variation(np.array([1.0, 1.0]), np.array([30.0, 10.0]))
    0.25
    """
    return float(np.abs(ours / max(ours.sum(), 1e-12) - theirs / max(theirs.sum(), 1e-12)).sum() / 2)


def kolmogorov(ours: NDArray[np.float32], theirs: NDArray[np.float32], weights: NDArray[np.float64] | None) -> float:
    """Give the Kolmogorov-Smirnov distance of two sorted samples, the first perhaps weighted; 0 where one is empty.

    >>> kolmogorov(np.array([1, 2, 3, 4], np.float32), np.array([3, 4, 5, 6], np.float32), None)
    0.5
    """
    if not len(ours) or not len(theirs):
        return 0.0
    at = np.concatenate((ours, theirs))
    mine = np.searchsorted(ours, at, side="right")
    steps = np.arange(len(ours) + 1) / len(ours)
    if weights is not None:
        steps = np.concatenate(([0.0], np.cumsum(weights))) / max(float(weights.sum()), 1e-12)
    return float(np.abs(steps[mine] - np.searchsorted(theirs, at, side="right") / len(theirs)).max())


def wasserstein(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Give the first Wasserstein distance of two sorted samples, in their own unit; 0 where one is empty.

    >>> wasserstein(np.array([1, 2], np.float32), np.array([4, 5], np.float32))
    3.0
    """
    if not len(ours) or not len(theirs):
        return 0.0
    at = np.sort(np.concatenate((ours, theirs)).astype(np.float64))
    mine = np.searchsorted(ours, at[:-1], side="right") / len(ours)
    yours = np.searchsorted(theirs, at[:-1], side="right") / len(theirs)
    return float((np.abs(mine - yours) * np.diff(at)).sum())
