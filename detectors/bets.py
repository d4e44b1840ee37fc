"""The bets on each statistic, fitted to a reference once: what a bank of bets knows before the stream starts.

A bank holds the statistics that share a block length. Where rows are independent (length 0) the bet of size lambda on
a statistic y of one row is exp(lambda y) over its mean in the reference, one more row with the largest value counted
in: a soft-rank conformal e-value, of expectation at most one if the row is exchangeable with those of the reference. A
base block multiplies BASE of them. With longer blocks the same is done to the standardised block mean, cut at CAP.
Sizes: lambda is the exponential tilt that moves the mean by one of EFFECTS standard deviations, up or down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.quantiles import chi2_quantile, t_quantile
from detectors.statistics import BASE, OUTSIDE, RANK, SPREAD, TIE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.blocklength import Lengths
    from detectors.ranks import RankTable
    from detectors.statistics import StatisticSet

EFFECTS = (0.1, 0.25, 0.6, 1.5)  # standard deviations of one row: from what a month would show to what is plain
BLOCK_EFFECTS = (0.35, 0.7, 1.4, 2.8)  # standard deviations of a block mean
CAP = 4.0  # a block further out counts as this far: block means of a short reference say nothing of their tail
LEVEL = 0.05  # chance that some reference mean lies outside its band
FEW_BLOCKS = 20
MIN_RATE = 0.01  # a rate below this cannot be seen to fall, and is rare
MAX_ROWS_FITTED = 5_000
OUTSIDE_PRIOR = 3.0  # the two extremes of the reference are inside by definition; then as for every rate


@dataclass(frozen=True, slots=True)
class Bank:
    """The fitted bets on k statistics of one block length, J bets each: the first half upwards, the rest downwards."""

    length: int  # in base blocks; 0: rows are independent, a step is one base block
    index: NDArray[np.int64]  # [k] which statistics
    count: float  # rows (length 0) or blocks of the reference
    mean: NDArray[np.float64]  # [k] of a row (length 0) or of a block mean
    scale: NDArray[np.float64]  # [k] its standard deviation
    low: NDArray[np.float64]  # [k] band in which the true mean lies, all statistics together, with 1 - LEVEL
    high: NDArray[np.float64]  # [k]
    tilts: NDArray[np.float64]  # [k, J]
    norms: NDArray[
        np.float64
    ]  # [k, J] length 0: log mean of exp(tilt (y - mean)); else the sum over blocks of exp(tilt z)
    inflation: NDArray[np.float64]  # [k] of the variance of sums, by autocorrelation that a test may have missed
    rate: NDArray[np.bool_]  # [k] an indicator of single rows: its norm follows from its rate
    prior: NDArray[np.float64]  # [k] rows added to a rate
    weights: NDArray[np.float64]  # [k, J] they sum to one over all banks

    @property
    def rows(self) -> int:
        """Rows of one step."""
        return BASE * max(1, self.length)


def fit_banks(
    statistics: StatisticSet, rows: NDArray[np.float32], table: RankTable, lengths: Lengths
) -> tuple[Bank, ...]:
    """Fit the bets of every statistic, at the block length of its signal."""
    whole = rows[: len(rows) // BASE * BASE]
    sums = statistics.base_sums(whole, whole[0], table)
    own = lengths.length[statistics.columns]
    inflation = lengths.inflation[statistics.columns]
    own = np.where((statistics.kinds == TIE) & (own == 0), 1, own)  # a tie is known of a base block, not of a row
    bound = t_quantile(LEVEL / max(1, len(own)), 10_000)
    banks = []
    for length in np.unique(own).tolist():
        index = np.flatnonzero(own == length)
        if length == 0:
            banks.append(_row_bank(statistics, whole, table, sums[:, index], index, bound, inflation[index]))
        else:
            banks.append(_block_bank(sums[:, index], index, int(length), len(own), inflation[index]))
    return _weigh(banks, statistics.columns)


def tilts_of_rates(rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the log odds ratios [k, J] that move a rate by the target effects, bounded to leave it inside (0, 1)."""
    rate = np.clip(rate, 1e-9, 1 - 1e-9)[:, None]
    step = np.array(EFFECTS) * np.sqrt(rate * (1 - rate))
    up = np.minimum(rate + step, 0.5 + rate / 2)
    down = np.maximum(rate - step, rate / 2)
    return np.concatenate((_logit(up) - _logit(rate), _logit(down) - _logit(rate)), axis=1)


def log_norm_of_rates(
    total: NDArray[np.float64], count: float, prior: NDArray[np.float64], tilts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give log E exp(tilt y) [k, J] for indicators seen `total` times in `count` rows, the next row counted in."""
    half = tilts.shape[1] // 2
    up = ((total + prior) / (count + prior))[:, None]
    down = (total / (count + 1))[:, None]
    norms = np.empty_like(tilts)
    norms[:, :half] = np.log1p(up * np.expm1(tilts[:, :half]))
    norms[:, half:] = np.log1p(down * np.expm1(tilts[:, half:]))
    return norms


def _row_bank(
    statistics: StatisticSet,
    rows: NDArray[np.float32],
    table: RankTable,
    sums: NDArray[np.float64],
    index: NDArray[np.int64],
    bound: float,
    inflation: NDArray[np.float64],
) -> Bank:
    count = float(len(rows))
    mean = sums.sum(axis=0) / count
    kinds = statistics.kinds[index]
    rate = (kinds != RANK) & (kinds != SPREAD)
    prior = np.where(kinds == OUTSIDE, OUTSIDE_PRIOR, 1.0)
    counted_in = (mean * count + prior) / (count + prior)
    scale = np.sqrt(np.maximum(counted_in * (1 - counted_in), 1e-12))
    tilts = tilts_of_rates(counted_in)
    norms = np.zeros_like(tilts)
    sample = rows[:MAX_ROWS_FITTED]
    ranks, _ = table.look_up(sample)
    neutral = np.isnan(sample)
    for at in np.flatnonzero(~rate).tolist():
        column = statistics.columns[index[at]]
        y = ranks[:, column]
        if kinds[at] == SPREAD:
            y = np.where(neutral[:, column], 0.5, np.abs(2 * y - 1))
        scale[at] = max(float(y.std()), 1e-3)
        tilts[at] = np.array(EFFECTS + tuple(-e for e in EFFECTS)) / scale[at]
        centred = tilts[at] * (y[:, None] - mean[at])
        worst = np.where(tilts[at] > 0, 1 - mean[at], -mean[at]) * tilts[at]
        norms[at] = np.log((np.exp(centred).sum(axis=0) + np.exp(worst)) / (len(y) + 1))
    error = bound * scale * np.sqrt(inflation / count) + np.where(rate, bound**2 / count, 0.0)
    return Bank(
        length=0,
        index=index,
        count=count,
        mean=mean,
        scale=scale,
        low=np.maximum(mean - error, 0.0),
        high=np.minimum(mean + error, 1.0),
        tilts=tilts,
        norms=norms,
        inflation=inflation,
        rate=rate,
        prior=prior,
        weights=_sensible(mean, tilts),
    )


def _block_bank(
    sums: NDArray[np.float64], index: NDArray[np.int64], length: int, statistics: int, inflation: NDArray[np.float64]
) -> Bank:
    count = len(sums) // length
    means = sums[: count * length].reshape(count, length, -1).sum(axis=1) / (length * BASE)
    mean = means.mean(axis=0)
    counted_in = (mean * count * length * BASE + 1) / (count * length * BASE + 1)
    floor = np.sqrt(np.maximum(counted_in * (1 - counted_in), 1e-12) / (length * BASE))
    spread = means.std(axis=0, ddof=1) if count > 1 else np.full(len(index), 0.5)
    # With few blocks their spread may by chance be small: take the end of its confidence interval.
    unsure = np.sqrt((count - 1) / chi2_quantile(1 - LEVEL, count - 1)) if 1 < count < FEW_BLOCKS else 1.0
    scale = np.sqrt(inflation) * np.maximum(spread * unsure, np.where(spread > 0, 1e-3, floor))
    tilts = np.tile(np.array(BLOCK_EFFECTS + tuple(-e for e in BLOCK_EFFECTS)), (len(index), 1))
    # A reference block is compared with the mean of the others, as a new block is with the reference.
    z = np.clip((means - mean) / scale * (count / max(1, count - 1)), -CAP, CAP)
    norms = np.exp(z[:, :, None] * tilts).sum(axis=0)
    error = t_quantile(LEVEL / max(1, statistics), count - 1) * scale / np.sqrt(count)
    return Bank(
        length=length,
        index=index,
        count=float(count),
        mean=mean,
        scale=scale,
        low=np.maximum(mean - error, 0.0),
        high=np.minimum(mean + error, 1.0),
        tilts=tilts,
        norms=norms,
        inflation=inflation,
        rate=np.zeros(len(index), bool),
        prior=np.ones(len(index)),
        weights=_sensible(mean, tilts),
    )


def _sensible(mean: NDArray[np.float64], tilts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weigh each bet 1, but 0 on the fall of what hardly ever is, and on the rise of what nearly always is."""
    weights = np.ones_like(tilts)
    half = tilts.shape[1] // 2
    weights[mean < MIN_RATE, half:] = 0.0
    weights[mean > 1 - MIN_RATE, :half] = 0.0
    return weights


def _weigh(banks: list[Bank], columns: NDArray[np.int64]) -> tuple[Bank, ...]:
    """Share the weight equally over signals, within a signal over its bets."""
    totals: dict[int, float] = {}
    for bank in banks:
        for column, weight in zip(columns[bank.index].tolist(), bank.weights.sum(axis=1).tolist(), strict=True):
            totals[column] = totals.get(column, 0.0) + weight
    shared = []
    for bank in banks:
        own = np.array([totals[column] for column in columns[bank.index].tolist()])
        fields = {name: getattr(bank, name) for name in Bank.__slots__}
        shared.append(Bank(**(fields | {"weights": bank.weights / (own[:, None] * len(totals))})))
    return tuple(shared)


def _logit(rate: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(rate) - np.log1p(-rate)
