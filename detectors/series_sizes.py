"""How far two handfuls of points of a series are from one another: sizes for people, never an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detectors.distances import FARTHEST, kolmogorov, merge, stability, wasserstein

if TYPE_CHECKING:
    from collections.abc import Sequence

BINS = 5


class Sizes(NamedTuple):
    """As in `agent.model.Effect`."""

    psi: float
    ks: float
    wasserstein: float


def compare(before: Sequence[float], since: Sequence[float]) -> Sizes:
    """Compare the points before a change with those since; all sizes are 0 where one of the two is empty.

    >>> compare([1.0, 2.0, 3.0, 4.0, 5.0], [11.0, 12.0, 13.0]).ks
    1.0
    """
    if not before or not since:
        return Sizes(0.0, 0.0, 0.0)
    old, new = np.sort(np.asarray(before, float)), np.sort(np.asarray(since, float))
    merged = merge(old, new)
    area, spread = wasserstein(merged), float(old.std())
    cuts = np.unique(np.quantile(old, np.arange(1, BINS) / BINS))
    counts = [np.bincount(np.searchsorted(cuts, values), minlength=len(cuts) + 1) for values in (old, new)]
    return Sizes(
        psi=stability(*counts),
        ks=kolmogorov(merged),
        wasserstein=min(area / spread, FARTHEST) if spread > 0 else (FARTHEST if area > 0 else 0.0),
    )
