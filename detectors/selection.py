"""Known rows weighted to look like recent ones, changed as little as possible.

Weights of least relative entropy under which given features have given means (maximum entropy; Hainmueller, Political
Analysis 2012), nearly: a ridge keeps those bounded that no selection can reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUNDS, RIDGE, STRETCH = 12, 0.03, 3.0
SETTLED = 0.01  # weights change by less than a hundredth


def select(features: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find weights [r], of sum 1, of least relative entropy under which the features [r, m] have these means [m]."""
    tilt = np.zeros(len(target))
    weights = np.full(len(features), 1 / len(features))
    for _ in range(ROUNDS if len(target) else 0):
        mean = weights @ features
        centred = features - mean
        spread = (centred * weights[:, None]).T @ centred
        step = np.linalg.solve(spread + RIDGE * np.eye(len(target)), target - mean - RIDGE * tilt)
        size = float(np.abs(features @ step).max())
        tilt += step * min(1.0, STRETCH / max(size, 1e-9))
        logit = features @ tilt
        weights = np.exp(logit - logit.max())
        weights /= weights.sum()
        if size < SETTLED:
            break
    return weights
