"""One signal of a reference as people are shown it: quantiles or categories, and how its rows hang together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.baselines import SignalBaseline
from detectors.statistics import BASE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import Signal
    from detectors.profile import Profile
    from detectors.ranks import RankTable

SHARES = np.array((0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0))
MAX_CATEGORIES = 20


def describe_signal(
    table: RankTable, profile: Profile, lengths: NDArray[np.int64], column: int, signal: Signal
) -> SignalBaseline:
    """Describe one column; a signal that was never seen has neither quantiles nor categories."""
    seen = profile.missing[column] < 1
    categorical = signal.kind == "categorical"
    return SignalBaseline(
        signal=signal,
        block_rows=int(lengths[column]) * BASE or 1,
        missing=round(float(profile.missing[column]), 6),
        quantiles=_quantiles(table, profile, column) if seen and not categorical else (),
        categories=_categories(table, column) if seen and categorical else (),
    )


def _quantiles(table: RankTable, profile: Profile, column: int) -> tuple[tuple[float, float], ...]:
    values = table.quantiles(column, SHARES)
    values[0], values[-1] = profile.low[column], profile.high[column]
    return tuple(zip(SHARES.tolist(), values.tolist(), strict=True))


def _categories(table: RankTable, column: int) -> tuple[tuple[float, float], ...]:
    at = slice(int(table.starts[column]), int(table.starts[column + 1]))
    shares = table.upto[at] - table.below[at]
    most = np.argsort(-shares, kind="stable")[:MAX_CATEGORIES]
    return tuple((float(table.knots[at][i]), round(float(shares[i]), 6)) for i in most.tolist())
