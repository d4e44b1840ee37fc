"""What the accuracy would be if classes had become more or less frequent, and each looked as it did.

A calibrated confidence holds where inputs change their mix; where the classes change theirs it does not: an answer is
right more often where its class grew. The shares of the classes are those of highest likelihood (Saerens, Latinne and
Decaestecker, Neural Computation 2002) by P(right) of each answer, the rest of which is spread over the other classes as
frequent as they were. Both kinds of change may look alike; where they come to another accuracy, it is not known.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.001  # chance that the classes' shares seem to have changed
ROUNDS, SETTLED = 100, 1e-4
DOUBT = 0.5  # rows counted in for each class: none is impossible
BOUND = 20.0  # a class becomes at most so many times as frequent, or as rare


class ClassShares:
    """How frequent the classes were, by the reference's answers.

    Parameters
    ----------
    answers, p : float64 [r]
        The class that was answered, and P(right).
    memory : float
        How many rows are worth one independent row.
    """

    def __init__(self, answers: NDArray[np.float64], p: NDArray[np.float64], memory: float) -> None:
        known = np.isfinite(answers) & np.isfinite(p)
        self._classes, at = np.unique(answers[known], return_inverse=True)
        self._rows, self._memory = int(known.sum()), memory
        count = len(self._classes)
        counted = np.bincount(at, minlength=count) + DOUBT
        self._shares = counted / counted.sum()
        for _ in range(ROUNDS if count > 1 else 0):  # of the truth, not of the answers
            found, _ = self._step(at, p[known], self._shares, np.ones(count))
            settled = np.abs(found - self._shares).max() < SETTLED
            self._shares = (found * self._rows + DOUBT) / (self._rows + DOUBT * count)
            if settled:
                break

    def accuracy(self, answers: NDArray[np.float64], p: NDArray[np.float64]) -> float | None:
        """Give the accuracy of answers [n] if the classes' shares changed; None where they plainly did not."""
        at = np.searchsorted(self._classes, answers)
        at[at == len(self._classes)] = 0
        known = np.isfinite(p) & (self._classes[at] == answers) if len(self._classes) > 1 else np.zeros(len(p), bool)
        if not known.any():
            return None
        at, p = at[known], p[known]
        grown = np.ones(len(self._classes))
        for _ in range(ROUNDS):
            found, _ = self._step(at, p, self._shares, grown)
            new = np.clip(found / self._shares, 1 / BOUND, BOUND)
            settled = np.abs((new - grown) * self._shares).max() < SETTLED
            grown = new
            if settled:
                break
        _, likely = self._step(at, p, self._shares, grown)
        gain = 2 * float(np.log(likely).sum()) / self._memory * self._rows / (self._rows + len(p))
        if gain < _chi_square(len(self._classes) - 1):
            return None
        return float((grown[at] * p / likely).mean())

    @staticmethod
    def _step(
        at: NDArray[np.int64], p: NDArray[np.float64], shares: NDArray[np.float64], grown: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the shares of the classes that follow from `grown`, and how much likelier each row becomes by it."""
        rest = 1 - shares
        others = (float(grown @ shares) - grown * shares) / rest  # growth of what the answer is not
        likely = grown[at] * p + others[at] * (1 - p)
        hit = np.bincount(at, p / likely, minlength=len(shares))
        missed = np.bincount(at, (1 - p) / likely, minlength=len(shares)) / rest
        return grown * (hit + shares * (missed.sum() - missed)) / len(at), likely


def _chi_square(freedom: int) -> float:
    """Give the limit that chance exceeds with LEVEL (Wilson and Hilferty 1931)."""
    part = 2 / (9 * freedom)
    return float(freedom * (1 - part + NormalDist().inv_cdf(1 - LEVEL) * part**0.5) ** 3)
