"""Distances of two samples of one signal: population stability index, Kolmogorov-Smirnov, Wasserstein, variation.

Pure functions on counts and sorted values; what chance alone gives is in `detectors.bands`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FARTHEST = 1e9  # standard deviations: what is infinitely far cannot be said in JSON
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


class Merged(NamedTuple):
    """Two sorted samples on one axis: at each distinct value, how many of either are no larger."""

    at: NDArray[np.floating[Any]]  # [k] ascending
    mine: NDArray[np.int64]  # [k]
    yours: NDArray[np.int64]  # [k]


def merge(ours: NDArray[np.floating[Any]], theirs: NDArray[np.floating[Any]]) -> Merged:
    """Merge two sorted samples, in one pass for all distances between them."""
    both = np.concatenate((ours, theirs))
    order = np.argsort(both, kind="stable")  # of two sorted runs: a merge
    at = both[order]
    last = np.append(at[1:] != at[:-1], True)[: len(at)]  # of equal values
    mine = np.cumsum(order < len(ours))[last]
    return Merged(at[last], mine, np.flatnonzero(last) + 1 - mine)


def kolmogorov(merged: Merged, weights: NDArray[np.float64] | None = None) -> float:
    """Give the Kolmogorov-Smirnov distance, ours perhaps weighted (in ascending order); 0 where one side is empty.

    >>> kolmogorov(merge(np.array([1, 2, 3, 4], np.float32), np.array([3, 4, 5, 6], np.float32)))
    0.5
    """
    if not len(merged.at) or not merged.mine[-1] or not merged.yours[-1]:
        return 0.0
    if weights is None:
        below = merged.mine / merged.mine[-1]
    else:
        below = np.concatenate(([0.0], np.cumsum(weights)))[merged.mine] / max(float(weights.sum()), 1e-12)
    return float(np.abs(below - merged.yours / merged.yours[-1]).max())


def wasserstein(merged: Merged) -> float:
    """Give the first Wasserstein distance in the values' own unit; 0 where one side is empty.

    >>> wasserstein(merge(np.array([1, 2], np.float32), np.array([4, 5], np.float32)))
    3.0
    """
    if not len(merged.at) or not merged.mine[-1] or not merged.yours[-1]:
        return 0.0
    apart = np.abs(merged.mine / merged.mine[-1] - merged.yours / merged.yours[-1])
    return float(apart[:-1] @ np.diff(merged.at.astype(np.float64)))
