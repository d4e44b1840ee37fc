"""Evidence that a series has changed, from the p-values of its points, on the scale of the alarm budget.

A p-value becomes an e-value by the mixture of all power calibrators, ∫ κ p^(κ-1) dκ (Vovk and Wang, *E-values:
calibration, combination and applications*, Annals of Statistics 2021, section 2), and e-values are summed as Shiryaev
and Roberts do, M ← (M + 1) e: the sum reaches A after at least A points in the mean (Shin, Ramdas and Rinaldo,
arXiv:2203.03532). So a single point suffices only where it is next to impossible, and a lasting oddity adds up.

Neighbouring points of a smooth series are odd together. The mean of e-values is an e-value however they depend on one
another, so BLOCK neighbours make one step of the sum; a step that is not complete counts the points to come as 0.
"""

from __future__ import annotations

import math

BLOCK = 10  # with 3, slow noise (AR(1) of .97 a minute) alarms six times as often as with 10
SMALLEST_P = 1e-15  # beyond it, a tail is a guess
CEILING = 1e12  # of the sum: one that has been odd for days must be able to come down again


class Evidence:
    """The sum of one series, in points: it reaches A after at least A points in the mean while nothing has changed."""

    def __init__(self, state: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> None:
        self._sum, self._part, self._points = state

    def add(self, p_value: float) -> None:
        """Take the p-value of one more point in."""
        self._part += e_value(p_value)
        self._points += 1
        if self._points == BLOCK:
            self._sum, self._part, self._points = min(self.total(), CEILING), 0.0, 0.0

    def total(self) -> float:
        """Return the sum as it now stands."""
        return (self._sum + BLOCK) * self._part / BLOCK if self._points else self._sum

    def reset(self) -> None:
        """Begin anew."""
        self._sum = self._part = self._points = 0.0

    def state(self) -> tuple[float, float, float]:
        """Return what the next `Evidence` goes on from."""
        return self._sum, self._part, self._points


def e_value(p_value: float) -> float:
    """Turn a p-value into an e-value: of expectation 1 where p is uniform, less where it is larger than that.

    >>> [round(e_value(p), 2) for p in (1.0, 0.5, 0.05, 0.001, 1e-6)]
    [0.5, 0.64, 1.78, 20.79, 5239.12]
    """
    p = max(p_value, SMALLEST_P)
    log = math.log(p) if p < 1 else 0.0
    if log > -1e-3:  # noqa: PLR2004  # the limit at 1, where the formula is 0 / 0
        return 0.5
    return (1 - p + p * log) / (p * log * log)
