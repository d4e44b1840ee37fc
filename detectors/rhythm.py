"""Whether a series has a daily rhythm, and what it is: means by hour of day, beside how the same hour varies.

A day here is 24 hours from the first row on, so that each hour of the clock is in each day once. Hours are those of
UTC: twenty-four equal bins are the same whatever the local offset is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOURS = 24
HOUR_NS, DAY_NS = 3_600_000_000_000, 86_400_000_000_000
KNOWN_NS = 946_684_800_000_000_000  # the year 2000: a clock that says less was never set
MIN_DAYS, MAX_DAYS = 3, 28  # two days cannot disagree with a third; rhythms follow the season
LEVEL = 0.05  # share of false ones among the rhythms found (Benjamini and Hochberg 1995)
ROTATIONS, SEED = 999, 0
ROUNDS = 8  # of taking means over days and hours in turn: exact at once where no hour is missing


@dataclass(frozen=True, slots=True)
class Days:
    """Which hour of which day each row belongs to."""

    day: NDArray[np.int64]  # [n] from 0; `count` for rows before or behind the whole days that are counted
    hour: NDArray[np.int64]  # [n]
    count: int


def whole_days(time_ns: NDArray[np.int64]) -> Days | None:
    """Find the whole days, the newest MAX_DAYS of them; None where the clock was not set, or they are too few."""
    if not len(time_ns) or int(time_ns.min()) < KNOWN_NS:
        return None
    first, last = int(time_ns.min()), int(time_ns.max())
    count = (last - first + HOUR_NS) // DAY_NS  # the last hour need not be whole
    if count < MIN_DAYS:
        return None
    day = (time_ns - first) // DAY_NS - max(0, count - MAX_DAYS)
    count = min(count, MAX_DAYS)
    return Days(np.where((day < 0) | (day > count), count, day), time_ns // HOUR_NS % HOURS, count)


def hourly(series: NDArray[np.float64] | NDArray[np.float32], days: Days) -> NDArray[np.float64]:
    """Give the mean [days, 24, K] of each hour of each whole day of a series [n, K]; NaN where there was no row."""
    cell = days.day * HOURS + days.hour
    order = np.argsort(cell, kind="stable")
    order = order[cell[order] < days.count * HOURS]
    cells, begins, counts = np.unique(cell[order], return_index=True, return_counts=True)
    means = np.full((days.count * HOURS, series.shape[1]), np.nan)
    means[cells] = np.add.reduceat(series[order], begins, axis=0, dtype=np.float64) / counts[:, None]
    return means.reshape(days.count, HOURS, -1)


def rhythm(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the deviation [24, K] of each hour from the mean of all, shrunk towards 0 by what is chance in it.

    The shrinkage is 1 - 1 / F, F being the variance between hours over what days that differ would make of it: a
    statistic without rhythm comes out as 0 or nearly so (James and Stein 1961).
    """
    deviations, left = _parts(means)
    present = ~np.isnan(left)
    days = present.sum(axis=0)  # [24, K]
    seen = days > 0
    hours = seen.sum(axis=0)
    freedom = np.maximum(present.sum(axis=(0, 1)) - hours - len(means) + 1, 1)
    noise = np.nansum(left**2, axis=(0, 1)) / freedom
    chance = (noise / np.maximum(days, 1) * seen).sum(axis=0) * (1 - 1 / np.maximum(hours, 1))
    power = (deviations**2).sum(axis=0)
    return np.asarray(deviations * np.where(power > chance, 1 - chance / np.where(power > 0, power, 1), 0))


def has_rhythm(means: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell of each of K series whether its days [days, 24, K] go up and down together.

    Each day is turned around the clock by an amount of its own, which leaves it as it is in itself, memory included,
    and takes away nothing but what the days have in common. The p-value is the share of the turns after which they
    agree as well as they do.
    """
    present = ~np.isnan(means)
    filled = np.nan_to_num(means)
    level = filled.sum(axis=1, keepdims=True) / np.maximum(present.sum(axis=1, keepdims=True), 1)
    left = np.where(present, filled - level, 0.0)
    agreed = (left.sum(axis=0) ** 2).sum(axis=0)
    as_well = np.ones(means.shape[2])
    turns = _turns(len(means))
    for turn in turns:
        turned = left[0].copy()
        for day, by in enumerate(turn, 1):
            turned += left[day, (np.arange(HOURS) + by) % HOURS]
        as_well += (turned**2).sum(axis=0) >= agreed * (1 - 1e-9)
    chance = as_well / (len(turns) + 1)
    order = np.argsort(chance, kind="stable")
    passed = np.flatnonzero(chance[order] <= LEVEL * np.arange(1, len(order) + 1) / len(order))
    found = np.zeros(len(chance), bool)
    found[order[: passed[-1] + 1 if len(passed) else 0]] = True
    return found


def _parts(means: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Split hourly means into the hours' deviations [24, K] and what is left [days, 24, K], levels of days taken off.

    An hour that only one day knows says nothing of a rhythm.
    """
    means = np.where((~np.isnan(means)).sum(axis=0) > 1, means, np.nan)
    present = ~np.isnan(means)
    filled = np.nan_to_num(means)
    in_day = np.maximum(present.sum(axis=1, keepdims=True), 1)
    in_hour = np.maximum(present.sum(axis=0), 1)
    seen = present.any(axis=0)
    deviations = np.zeros(means.shape[1:])
    level = np.zeros((len(means), 1, means.shape[2]))
    for _ in range(ROUNDS):
        level = ((filled - deviations) * present).sum(axis=1, keepdims=True) / in_day
        deviations = ((filled - level) * present).sum(axis=0) / in_hour
        deviations -= (deviations * seen).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
        deviations *= seen
    return deviations, means - level - deviations


def _turns(days: int) -> list[tuple[int, ...]]:
    """List the turns of all days but the first, without that which turns none; some of them where they are many."""
    if HOURS ** (days - 1) <= ROTATIONS:
        return list(product(range(HOURS), repeat=days - 1))[1:]
    random = np.random.default_rng(SEED)
    return [tuple(turn) for turn in random.integers(0, HOURS, (ROTATIONS, days - 1)).tolist()]
