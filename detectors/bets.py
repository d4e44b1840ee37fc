"""The bets on each statistic, fitted to a reference once: what a bank of bets knows before the stream starts.

A bank holds bets that step together. Where rows are independent the bet of size lambda on a statistic y of one row is
exp(lambda y) over its mean in the reference, one more row with the largest value counted in: a soft-rank conformal
e-value, of expectation at most one if the row is exchangeable with those of the reference. A step multiplies those of
its rows. Elsewhere the same is done to the standardised mean of a step, a block long enough to be independent of the
one before, cut at CAP. Sizes: lambda is the exponential tilt that moves the mean by a number of standard deviations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.quantiles import chi2_quantile, t_quantile
from detectors.statistics import BASE, GRADED, ODD, RARE, TIE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.blocklength import Lengths
    from detectors.statistics import StatisticSet

EFFECTS = (0.1, 0.25, 0.6, 1.5)  # standard deviations of one row: from what a month would show to what is plain
BLOCK_EFFECTS = (0.35, 0.7, 1.4, 2.8)  # standard deviations of a block mean
CAP = 4.0  # a block further out counts as this far: block means of a short reference say nothing of their tail
LEVEL = 0.05  # chance that some reference mean lies outside its band
FEW_BLOCKS = 20
MAX_ROWS_FITTED = 5_000
# Rows, or blocks, that are counted in: the two extremes of the reference are inside by definition, so that of so many
# blocks two more may hold something beyond; then as for everything else. More where extremes come in clusters.
ODD_PRIOR = 3.0


@dataclass(frozen=True, slots=True)
class Bank:
    """The fitted bets on k statistics, J bets each."""

    step: int  # base blocks; 1 if rowwise
    rowwise: bool  # a step multiplies the bets of its rows; else one bet on its mean
    index: NDArray[np.int64]  # [k] which statistics; rowwise, the graded ones come first
    graded: int  # how many of them
    count: float  # rows (rowwise) or blocks of the reference
    mean: NDArray[np.float64]  # [k] of a row (rowwise) or of a block mean
    scale: NDArray[np.float64]  # [k] its standard deviation
    low: NDArray[np.float64]  # [k] band in which the true mean lies, all statistics together, with 1 - LEVEL
    high: NDArray[np.float64]  # [k]
    tilts: NDArray[np.float64]  # [J, k] above 0: a bet on a rise
    # [J, k] rowwise, of graded statistics: log mean of exp(tilt (y - mean)); else the sum over blocks of exp(tilt z)
    norms: NDArray[np.float64]
    inflation: NDArray[np.float64]  # [k] of the variance of sums, by autocorrelation that a test may have missed
    prior: NDArray[np.float64]  # [k] rows or blocks counted in beside those of the reference
    weights: NDArray[np.float64]  # [J, k] they sum to one over all banks
    least: NDArray[np.float64]  # [J, k] nats that a step pays at least

    @property
    def rows(self) -> int:
        """Rows of one step."""
        return BASE * self.step


def fit_banks(
    statistics: StatisticSet, rows: NDArray[np.float32], lengths: Lengths, wider: NDArray[np.float64] | None = None
) -> tuple[Bank, ...]:
    """Fit the bets of every statistic at the block length of its view, to its rows [n, K] in the reference.

    `wider` [K]: at least so much larger than under independence is the variance of sums taken to be, where it is not 0.
    """
    whole = rows[: len(rows) // BASE * BASE].astype(np.float64)
    own = lengths.length[statistics.views]
    inflation = lengths.inflation[statistics.views]
    if wider is not None:
        inflation = np.maximum(inflation, wider)
    own = np.where((statistics.kinds == TIE) & (own == 0), 1, own)  # whether a row ties depends on the rows before it
    bound = t_quantile(LEVEL / max(1, len(own)), 10_000)
    banks = []
    if (own == 0).any():
        index = np.flatnonzero(own == 0)
        banks.append(_row_bank(statistics.kinds[index], whole[:, index], index, bound, inflation[index]))
    for length in np.unique(own[own > 0]).tolist():
        index = np.flatnonzero(own == length)
        known = np.zeros(len(index), bool) if wider is None else wider[index] > 0
        prior = np.where(statistics.kinds[index] == ODD, ODD_PRIOR * inflation[index], 1.0)
        bound = t_quantile(LEVEL / len(own), len(whole) // (int(length) * BASE) - 1)
        banks.append(_block_bank(whole[:, index], index, int(length), bound, inflation[index], prior, known))
    return _weigh(banks, statistics.signals)


def _tilts_of_rates(rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the log odds ratios [J, k] that move a rate [k] by the effects, bounded to leave it inside (0, 1)."""
    rate = np.clip(rate, 1e-9, 1 - 1e-9)
    moved = rate + _both_ways(EFFECTS) * np.sqrt(rate * (1 - rate))
    return _logit(np.clip(moved, rate / 2, 0.5 + rate / 2)) - _logit(rate)


def _row_bank(
    kinds: NDArray[np.int64],
    rows: NDArray[np.float64],
    index: NDArray[np.int64],
    bound: float,
    inflation: NDArray[np.float64],
) -> Bank:
    count = float(len(rows))
    mean = rows.mean(axis=0)
    graded = int(np.searchsorted(kinds, GRADED, side="right"))
    prior = np.where(kinds == ODD, ODD_PRIOR, 1.0)
    counted_in = (mean * count + prior) / (count + prior)
    scale = np.sqrt(np.maximum(counted_in * (1 - counted_in), 1e-12))
    tilts = _tilts_of_rates(counted_in)
    norms = np.zeros_like(tilts)
    sample = rows[:MAX_ROWS_FITTED]
    for at in range(graded):
        y = sample[:, at]
        scale[at] = max(float(y.std()), 1e-3)
        tilt = _both_ways(EFFECTS)[:, 0] / scale[at]
        centred = tilt[:, None] * (y - mean[at])
        worst = np.where(tilt > 0, 1 - mean[at], -mean[at]) * tilt
        tilts[:, at] = tilt
        norms[:, at] = np.log((np.exp(centred).sum(axis=1) + np.exp(worst)) / (len(y) + 1))
    rate = np.arange(len(kinds)) >= graded
    error = bound * scale * np.sqrt(inflation / count) + np.where(rate, bound**2 / count, 0.0)
    return Bank(
        step=1,
        rowwise=True,
        index=index,
        graded=graded,
        count=count,
        mean=mean,
        scale=scale,
        low=np.maximum(mean - error, 0.0),
        high=np.minimum(mean + error, 1.0),
        tilts=tilts,
        norms=norms,
        inflation=inflation,
        prior=prior,
        weights=_sensible(mean, tilts),
        least=np.full(tilts.shape, -np.inf),
    )


def _block_bank(
    rows: NDArray[np.float64],
    index: NDArray[np.int64],
    length: int,
    bound: float,
    inflation: NDArray[np.float64],
    prior: NDArray[np.float64],
    widened: NDArray[np.bool_],
) -> Bank:
    size = length * BASE
    count = len(rows) // size
    means = rows[: count * size].reshape(count, size, -1).mean(axis=1)
    mean = means.mean(axis=0)
    counted_in = (mean * count * size + 1) / (count * size + 1)
    floor = np.sqrt(np.maximum(counted_in * (1 - counted_in), 1e-12) / size)
    spread = means.std(axis=0, ddof=1) if count > 1 else np.full(len(index), 0.5)
    # With few blocks their spread may by chance be small: take the end of its confidence interval.
    unsure = np.sqrt((count - 1) / chi2_quantile(1 - LEVEL, count - 1)) if 1 < count < FEW_BLOCKS else 1.0
    scale = np.sqrt(inflation) * np.maximum(spread * unsure, np.where(spread > 0, 1e-3, floor))
    tilts = np.tile(_both_ways(BLOCK_EFFECTS), len(index))
    # A reference block is compared with the mean of the others, as a new block is with the reference.
    z = np.clip((means - mean) / scale * (count / max(1, count - 1)), -CAP, CAP)
    norms = np.exp(z[:, None] * tilts).sum(axis=0)
    error = bound * scale / np.sqrt(count)
    return Bank(
        step=length,
        rowwise=False,
        index=index,
        graded=len(index),
        count=float(count),
        mean=mean,
        scale=scale,
        low=np.maximum(mean - error, 0.0),
        high=np.minimum(mean + error, 1.0),
        tilts=tilts,
        norms=norms,
        inflation=inflation,
        prior=prior,
        weights=_sensible(mean, tilts),
        # Where the scale stands for more than the spread of these blocks, their own norm is too small: what a variance
        # of one may cost is the price (a sub-Gaussian bet).
        least=np.where(widened, tilts**2 / 2, -np.inf),
    )


def _sensible(mean: NDArray[np.float64], tilts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weigh each bet 1, but 0 on the fall of what hardly ever is, and on the rise of what nearly always is."""
    return np.where(((mean < RARE) & (tilts < 0)) | ((mean > 1 - RARE) & (tilts > 0)), 0.0, 1.0)


def _weigh(banks: list[Bank], signals: NDArray[np.int64]) -> tuple[Bank, ...]:
    """Share the weight equally over signals, within a signal over its bets."""
    totals: dict[int, float] = {}
    for bank in banks:
        for signal, weight in zip(signals[bank.index].tolist(), bank.weights.sum(axis=0).tolist(), strict=True):
            totals[signal] = totals.get(signal, 0.0) + weight
    shared = []
    for bank in banks:
        own = np.array([totals[signal] for signal in signals[bank.index].tolist()])
        fields = {name: getattr(bank, name) for name in Bank.__slots__}
        shared.append(Bank(**(fields | {"weights": bank.weights / (own * len(totals))})))
    return tuple(shared)


def _both_ways(sizes: tuple[float, ...]) -> NDArray[np.float64]:
    """Give sizes up and down, as a column."""
    return np.array([*sizes, *(-size for size in sizes)])[:, None]


def _logit(rate: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(rate) - np.log1p(-rate)
