"""How far two samples of one column are apart, in [0, 1], whatever test somebody else chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def kolmogorov_smirnov(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the largest difference of the two empirical distribution functions. Samples [n], [m], none missing.

    >>> kolmogorov_smirnov(np.array([1.0, 2.0]), np.array([1.0, 2.0, 1.0, 2.0]))
    0.0
    >>> kolmogorov_smirnov(np.array([1.0, 2.0]), np.array([3.0]))
    1.0
    """
    one, other = np.sort(one), np.sort(other)
    at = np.concatenate((one, other))
    below_one = np.searchsorted(one, at, side="right") / len(one)
    below_other = np.searchsorted(other, at, side="right") / len(other)
    return float(np.abs(below_one - below_other).max())


def total_variation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return half the sum of the differences of the categories' shares. Samples [n], [m] of codes, none missing.

    >>> total_variation(np.array([1.0, 1.0, 2.0, 2.0]), np.array([1.0, 2.0, 3.0, 3.0]))
    0.5
    """
    codes = np.union1d(one, other)
    shares = [
        np.bincount(np.searchsorted(codes, sample), minlength=len(codes)) / len(sample) for sample in (one, other)
    ]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)
