"""One signal of a reference as people are shown it: quantiles or categories, and how its rows hang together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.baselines import SignalBaseline
from agent.summary import bin_edges, binned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import Signal
    from detectors.profile import Profile

SHARES = np.array((0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0))
MAX_CATEGORIES = 20


def describe_signal(
    sample: NDArray[np.float32], profile: Profile, block_rows: int, column: int, signal: Signal, rhythm_days: int
) -> SignalBaseline:
    """Describe one column from the rows that a reference keeps; one that was never seen has no values to show."""
    values = sample[:, column].astype(np.float64)
    values = values[np.isfinite(values)]
    categorical = signal.kind == "categorical"
    quantiles = _quantiles(values, profile, column) if len(values) and not categorical else ()
    categories = _categories(values) if len(values) and categorical else ()
    counts = binned(values.astype(np.float32), np.array(bin_edges(quantiles, categories), np.float32))
    return SignalBaseline(
        signal=signal,
        block_rows=block_rows,
        missing=round(float(profile.missing[column]), 6),
        quantiles=quantiles,
        categories=categories,
        rhythm_days=rhythm_days,
        shares=tuple(round(count / len(values), 6) for count in counts),
        deviation=float(values.std()) if len(values) else 0.0,
    )


def _quantiles(values: NDArray[np.float64], profile: Profile, column: int) -> tuple[tuple[float, float], ...]:
    quantiles = np.quantile(values, SHARES)
    quantiles[0], quantiles[-1] = profile.low[column], profile.high[column]
    return tuple(zip(SHARES.tolist(), quantiles.tolist(), strict=True))


def _categories(values: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    codes, counts = np.unique(values, return_counts=True)
    most = np.argsort(-counts, kind="stable")[:MAX_CATEGORIES]
    return tuple((float(codes[i]), round(float(counts[i] / len(values)), 6)) for i in most.tolist())
