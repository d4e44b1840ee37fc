"""The bet that a share has risen, for detectors that watch one share: of slow inferences, of wrong answers.

Null: whatever came before, the next share y in [0, 1] has expectation at most `limit`. The bet on it is
1 + b (y - limit) with 0 < b < 1 / limit, of expectation at most one under the null for any distribution: an e-detector
(Shin, Ramdas & Rinaldo, arXiv:2203.03532). Sums count rows, so that shares may be of different numbers of rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HALVINGS = 60


def bet(
    sums: NDArray[np.float64], share: float, rows: int, limit: float, bets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the Shiryaev-Roberts sums, one a bet, after a share of so many rows."""
    grown: NDArray[np.float64] = (sums + rows) * (1 + bets * (share - limit))
    return grown


def bets_on(limit: float, rises: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the bets that grow fastest where a share of single rows rises from `limit` by so much.

    A rise that would leave less than half of the room above `limit` is cut to that.
    """
    return np.minimum(rises, (1 - limit) / 2) / (limit * (1 - limit))


def highest_share(hits: int, rows: int, level: float) -> float:
    """Return the upper confidence bound of a share (Clopper & Pearson 1934): exact for independent rows.

    >>> round(highest_share(0, 100, 0.05), 4), round(highest_share(8, 200, 0.05), 4)
    (0.0295, 0.071)
    """
    if hits >= rows:
        return 1.0
    counts = np.arange(hits + 1)
    choose = math.lgamma(rows + 1) - np.array([math.lgamma(k + 1) + math.lgamma(rows - k + 1) for k in counts.tolist()])
    low, high = hits / rows, 1.0
    for _ in range(_HALVINGS):
        share = (low + high) / 2
        below = float(np.exp(choose + counts * math.log(share) + (rows - counts) * math.log1p(-share)).sum())
        low, high = (share, high) if below > level else (low, share)
    return high
