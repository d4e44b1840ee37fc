"""How long a block must be for its mean to be taken as independent of the block before.

For each signal: the shortest length at which a portmanteau test (Ljung and Box 1978) over several lags finds no
autocorrelation, there and at every longer length. Lag 1 alone is fooled by a quarter of a period. A rhythm whose period
shows in the autocorrelation is a candidate length of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.quantiles import chi2_quantile
from detectors.statistics import BASE

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_TESTED = 8  # blocks: fewer say nothing of autocorrelation
MAX_LAGS = 20
LEVEL = 0.05  # chance that any of the tests of a reference fails though all rows are independent


def choose_lengths(series: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Choose a block length for each column of `series` [n, S].

    Returns
    -------
    lengths : int64 [S]
        In base blocks; 0 where single rows are independent already.
    settled : bool [S]
        False where autocorrelation was still there at the longest length that could be tested.
    """
    rows, width = series.shape
    base = series[: rows // BASE * BASE].reshape(-1, BASE, width).mean(axis=1)
    candidates = [length for length in (1 << np.arange(20)).tolist() if len(base) // length >= MIN_TESTED]
    period = _common_period(base)
    if period:
        candidates += [length for length in (period, 2 * period) if len(base) // length >= MIN_TESTED]
    candidates = sorted(set(candidates)) or [max(1, len(base) // MIN_TESTED)]
    level = LEVEL / (2 * width * (len(candidates) + 1))  # two tests for each column and length
    passes = [independent(series, level)]
    for length in candidates:
        blocks = len(base) // length
        passes.append(independent(base[: blocks * length].reshape(blocks, length, width).mean(axis=1), level))
    good = np.logical_and.accumulate(np.array(passes)[::-1])[::-1]  # here, and at every longer length
    settled = good[-1]
    first = np.where(settled, good.argmax(axis=0), len(candidates))
    return np.array([0, *candidates], np.int64)[first], settled


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
    total = np.zeros(series.shape[1])
    first = np.zeros(series.shape[1])
    for lag in range(1, lags + 1):
        correlation = (centred[lag:] * centred[:-lag]).sum(axis=0) / power
        total += correlation**2 / (n - lag)
        if lag == 1:
            first = correlation**2 / (n - 1)
    scale = n * (n + 2)
    quiet = (scale * total < chi2_quantile(level, lags)) & (scale * first < chi2_quantile(level, 1))
    return constant | quiet


def _common_period(base: NDArray[np.float64]) -> int:
    """Give the period, in base blocks, that most signals with a rhythm share; 0 where there is none."""
    n = len(base)
    if n < 2 * MIN_TESTED:
        return 0
    centred = base - base.mean(axis=0)
    spectrum = np.abs(np.fft.rfft(centred, 2 * n, axis=0)) ** 2
    correlation = np.fft.irfft(spectrum, axis=0)[: n // 3]
    found: list[int] = []
    for column in range(base.shape[1]):
        acf = correlation[:, column] / max(float(correlation[0, column]), 1e-12)
        below = np.flatnonzero(acf < -2 / np.sqrt(n))
        if not len(below):
            continue
        tail = acf[below[0] :]
        peak = int(tail.argmax())
        if tail[peak] > 3 / np.sqrt(n):  # three standard errors
            found.append(int(below[0]) + peak)
    return int(np.median(found)) if found else 0
