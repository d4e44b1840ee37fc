"""Whether means of longer and longer stretches vary more than independence says: memory too slow and weak for lags.

The ratio of the variance of means of m values, times m, to the variance of the values is 1 where values are independent
(Cochrane 1988; Lo and MacKinlay 1988); a memory of fifty values that no single lag shows multiplies it. Signals of one
device share their causes, so ratios are also taken together: where the median of all signals is too large, a small sign
in one of them is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.quantiles import chi2_quantile, normal_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 8  # means of which a variance is taken
TOGETHER = 0.01  # chance that the median of ratios is called too large
SIGN = 0.1  # chance that one ratio is called so, where their median is
MEDIAN_ERROR = 1.2533  # of the median of normal values, in standard errors of their mean


def wandering(series: NDArray[np.float64], kinds: int, level: float) -> NDArray[np.bool_]:
    """Tell for each column of [n, kinds * V] whether means of its stretches vary too much.

    `level` is the chance that some column of independent values is called so on its own.
    """
    n, columns = series.shape
    stretches = [1 << power for power in range(1, 20) if n // (1 << power) >= FEWEST]
    found = np.zeros(columns, bool)
    variance = series.var(axis=0)
    alive = variance > 1e-12  # noqa: PLR2004  # a constant
    effective = _effective(series, alive, kinds)
    for stretch in stretches:
        count = n // stretch
        means = series[: count * stretch].reshape(count, stretch, columns).mean(axis=1)
        ratio = np.where(alive, stretch * means.var(axis=0, ddof=1) / np.where(alive, variance, 1.0), 1.0)
        scaled = ratio * (count - 1)
        found |= scaled > chi2_quantile(level / (columns * len(stretches)), count - 1)
        signs = scaled > chi2_quantile(SIGN, count - 1)
        for kind, own in enumerate(np.split(np.arange(columns), kinds)):
            seen = own[alive[own]]
            if not len(seen):
                continue
            error = MEDIAN_ERROR * np.sqrt(2 / (count - 1) / effective[kind])
            usual = chi2_quantile(0.5, count - 1) / (count - 1)
            if np.quantile(ratio[seen], 0.5, method="lower") > usual + error * normal_quantile(
                TOGETHER / (kinds * len(stretches))
            ):
                found[seen] |= signs[seen]
    return found


def _effective(series: NDArray[np.float64], alive: NDArray[np.bool_], kinds: int) -> list[float]:
    """Give, for each kind, how many independent columns its own are worth: V^2 over the sum of squared correlations."""
    worth = []
    for own in np.split(np.arange(series.shape[1]), kinds):
        seen = own[alive[own]]
        if len(seen) < 2:  # noqa: PLR2004
            worth.append(float(len(seen)))
            continue
        correlation = np.corrcoef(series[:, seen].T)
        worth.append(len(seen) ** 2 / float((correlation**2).sum()))
    return worth
