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
from detectors.statistics import BASE, GRADED, OUTSIDE, TIE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.blocklength import Lengths
    from detectors.statistics import StatisticSet

# Standard deviations of one row, from what is plain to what a month would show, and in how many base blocks each is
# looked for: what needs hundreds of rows to be seen need not be looked at every eight.
LARGE, SMALL = (0.6, 1.5), (0.1, 0.25)
STEPS_LARGE, STEPS_SMALL = 1, 4
BLOCK_EFFECTS = (0.35, 0.7, 1.4, 2.8)  # standard deviations of a block mean
CAP = 4.0  # a block further out counts as this far: block means of a short reference say nothing of their tail
LEVEL = 0.05  # chance that some reference mean lies outside its band
FEW_BLOCKS = 20
MIN_RATE = 0.01  # a rate below this cannot be seen to fall, and is rare
MAX_ROWS_FITTED = 5_000
OUTSIDE_PRIOR = 3.0  # the two extremes of the reference are inside by definition; then as for every rate


@dataclass(frozen=True, slots=True)
class Bank:
    """The fitted bets on k statistics, J bets each."""

    step: int  # base blocks
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
    prior: NDArray[np.float64]  # [k] rows added to a rate
    weights: NDArray[np.float64]  # [J, k] they sum to one over all banks

    @property
    def rows(self) -> int:
        """Rows of one step."""
        return BASE * self.step


def fit_banks(statistics: StatisticSet, rows: NDArray[np.float32], lengths: Lengths) -> tuple[Bank, ...]:
    """Fit the bets of every statistic at the block length of its view, to its rows [n, K] in the reference."""
    whole = rows[: len(rows) // BASE * BASE].astype(np.float64)
    own = lengths.length[statistics.views]
    inflation = lengths.inflation[statistics.views]
    mean = whole.mean(axis=0)
    rare = mean < MIN_RATE
    # Whether a row ties depends on the rows before it: independent only where hardly any does.
    own = np.where((statistics.kinds == TIE) & (own == 0) & ~rare, 1, own)
    bound = t_quantile(LEVEL / max(1, len(own)), 10_000)
    banks = []
    index = np.flatnonzero(own == 0)
    if len(index):
        kinds, rows_of = statistics.kinds[index], whole[:, index]
        effects = np.where(rare[index], _column(*SMALL, *LARGE), _column(*LARGE, *(-size for size in LARGE)))
        banks.append(_row_bank(kinds, rows_of, index, bound, inflation[index], effects, STEPS_LARGE))
        index = index[~rare[index]]  # what hardly ever is cannot be seen to fall: all its bets are on a rise
    if len(index):
        kinds, rows_of = statistics.kinds[index], whole[:, index]
        effects = np.tile(_column(*SMALL, *(-size for size in SMALL)), len(index))
        banks.append(_row_bank(kinds, rows_of, index, bound, inflation[index], effects, STEPS_SMALL))
    for length in np.unique(own[own > 0]).tolist():
        index = np.flatnonzero(own == length)
        banks.append(_block_bank(whole[:, index], index, int(length), len(own), inflation[index]))
    return _weigh(banks, statistics.signals)


def _tilts_of_rates(rate: NDArray[np.float64], effects: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the log odds ratios [J, k] that move a rate [k] by the effects [J, k], bounded to leave it inside (0, 1)."""
    rate = np.clip(rate, 1e-9, 1 - 1e-9)
    moved = rate + effects * np.sqrt(rate * (1 - rate))
    return _logit(np.clip(moved, rate / 2, 0.5 + rate / 2)) - _logit(rate)


def _row_bank(
    kinds: NDArray[np.int64],
    rows: NDArray[np.float64],
    index: NDArray[np.int64],
    bound: float,
    inflation: NDArray[np.float64],
    effects: NDArray[np.float64],
    step: int,
) -> Bank:
    count = float(len(rows))
    mean = rows.mean(axis=0)
    graded = int(np.searchsorted(kinds, GRADED, side="right"))
    prior = np.where(kinds == OUTSIDE, OUTSIDE_PRIOR, 1.0)
    counted_in = (mean * count + prior) / (count + prior)
    scale = np.sqrt(np.maximum(counted_in * (1 - counted_in), 1e-12))
    tilts = _tilts_of_rates(counted_in, effects)
    norms = np.zeros_like(tilts)
    sample = rows[:MAX_ROWS_FITTED]
    for at in range(graded):
        y = sample[:, at]
        scale[at] = max(float(y.std()), 1e-3)
        tilt = effects[:, at] / scale[at]
        centred = tilt[:, None] * (y - mean[at])
        worst = np.where(tilt > 0, 1 - mean[at], -mean[at]) * tilt
        tilts[:, at] = tilt
        norms[:, at] = np.log((np.exp(centred).sum(axis=1) + np.exp(worst)) / (len(y) + 1))
    rate = np.arange(len(kinds)) >= graded
    error = bound * scale * np.sqrt(inflation / count) + np.where(rate, bound**2 / count, 0.0)
    return Bank(
        step=step,
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
    )


def _block_bank(
    rows: NDArray[np.float64], index: NDArray[np.int64], length: int, statistics: int, inflation: NDArray[np.float64]
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
    tilts = np.tile(_column(*BLOCK_EFFECTS, *(-size for size in BLOCK_EFFECTS)), len(index))
    # A reference block is compared with the mean of the others, as a new block is with the reference.
    z = np.clip((means - mean) / scale * (count / max(1, count - 1)), -CAP, CAP)
    norms = np.exp(z[:, None] * tilts).sum(axis=0)
    error = t_quantile(LEVEL / max(1, statistics), count - 1) * scale / np.sqrt(count)
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
        prior=np.ones(len(index)),
        weights=_sensible(mean, tilts),
    )


def _sensible(mean: NDArray[np.float64], tilts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weigh each bet 1, but 0 on the fall of what hardly ever is, and on the rise of what nearly always is."""
    return np.where(((mean < MIN_RATE) & (tilts < 0)) | ((mean > 1 - MIN_RATE) & (tilts > 0)), 0.0, 1.0)


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


def _column(*values: float) -> NDArray[np.float64]:
    return np.array(values)[:, None]


def _logit(rate: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(rate) - np.log1p(-rate)
