"""Whether one input alone explains a change: then the mix of cases may be another, or that sensor reads otherwise.

Where the mix changes, inputs that hang together change together. Where a sensor breaks, the other inputs stay. So each
input that moved is suspected: the known rows that have its new mean and spread say how the others ought to have moved
with it, and the others say whether they did, against the null that they did not move at all (a matched filter). Where
inputs have nothing to do with one another, nothing can be said for either, and the input remains suspect.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from detectors.selection import select

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.001  # chance that one of all features of inputs seems to have moved
EFFECT = 0.2  # of a deviation: what moved by less is not suspected
FOLLOWED = 3.0  # deviations by which the others must have followed
SUSPECTS = 3  # inputs that moved most
HEARD = 64  # features of others that ought to move most
RIDGE = 0.1  # of their spread


class Lone:
    """Suspects single inputs.

    Parameters
    ----------
    features : float64 [r, F]
        Of the reference's rows.
    owners : int [F]
        The signal that each is of; -1: none that is an input.
    known : float64 [F]
        How many independent rows the reference is worth.
    memory : float64 [F]
        How many recent rows are worth one.
    """

    def __init__(
        self,
        features: NDArray[np.float64],
        owners: NDArray[np.int64],
        known: NDArray[np.float64],
        memory: NDArray[np.float64],
    ) -> None:
        self._features, self._owners = features, owners
        self._known, self._memory = known, memory
        self._usual, self._spread = features.mean(axis=0), features.std(axis=0)
        self._inputs = np.flatnonzero((owners >= 0) & (self._spread > 0))
        self._limit = NormalDist().inv_cdf(1 - LEVEL / (2 * max(1, len(self._inputs))))

    def suspect(self, recent: NDArray[np.float64]) -> int | None:
        """Give the input that explains alone what recent rows [n, F] show; None where nothing moved, or more did."""
        mean, noise = recent.mean(axis=0), self._memory / len(recent)
        off = mean - self._usual
        widest = np.maximum(self._spread**2, recent.var(axis=0))  # few rows of a long tail seem not to vary
        chance = np.sqrt(self._spread**2 / self._known + widest * noise)
        moved = np.abs(off) / np.maximum(chance, 1e-9)
        plain = self._inputs[(moved[self._inputs] > self._limit) & (np.abs(off[self._inputs]) > EFFECT)]
        order = plain[np.argsort(-moved[plain], kind="stable")]
        for suspect in list(dict.fromkeys(self._owners[order].tolist()))[:SUSPECTS]:
            if self._followed(suspect, mean, noise) < FOLLOWED:
                return int(suspect)
        return None

    def _followed(self, suspect: int, mean: NDArray[np.float64], noise: NDArray[np.float64]) -> float:
        """Say by how many deviations the other inputs went where they ought to go with the suspect."""
        own = np.flatnonzero(self._owners == suspect)
        others = self._inputs[self._owners[self._inputs] != suspect]
        if not len(others):
            return 0.0
        weights = select(np.ascontiguousarray(self._features[:, own]), mean[own])
        ought = weights @ self._features[:, others] - self._usual[others]
        heard = np.argsort(-np.abs(ought / self._spread[others]), kind="stable")[:HEARD]
        others, ought = others[heard], ought[heard]
        share = np.sqrt(1 / self._known[others] + noise[others])
        centred = (self._features[:, others] - self._usual[others]) * share
        spread = centred.T @ centred / len(centred)
        filtered = np.linalg.solve(spread + RIDGE * np.diag(np.diag(spread)), ought)
        expected = float(filtered @ ought)
        return float(filtered @ (mean[others] - self._usual[others])) / float(np.sqrt(max(expected, 1e-12)))
