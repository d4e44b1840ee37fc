"""How far two handfuls of points of a series are from one another: sizes for people, never an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

BINS = 5
HALF = 0.5  # added to every count, so that an empty bin costs something finite
FARTHEST = 1e9  # standard deviations: what is infinitely far cannot be said in JSON


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
    both = np.union1d(old, new)
    gap = np.searchsorted(old, both, side="right") / len(old) - np.searchsorted(new, both, side="right") / len(new)
    area = float(np.sum(np.abs(gap[:-1]) * np.diff(both)))
    spread = float(old.std())
    cuts = np.unique(np.quantile(old, np.arange(1, BINS) / BINS))
    shares = [
        (np.bincount(np.searchsorted(cuts, values, side="left"), minlength=len(cuts) + 1) + HALF)
        / (len(values) + HALF * (len(cuts) + 1))
        for values in (old, new)
    ]
    return Sizes(
        psi=float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0]))),
        ks=float(np.abs(gap).max()),
        wasserstein=min(area / spread, FARTHEST) if spread > 0 else (FARTHEST if area > 0 else 0.0),
    )
