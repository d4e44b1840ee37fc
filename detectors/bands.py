"""What chance alone gives: the distance that stationary data stays under in 95 of 100 looks.

All bands shrink with v = 1 / r + 1 / n, r and n being the *effective* sizes of the two samples: rows that hang together
count for less, by the integrated autocorrelation time of the reference (Geyer 1992). Dividing by one such time for all
bins is the first-order correction of Rao and Scott (1981) for clustered counts.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from detectors.blocklength import TIMES, autocorrelation, integrated_time
from detectors.quantiles import chi2_quantile
from detectors.statistics import BASE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.learned import Reference

LEVEL = 0.05
ONE_SIDED, TWO_SIDED = 1.645, 1.96  # normal quantiles of LEVEL
KOLMOGOROV = 1.358  # quantile of Kolmogorov's distribution at LEVEL
BRIDGES, GRID = 400, 64


def memory(reference: Reference) -> NDArray[np.float64]:
    """Give, for each signal, how many rows count as one: 1 where rows are independent.

    Measured on the rows that the reference keeps; where these are too far apart to show it, bounded by the block
    length.
    """
    longest = np.maximum(np.asarray(reference.lengths, np.float64) * BASE / TIMES, 1.0)
    apart = max(1.0, reference.rows / max(1, len(reference.sample)))
    measured = np.ones(len(reference.signals))
    for at in np.flatnonzero(longest > 1).tolist():
        ranks = _ranks(reference.sample[:, at])
        series = np.column_stack((ranks, np.abs(ranks - ranks.mean())))
        measured[at] = apart * integrated_time(autocorrelation(series)).max()
    return np.minimum(measured, longest)


def _ranks(column: NDArray[np.float32]) -> NDArray[np.float64]:
    filled = np.where(np.isfinite(column), column, np.inf).astype(np.float64)
    _, places, counts = np.unique(filled, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2  # equal values share a rank
    return np.asarray(middle[places.reshape(-1)] / len(column))


def spread_of(ours: float, theirs: float) -> float:
    """Give v = 1 / r + 1 / n of two effective sizes."""
    return 1 / max(ours, 1.0) + 1 / max(theirs, 1.0)


def stability_band(bins: int, v: float) -> float:
    """Give the band of PSI: v times a chi-squared quantile of bins - 1 degrees of freedom (Yurdakul 2018).

    >>> round(stability_band(10, 1 / 1000 + 1 / 500), 3)
    0.051
    """
    return float(v * chi2_quantile(LEVEL, bins - 1)) if bins > 1 else 0.0


def kolmogorov_band(v: float) -> float:
    """Give the band of the Kolmogorov-Smirnov distance, with the correction of Stephens (1970) for small samples.

    >>> round(kolmogorov_band(1 / 1000 + 1 / 1000), 4)
    0.0604
    """
    root = math.sqrt(1 / v)
    return min(1.0, KOLMOGOROV / (root + 0.12 + 0.11 / root))


def variation_band(shares: NDArray[np.float64], v: float) -> float:
    """Give the band of the total variation distance of counts whose shares are these.

    Each difference of shares is about normal with variance v p (1 - p): the mean of half their absolute sum, and its
    standard deviation with the dependence that comes from adding up to nothing (of two classes both are one number).
    """
    errors = np.sqrt(v * shares * (1 - shares))
    classes = int((shares > 0).sum())
    if classes < 2:  # noqa: PLR2004  # one class takes all
        return share_band(0.0, v)
    mean = math.sqrt(2 / math.pi) * float(errors.sum()) / 2
    deviation = math.sqrt((1 - 2 / math.pi) * float((errors**2).sum()) * classes / (classes - 1)) / 2
    return min(1.0, max(mean + ONE_SIDED * deviation, TWO_SIDED * float(errors.max())))


def share_band(share: float, v: float) -> float:
    """Give the band of the difference of two shares; one row at least, as what never happened may happen."""
    return min(1.0, 2 * math.sqrt(v * share * (1 - share)) + v)


def wasserstein_band(ordered: NDArray[np.float32], v: float) -> float:
    """Give the band of the first Wasserstein distance, in the values' own unit, from the reference's sorted values.

    In large samples it is the integral of |B(F(x))| dx times sqrt(v), B a Brownian bridge (del Barrio, Gine and Matran
    1999): its quantile over simulated bridges, on GRID quantiles. With tails so heavy that the integral does not exist,
    the band is that of the values seen, and too small.
    """
    if len(ordered) < 2:  # noqa: PLR2004  # no gap, no distance
        return 0.0
    places = np.linspace(0, len(ordered) - 1, GRID + 1)
    knots = np.interp(places, np.arange(len(ordered)), ordered.astype(np.float64))
    areas = _bridges() @ np.diff(knots)
    return float(np.quantile(areas, 1 - LEVEL) * math.sqrt(v))


@lru_cache(maxsize=1)
def _bridges() -> NDArray[np.float64]:
    """Draw |Brownian bridges| at the middles of GRID intervals; always the same ones."""
    rng = np.random.default_rng(20_260_101)
    steps = rng.normal(scale=math.sqrt(0.5 / GRID), size=(BRIDGES, 2 * GRID))
    walks = np.cumsum(steps, axis=1)
    times = np.arange(1, 2 * GRID + 1) / (2 * GRID)
    return np.asarray(np.abs(walks - times * walks[:, -1:])[:, ::2])
