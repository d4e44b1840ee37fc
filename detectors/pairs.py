"""Whether signals go together as they did: of each pair, the mean products of coordinates and of their squares.

What a signal is given the others (`detectors.told`) shows a break in the whole distribution of one signal; the mean
product of two shows a weak one sooner, and that of squares one that no straight line shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST = 48  # coordinates: of more, as many evenly chosen ones; all their pairs are looked at
NARROW = 3.0  # deviations at which coordinates are cut off: products have heavy tails
MISFIT = 0.02  # of a product's deviation: harmless
TORN = 5.0  # deviations that are no chance, of some thousands of pairs
FEWEST = 1e-4  # a product that varies less than this is of two codes that hardly ever come together


class Pairs:
    """Compares the pairs of recent rows with those of a selection of known ones.

    Parameters
    ----------
    known : float64 [r, K]
        Standard coordinates of the reference's rows.
    owners : int [K]
        The signal that each is of.
    memory, apart : float64 [K], float
        How many rows of the stream are worth one independent row, and lie from one known row to the next.
    """

    def __init__(
        self, known: NDArray[np.float64], owners: NDArray[np.int64], memory: NDArray[np.float64], apart: float
    ) -> None:
        count = known.shape[1]
        self._chosen = np.unique(np.linspace(0, count - 1, min(MOST, count)).astype(np.int64))
        owners, memory = np.tile(owners[self._chosen], 2), np.tile(memory[self._chosen], 2)
        self._known = known
        self._owners = owners
        self._apart = owners[:, None] > owners[None, :]  # each pair of two signals once
        self._memory = np.maximum(memory[:, None], memory[None, :])
        self._worth = np.maximum(1.0, self._memory / apart)

    def torn(self, recent: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[int, int] | None:
        """Give the two signals that go together least as they did, by rows [n, K]; None where all do."""
        if not self._apart.any():
            return None
        now, now_varies = _products(self._shapes(recent), np.full(len(recent), 1 / len(recent)))
        was, was_varies = _products(self._shapes(self._known), weights)
        noise = was_varies * (float(weights @ weights) * self._worth + MISFIT**2)
        noise += (np.maximum(now_varies, was_varies) + FEWEST) * self._memory / len(recent)
        off = np.where(self._apart, np.abs(now - was) / np.sqrt(noise), 0.0)
        one, other = np.unravel_index(int(off.argmax()), off.shape)
        return (int(self._owners[one]), int(self._owners[other])) if off[one, other] > TORN else None

    def _shapes(self, standard: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give [n, 2K]: the coordinates, and their squares less one over their own deviation."""
        narrow = np.clip(standard[:, self._chosen], -NARROW, NARROW)
        return np.concatenate((narrow, (narrow**2 - 1) / np.sqrt(2)), axis=1)


def _products(
    shapes: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give mean and variance of the product of each pair of columns, weighted."""
    mean = (shapes * weights[:, None]).T @ shapes
    squares = shapes**2
    return mean, np.maximum((squares * weights[:, None]).T @ squares - mean**2, 0.0)
