"""The plain facts of each signal in a reference: range, spread, missing share, longest run of one value, latency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.runs import stretched_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Profile:
    """One entry a signal; NaN where a signal was never seen."""

    missing: NDArray[np.float64]  # [S] share of rows that are NaN or infinite
    infinite: NDArray[np.float64]  # [S] share of rows that are infinite
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    quartiles: NDArray[np.float64]  # [2, S]
    distinct: NDArray[np.float64]
    longest_run: NDArray[np.float64]  # [S] rows in a row with the same value
    latency: NDArray[np.float64]  # [3] median, 95 and 99 % of the latency in seconds; NaN where not measured
    latency_rows: float


def fit_profile(rows: NDArray[np.float32], latency: NDArray[np.float64], every: int = 1) -> Profile:
    """Describe the rows [n, S] of a reference and their latencies in seconds; they are one run in `every`."""
    finite = np.isfinite(rows)
    columns = [rows[finite[:, at], at].astype(np.float64) for at in range(rows.shape[1])]
    measured = latency[np.isfinite(latency)]
    return Profile(
        missing=1 - finite.mean(axis=0),
        infinite=np.isinf(rows).mean(axis=0),
        mean=_each(columns, np.mean),
        deviation=_each(columns, np.std),
        low=_each(columns, np.min),
        high=_each(columns, np.max),
        quartiles=np.array([_each(columns, lambda c, q=q: np.quantile(c, q)) for q in (0.25, 0.75)]),
        distinct=_each(columns, lambda c: len(np.unique(c))),
        longest_run=stretched_rows(np.array([longest_run(rows[:, at]) for at in range(rows.shape[1])]), every),
        latency=np.quantile(measured, (0.5, 0.95, 0.99)) if len(measured) else np.full(3, np.nan),
        latency_rows=float(len(measured)),
    )


def longest_run(column: NDArray[np.float32]) -> int:
    """Give the largest number of rows in a row that hold the same value; NaN equals nothing.

    >>> longest_run(np.array([1, 2, 2, 2, 3, 3], np.float32))
    3
    """
    if not len(column):
        return 0
    breaks = np.flatnonzero(np.concatenate(([True], column[1:] != column[:-1], [True])))
    return int(np.diff(breaks).max())


def _each(columns: list[NDArray[np.float64]], what: object) -> NDArray[np.float64]:
    return np.array([what(column) if len(column) else np.nan for column in columns], np.float64)  # type: ignore[operator]
