"""How long a block must be for its mean to be taken as independent of the block before.

A signal whose rows show no autocorrelation is bet on row by row. Else: the shortest length at which a portmanteau test
(Ljung and Box 1978) over several lags finds none left, there and at every longer length, and no shorter than TIMES its
integrated autocorrelation time (Geyer 1992). Lag 1 alone is fooled by a quarter of a period; a rhythm whose period
shows in the autocorrelation is a candidate length of its own. What a test cannot exclude may still be there: each
signal gets a factor by which the variance of its sums may be larger than independence says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.quantiles import chi2_quantile, t_quantile
from detectors.statistics import BASE
from detectors.variance_ratio import wandering

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_TESTED = 8  # blocks: fewer say nothing of autocorrelation
MAX_LAGS = 20
# Chance that some view of a stream of independent rows is given blocks, by the test of rows and by those of blocks.
# That costs delay, the other error the promise; but what a test misses at this level is in the factor on the variance.
LEVEL_ROWS = 0.02
LEVEL_BLOCKS = 0.05
LEVEL_DRIFT = 0.01  # chance that some signal without a trend is said to have one
TIMES = 4  # a block is at least so many integrated autocorrelation times
ENOUGH = 20  # blocks: with fewer, neither their spread nor what is left of their correlation is known
FEW = 64  # blocks: with fewer, what one view shows is chance
SCARCE_ROWS = 300  # in fewer, a memory that shows is longer than it seems
MAX_CORRELATION = 0.6  # beyond, the blocks are too few to say anything


@dataclass(frozen=True, slots=True)
class Lengths:
    """The choice for each view."""

    length: NDArray[np.int64]  # [V] base blocks; 0 where single rows are independent
    settled: NDArray[np.bool_]  # [V] False where blocks still hang together at the longest length, or follow a trend
    inflation: NDArray[np.float64]  # [V] how much larger than under independence the variance of sums may be


def choose_lengths(series: NDArray[np.float64], owners: NDArray[np.int64]) -> Lengths:
    """Choose a block length for each view, from `series` [n, statistics, V] of it; `owners` [V] are themselves views.

    A view is given no shorter blocks than its owner: what moves a signal as a whole (a season, a site's habits) may
    move its relation to others just as rarely, and few such moves are in a reference.
    """
    rows, kinds, width = series.shape
    flat = series.reshape(rows, -1)
    base = flat[: rows // BASE * BASE].reshape(-1, BASE, kinds * width).mean(axis=1)
    most = max(1, len(base) // MIN_TESTED)
    correlation = autocorrelation(flat)
    time = integrated_time(correlation)
    candidates = {1 << power for power in range(20) if 1 << power <= most} | {most}
    period = _common_period(autocorrelation(base))
    candidates |= {length for length in (period, 2 * period) if 0 < length <= most}
    tested = np.array(sorted(candidates), np.int64)
    passes = [independent(flat, LEVEL_ROWS / (2 * kinds * width)) & ~wandering(flat, kinds, LEVEL_ROWS)]
    first = [correlation[1]]
    drifts = [np.zeros(kinds * width, bool)]
    for length in tested.tolist():
        blocks = len(base) // length
        means = base[: blocks * length].reshape(blocks, length, -1).mean(axis=1)
        level = LEVEL_BLOCKS / len(tested)
        passes.append(independent(means, level / (2 * kinds * width)) & ~wandering(means, kinds, level))
        first.append(autocorrelation(means)[1])
        drifts.append(drifting(means, LEVEL_DRIFT / (kinds * width)))
    good: NDArray[np.bool_] = np.array(passes)
    rows_good = good.all(axis=0)
    good[1:-1] &= tested[:-1, None] * BASE >= np.minimum(TIMES * time, most * BASE)
    good |= rows_good  # an integrated time of rows that pass every test is noise
    good = np.logical_and.reduce(good.reshape(len(good), kinds, width), axis=1)
    good = np.logical_and.accumulate(good[::-1])[::-1]  # here, and at every longer length
    settled: NDArray[np.bool_] = np.asarray(good)[-1]
    chosen = np.where(settled, good.argmax(axis=0), len(tested))
    chosen = _shared(np.maximum(chosen, chosen[owners]), rows, tested)
    length = np.array([0, *tested.tolist()], np.int64)[chosen]
    steps = np.maximum(length, 1) * np.where(length > 0, BASE, 1)
    straight = ~np.logical_or.reduce(np.array(drifts).reshape(-1, kinds, width), axis=1)[chosen, np.arange(width)]
    lag1 = np.array(first).reshape(-1, kinds, width).max(axis=1)[chosen, np.arange(width)]
    left = np.minimum(np.maximum(lag1, 0) + 1 / np.sqrt(rows // steps), MAX_CORRELATION)
    # Between what was measured, with its error, and none: rows passed the test.
    left = np.where(length > 0, left, left / 2)
    longest = time.reshape(kinds, width).max(axis=0)
    inflation = np.maximum((1 + left) / (1 - left), np.where(length > 0, 1 + longest / steps, 1.0))
    few = np.where(length > 0, np.minimum(rows // steps / ENOUGH, 1.0), 1.0)
    return Lengths(length, settled & straight, inflation / few**2)


def _shared(chosen: NDArray[np.int64], rows: int, tested: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give no view less than the median length where blocks are few: a memory of all shows in each only by chance.

    In few rows, a memory that most views show may be far longer than can be seen: all get the longest blocks.
    """
    usual = int(np.quantile(chosen, 0.5, method="lower"))
    if usual and rows < SCARCE_ROWS:
        return np.full_like(chosen, len(tested))
    if usual and rows // (int(tested[usual - 1]) * BASE) < FEW:
        return np.where(chosen > 0, np.maximum(chosen, usual), chosen)
    return chosen


def autocorrelation(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the autocorrelation of each column of [n, S] at lags 0 to n / 3, and at lag 1 at least."""
    n = len(series)
    centred = series - series.mean(axis=0)
    size = 1 << int(2 * n - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, size, axis=0)) ** 2
    products = np.fft.irfft(power, size, axis=0)[: max(2, n // 3)]
    return np.asarray(products / np.maximum(products[0], 1e-12 * n))


def integrated_time(correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give 1 + 2 sum of the autocorrelation, over pairs of lags up to the first pair that is not positive."""
    pairs = correlation[: len(correlation) // 2 * 2].reshape(-1, 2, correlation.shape[1]).sum(axis=1)
    going = np.logical_and.accumulate(pairs > 0, axis=0)
    return np.asarray(np.maximum(2 * (pairs * going).sum(axis=0) - 1, 1.0))


def independent(series: NDArray[np.float64], level: float) -> NDArray[np.bool_]:
    """Tell for each column of [n, S] whether lag 1 and a portmanteau test find no autocorrelation at this level."""
    n = len(series)
    lags = min(MAX_LAGS, n // 4)
    if lags < 1:
        return np.ones(series.shape[1], bool)
    centred = series - series.mean(axis=0)
    power = (centred**2).sum(axis=0)
    constant = power <= 1e-12 * n
    power = np.where(constant, 1.0, power)
    parts = np.array([((centred[k:] * centred[:-k]).sum(axis=0) / power) ** 2 / (n - k) for k in range(1, lags + 1)])
    scale = n * (n + 2)
    quiet = (scale * parts.sum(axis=0) < chi2_quantile(level, lags)) & (scale * parts[0] < chi2_quantile(level, 1))
    return np.asarray(constant | quiet, bool)


def drifting(means: NDArray[np.float64], level: float) -> NDArray[np.bool_]:
    """Tell for each column of block means [n, S] whether they follow a straight line at this level."""
    n = len(means)
    if n < 3:  # noqa: PLR2004  # a line through two points
        return np.zeros(means.shape[1], bool)
    place = np.arange(n) - (n - 1) / 2
    centred = means - means.mean(axis=0)
    size = np.sqrt((place**2).sum() * (centred**2).sum(axis=0))
    slope = np.abs(place @ centred) / np.where(size > 0, size, 1.0)
    limit = t_quantile(level, n - 2)
    return np.asarray(slope > limit / np.sqrt(limit**2 + n - 2), bool)


def _common_period(correlation: NDArray[np.float64]) -> int:
    """Give the period that most columns with a rhythm share, in steps; 0 where there is none."""
    error = 1 / np.sqrt(3 * len(correlation))
    found: list[int] = []
    for acf in correlation.T:
        below = np.flatnonzero(acf < -2 * error)
        if len(below):
            peak = int(below[0] + acf[below[0] :].argmax())
            if acf[peak] > 3 * error:  # three standard errors
                found.append(peak)
    return int(np.median(found)) if found else 0
