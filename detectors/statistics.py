"""What is bet on: statistics in [0, 1] of each signal, summed over base blocks of BASE rows.

  rank     the mid-rank in the reference: location
  spread   |2 rank - 1|: scale, and values that pile up in the middle
  high     in the reference's top tenth; `low` in its bottom tenth
  atom     equals one of the reference's frequent values, or its median (a missing value in disguise)
  outside  beyond everything that the reference saw, or a category that it never saw
  missing  NaN
  tie      equals a value among the rows just before it: a stuck sensor, a constant put in for missing values

All but `tie` are functions of one row; `tie` is a function of one base block and the row before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.model import Signal
    from detectors.ranks import RankTable

BASE = 8  # rows: small beside any useful delay, large enough that numpy's cost per call is shared
RANK, SPREAD, HIGH, LOW, ATOM, OUTSIDE, MISSING, TIE = range(8)
WORDS = (
    "rank",
    "spread",
    "high tail",
    "low tail",
    "frequent value",
    "outside the reference",
    "missing",
    "repeated value",
)
TAIL = 0.1
MAX_CATEGORIES, MAX_ATOMS = 10, 3
MIN_ATOM, MIN_CATEGORY = 0.02, 0.01
MAX_TIE = 0.9  # a signal of few values ties nearly always; the atoms tell more


@dataclass(frozen=True, slots=True)
class StatisticSet:
    """The statistics of a reference, ordered by kind, so that each kind is one slice."""

    kinds: NDArray[np.int64]  # [K]
    columns: NDArray[np.int64]  # [K] the signal
    values: NDArray[np.float32]  # [K] for atoms

    def base_sums(
        self, rows: NDArray[np.float32], before: NDArray[np.float32], table: RankTable
    ) -> NDArray[np.float64]:
        """Sum each statistic over each base block of `rows` [n * BASE, S]; `before` is the row before the first."""
        blocks = len(rows) // BASE
        sums = np.empty((blocks, len(self.kinds)))
        missing = np.isnan(rows)
        ranks, outside = table.look_up(rows)
        cuts = np.searchsorted(self.kinds, np.arange(TIE + 2))
        for kind in range(TIE + 1):
            at = slice(int(cuts[kind]), int(cuts[kind + 1]))
            if at.start == at.stop:
                continue
            columns = self.columns[at]
            if kind == TIE:
                sums[:, at] = _ties(rows[:, columns], before[columns])
                continue
            values = _row_statistic(kind, rows, ranks, outside, missing, columns, self.values[at])
            sums[:, at] = values.reshape(blocks, BASE, -1).sum(axis=1)
        return sums


def choose_statistics(rows: NDArray[np.float32], signals: Sequence[Signal]) -> StatisticSet:
    """List the statistics that say something of each signal; runtime and flag signals have detectors of their own."""
    chosen: list[tuple[int, int, float]] = []
    whole = rows[: len(rows) // BASE * BASE]
    tie_rates = _ties(whole, rows[0]).mean(axis=0) / BASE if len(whole) else np.ones(rows.shape[1])
    for column, signal in enumerate(signals):
        if signal.role == "runtime" or signal.kind == "flag":
            continue
        seen = rows[:, column][np.isfinite(rows[:, column])]
        chosen += [(MISSING, column, 0.0), (OUTSIDE, column, 0.0)]
        if not len(seen):
            continue
        knots, counts = np.unique(seen, return_counts=True)
        if len(knots) == 1:
            continue
        shares = counts / len(seen)
        if len(knots) > 2:  # noqa: PLR2004  # two values are one atom
            chosen += [(RANK, column, 0.0), (SPREAD, column, 0.0)]
        if signal.kind == "categorical":
            most, least = MAX_CATEGORIES, MIN_CATEGORY
        else:
            most, least = MAX_ATOMS, MIN_ATOM
            chosen += [(HIGH, column, 0.0), (LOW, column, 0.0)]
            if tie_rates[column] < MAX_TIE:
                chosen.append((TIE, column, 0.0))
        atoms = [float(knots[i]) for i in np.argsort(-shares, kind="stable")[:most] if shares[i] >= least]
        if len(knots) > 2:  # noqa: PLR2004
            atoms.append(float(np.sort(seen)[len(seen) // 2]))
        chosen += [(ATOM, column, value) for value in dict.fromkeys(atoms[:1] if len(knots) == 2 else atoms)]  # noqa: PLR2004
    chosen.sort()
    return StatisticSet(
        kinds=np.array([kind for kind, _, _ in chosen], np.int64),
        columns=np.array([column for _, column, _ in chosen], np.int64),
        values=np.array([value for _, _, value in chosen], np.float32),
    )


def _row_statistic(
    kind: int,
    rows: NDArray[np.float32],
    ranks: NDArray[np.float64],
    outside: NDArray[np.bool_],
    missing: NDArray[np.bool_],
    columns: NDArray[np.int64],
    values: NDArray[np.float32],
) -> NDArray[np.float64]:
    if kind == RANK:
        return ranks[:, columns]
    if kind == SPREAD:
        return np.where(missing[:, columns], 0.5, np.abs(2 * ranks[:, columns] - 1))
    if kind == HIGH:
        indicator = ranks[:, columns] > 1 - TAIL
    elif kind == LOW:
        indicator = ranks[:, columns] < TAIL
    elif kind == ATOM:
        indicator = rows[:, columns] == values
    else:
        indicator = (outside if kind == OUTSIDE else missing)[:, columns]
    return np.asarray(indicator, np.float64)


def _ties(rows: NDArray[np.float32], before: NDArray[np.float32]) -> NDArray[np.float64]:
    """Count, per base block, the values that equal one of the block's earlier rows or the row before the block."""
    blocks = rows.reshape(-1, BASE, rows.shape[1])
    first = np.concatenate((before[None], blocks[:-1, -1]))[:, None]
    window = np.concatenate((first, blocks), axis=1)
    tied = np.zeros(blocks.shape, bool)
    for lag in range(1, BASE + 1):
        tied[:, lag - 1 :] |= window[:, lag:] == window[:, :-lag]
    counts: NDArray[np.float64] = tied.sum(axis=1).astype(np.float64)
    return counts
