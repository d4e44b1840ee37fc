"""Contexts by hour of day: what a daily rhythm does to the statistics, learned with the reference and taken off.

A signal with a rhythm needs blocks of about a day to be exchangeable: nothing is seen for days. With the rhythm taken
off, blocks may be as short as what is left allows. Only statistics that are bet on in blocks are corrected: a bet on
single rows needs values in [0, 1].

In the reference each day is corrected by what the other days say, never by itself, so that what is left there is at
least as large as it will be in the stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.blocklength import Lengths, choose_lengths
from detectors.quantiles import chi2_quantile
from detectors.rhythm import DAY_NS, HOUR_NS, HOURS, KNOWN_NS, Days, has_rhythm, hourly, rhythm, whole_days
from detectors.runs import stretched
from detectors.statistics import BASE, span

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from detectors.statistics import StatisticSet


SPANS = (6, 12, 24)  # hours
UNSURE = 0.1  # chance that sums over one of the spans vary more than is allowed for: of few days little is known


@dataclass(frozen=True, slots=True)
class Context:
    """What each hour of the day (UTC) adds to the statistics that have a daily rhythm."""

    days: int  # that it was learned from
    index: NDArray[np.int64]  # [k] which statistics
    deviations: NDArray[np.float32]  # [24, k]
    mean: NDArray[np.float32]  # [k] of the statistic in the reference, the rhythm taken off

    def times(self, time_ns: ArrayLike | None, rows: int) -> NDArray[np.int64]:
        """Give the times [n] of rows, 0 where they are left out. Raises ValueError where they are needed or misfit."""
        if time_ns is not None:
            return as_times(time_ns, rows)
        if len(self.index):
            raise ValueError("the reference knows a daily rhythm: rows are judged with their time_ns")
        return np.zeros(rows, np.int64)

    def take_off(self, sums: NDArray[np.float32], found: NDArray[np.float32], time_ns: NDArray[np.int64]) -> None:
        """Take the rhythm off the sums [n / BASE, K] of base blocks, in place; `found` [n, K] are their rows.

        Where the clock was not set, the hour is not known: such rows are given the mean, which is evidence of nothing.
        """
        if not len(self.index):
            return
        known = time_ns >= KNOWN_NS
        before, share = _place(time_ns)
        block = np.repeat(np.arange(len(sums)) * HOURS, BASE)
        cells = np.concatenate((block + before % HOURS, block + (before + 1) % HOURS))
        parts = np.concatenate(((1 - share) * known, share * known))
        weights = np.bincount(cells, parts, len(sums) * HOURS).reshape(-1, HOURS).astype(np.float32)
        off = weights @ self.deviations
        if not known.all():
            beside = np.where(known[:, None], 0, found[:, self.index] - self.mean)
            off += beside.reshape(len(sums), BASE, -1).sum(axis=1)
        sums[:, span(self.index)] -= off


@dataclass(frozen=True, slots=True)
class Corrected:
    """A reference's rows, the rhythm taken off."""

    context: Context
    found: NDArray[np.float32]  # [n, K]
    lengths: Lengths
    wider: NDArray[np.float64] | None  # [K] at least so much larger must the variance of blocks be taken


NO_CONTEXT = Context(0, np.zeros(0, np.int64), np.zeros((HOURS, 0), np.float32), np.zeros(0, np.float32))


def as_times(time_ns: ArrayLike, rows: int) -> NDArray[np.int64]:
    """Give times [n] as int64. Raises ValueError where they are anything but a whole number for each row."""
    times = np.asarray(time_ns)
    if times.shape != (rows,) or times.dtype.kind not in "iu":
        raise ValueError(
            f"time_ns is {times.dtype} of shape {times.shape}, and should be one int64 for each of {rows} rows"
        )
    return times.astype(np.int64)


def at_times(deviations: NDArray[Any], time_ns: NDArray[np.int64]) -> NDArray[np.float32]:
    """Give the deviations [24, k] at times [n], on straight lines between the middles of the hours."""
    before, share = _place(time_ns)
    share = share[:, None].astype(np.float32)
    return np.asarray(deviations[before % HOURS] * (1 - share) + deviations[(before + 1) % HOURS] * share)


def _place(time_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Give the hour in whose second half, or in the first half after it, each time [n] is, and how far on it is."""
    place = (time_ns % DAY_NS) / HOUR_NS - 0.5
    before = np.floor(place).astype(np.int64)
    return before, place - before


def fit_context(
    time_ns: NDArray[np.int64],
    series: NDArray[np.float64],
    statistics: StatisticSet,
    found: NDArray[np.float32],
    chosen: Lengths,
    every: int = 1,
) -> Corrected:
    """Find the views with a daily rhythm; give the context, the corrected statistics, and the lengths chosen anew.

    `series` [n, 3, V] is what the memory of each view is read from, `chosen` the lengths without a context. Where no
    view has blocks and a rhythm, everything comes back as it was.
    """
    days = whole_days(time_ns)
    blocks = np.flatnonzero(chosen.length > 0)
    if days is None or not len(blocks):
        return Corrected(NO_CONTEXT, found, chosen, None)
    parts = series[:, :, blocks].reshape(len(series), -1)
    with_rhythm = blocks[has_rhythm(hourly(parts, days)).reshape(-1, len(blocks)).any(axis=0)]
    if not len(with_rhythm):
        return Corrected(NO_CONTEXT, found, chosen, None)
    series, found = series.copy(), found.copy()
    parts = series[:, :, with_rhythm].reshape(len(series), -1)
    series[:, :, with_rhythm] = _without(parts, days, time_ns).reshape(len(series), -1, len(with_rhythm))
    index = np.flatnonzero(np.isin(statistics.views, with_rhythm))
    deviations = rhythm(hourly(found[:, index], days)).astype(np.float32)
    found[:, index] = _without(found[:, index], days, time_ns)
    context = Context(days.count, index, deviations, found[:, index].mean(axis=0))
    anew = _in_blocks(choose_lengths(series, statistics.owners), with_rhythm, statistics.owners)
    wider = np.zeros(len(statistics.kinds))
    wider[index] = _wider(anew.length[statistics.views[index]], found[:, index], days, every)
    return Corrected(context, found, anew, wider)


def _without(series: NDArray[Any], days: Days, time_ns: NDArray[np.int64]) -> NDArray[Any]:
    """Take off each day what the other days say; off rows beside the whole days, what all of them say."""
    means = hourly(series, days)
    left = series.copy()
    for day in range(days.count + 1):
        rows = days.day == day
        others = np.delete(means, day, axis=0) if day < days.count else means
        left[rows] -= at_times(rhythm(others), time_ns[rows])
    return left


def _in_blocks(chosen: Lengths, with_rhythm: NDArray[np.int64], owners: NDArray[np.int64]) -> Lengths:
    """Keep the corrected views in blocks, of one base block at least, and no view shorter than its owner."""
    length = chosen.length.copy()
    length[with_rhythm] = np.maximum(length[with_rhythm], 1)
    length = np.maximum(length, length[owners])
    return Lengths(length, chosen.settled, chosen.inflation)


def _wider(length: NDArray[np.int64], left: NDArray[np.float32], days: Days, every: int) -> NDArray[np.float64]:
    """Allow for days that differ: they are few, and each is felt by all the blocks in it.

    `left` [n, k] are the corrected statistics, `length` [k] their blocks. Gives by how much [k] the variance of a
    block must be taken larger, so that it answers for that of sums over quarters, halves and whole days, each at the
    end of its confidence interval. Blocks that are not stretched come more often in the stream than in one run in
    `every`, and add up to more in a day.
    """
    means = hourly(left, days)
    known = ~np.isnan(means[:, :, 0])
    steps = length * BASE
    rows_an_hour = len(left) / max(1, int(known.sum())) * every / (stretched(length, every) / length)
    blocks = _variance_of_blocks(left, length)
    wider = np.ones(len(length))
    for hours in SPANS:
        counted = known.reshape(-1, hours).sum(axis=1)
        full = counted > hours / 2
        freedom = int(full.sum()) - 1
        if freedom < 1:
            continue
        sums = np.nan_to_num(means).reshape(-1, hours, means.shape[2]).sum(axis=1)
        variance = (sums[full] / counted[full, None]).var(axis=0, ddof=1)
        ratio = variance * hours * rows_an_hour / np.where(blocks > 0, blocks * steps, np.inf)
        unsure = freedom / chi2_quantile(1 - UNSURE, freedom)
        wider = np.where(steps < hours * rows_an_hour, np.maximum(wider, ratio * unsure), wider)
    return np.maximum(wider, _loudest(left, steps / rows_an_hour, days))


def _loudest(left: NDArray[np.float32], hours: NDArray[np.float64], days: Days) -> NDArray[np.float64]:
    """Give by how much [k] the variance of blocks of so many hours [k] is larger where the day is loudest.

    A share that is near 0 at night and a half at noon has nearly all its variance at noon.
    """
    squares = np.nan_to_num(np.nanmean(hourly((left - left.mean(axis=0)) ** 2, days), axis=0))
    mean = squares.mean(axis=0)
    loudest = np.ones(len(hours))
    for at, size in enumerate(np.clip(np.ceil(hours), 1, HOURS).astype(int).tolist()):
        turned = np.concatenate((squares[:, at], squares[: size - 1, at]))
        most = np.convolve(turned, np.full(size, 1 / size), "valid").max()
        loudest[at] = most / mean[at] if mean[at] > 0 else 1.0
    return loudest


def _variance_of_blocks(rows: NDArray[np.float32], length: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the variance [k] of the means of blocks of so many base blocks each [k]."""
    variance = np.zeros(rows.shape[1])
    for step in np.unique(length).tolist():
        at, size = np.flatnonzero(length == step), step * BASE
        whole = len(rows) // size
        variance[at] = rows[: whole * size, at].reshape(whole, size, -1).mean(axis=1, dtype=np.float64).var(axis=0)
    return variance
