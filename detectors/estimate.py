"""How often the model was right lately, by its calibrated confidence: an estimate, a band, and whether it is valid.

The mean of P(right | confidence) over recent rows estimates the share of right answers among them (confidence-based
performance estimation; Garg et al., ICLR 2022, call it average confidence; NannyML, CBPE). It holds while P(right |
confidence) is what it was among the labelled rows: where the mix of cases changes, not where the cases do. `valid`
says whether recent rows are such a mix (`detectors.support`). A change of the truth behind the same inputs and outputs
shows in neither.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from agent.model import AccuracyEstimate
from detectors.blocklength import TIMES
from detectors.prior import ClassShares
from detectors.statistics import BASE
from detectors.support import Support

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.calibration import Calibration
    from detectors.learned import Reference
    from detectors.support import Departure

FEWEST = 100  # rows; fewer say nothing of a share
LEAST_KEPT = 0.4  # share of the reference on which a selection must rest
Z = 1.96  # two-sided 95 %
MISFIT = 0.01  # a calibration is one curve for all kinds of cases: measured, it is off by about a point among new ones
MOST_APART = 0.04  # between the accuracies of another mix of cases, and of other shares of the classes
MOST_UNLIKE = 0.03  # an error of the calibration, among rows like the recent ones, that no band makes up for


class AccuracyEstimator:
    """Estimates the share of right answers among given rows.

    Parameters
    ----------
    reference : Reference
        Has a signal `confidence`; where it was fitted with labels, the estimate is calibrated.
    calibration : Calibration, optional
        In place of the reference's own: labels that came later.
    """

    def __init__(self, reference: Reference, calibration: Calibration | None = None) -> None:
        column = reference.column("confidence")
        if column is None:
            raise ValueError("the reference has no signal `confidence`: accuracy cannot be estimated")
        self._column = column
        self.calibration = calibration or reference.calibration
        memory = np.maximum(1.0, reference.lengths * BASE / TIMES)
        apart = reference.rows / len(reference.sample)
        self._support = Support(reference.sample, reference.signals, reference.grid, memory, apart)
        self._memory = float(memory[column])
        self._stated = reference.sample[:, column].astype(np.float64)
        self._truth = reference.truth if calibration is None else None
        self._answers = reference.column("prediction")
        self._shares = None
        if self._answers is not None and self.calibration is not None:
            answers = reference.sample[:, self._answers].astype(np.float64)
            apart = max(1.0, self._memory / (reference.rows / len(reference.sample)))
            self._shares = ClassShares(answers, self.probability(self._stated), apart)

    def probability(self, confidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give P(right) of each confidence [n]; its own word where nothing was calibrated."""
        return np.clip(confidence, 0, 1) if self.calibration is None else self.calibration.probability(confidence)

    def estimate(self, rows: NDArray[np.float32]) -> AccuracyEstimate | None:
        """Estimate for rows [n, S]; None where fewer than 100 of them have a confidence."""
        confidence = rows[:, self._column].astype(np.float64)
        known = np.isfinite(confidence)
        if np.count_nonzero(known) < FEWEST:
            return None
        departure = self._support.departure(rows)
        p = self.probability(confidence[known])
        mean = float(p.mean())
        unlike = shifted = 0.0
        variance = float(p @ (1 - p)) / len(p) ** 2 + float(p.var()) * max(0.0, self._memory - 1) / len(p)
        if self.calibration is not None:
            variance += float(self.calibration.mean_draws(confidence[known])[1:].var()) + MISFIT**2
            unlike = self._unlike(departure.weights)
            shifted = self._shifted(rows[known], p) - mean
            variance += unlike + shifted**2
        low, high = _band(mean, variance)
        reason = _doubt(departure, unlike, shifted)
        return AccuracyEstimate(
            rows=len(p),
            estimate=mean,
            low=low,
            high=high,
            calibrated=self.calibration is not None,
            valid=not reason,
            reason=reason,
            labelled=self.calibration.right if self.calibration is not None else None,
        )

    def _shifted(self, rows: NDArray[np.float32], p: NDArray[np.float64]) -> float:
        """Give the accuracy if it is the classes' shares that changed; as estimated where they plainly did not."""
        if self._shares is None or self._answers is None:
            return float(p.mean())
        found = self._shares.accuracy(rows[:, self._answers].astype(np.float64), p)
        return float(p.mean()) if found is None else found

    def _unlike(self, weights: NDArray[np.float64]) -> float:
        """Square how far the calibration is off among known rows like the recent ones, less what is chance."""
        if self._truth is None:
            return 0.0
        known = np.isfinite(self._truth) & np.isfinite(self._stated)
        total = float(weights[known].sum())
        if total <= 0:
            return 0.0
        share = weights[known] / total
        off = self._truth[known] - self.probability(self._stated[known])
        return max(0.0, float(share @ off) ** 2 - float(share**2 @ off**2))


def _band(mean: float, variance: float) -> tuple[float, float]:
    """Give Wilson's interval for a share of this variance, which stays within [0, 1]."""
    if variance <= 0:
        return mean, mean
    inside = min(max(mean, 1e-6), 1 - 1e-6)
    rows = inside * (1 - inside) / variance
    middle = (mean + Z**2 / (2 * rows)) / (1 + Z**2 / rows)
    half = Z / (1 + Z**2 / rows) * math.sqrt(inside * (1 - inside) / rows + Z**2 / (4 * rows**2))
    return max(0.0, min(middle - half, mean)), min(1.0, max(middle + half, mean))


def _doubt(departure: Departure, unlike: float, shifted: float) -> str:
    """Say why an estimate does not carry over; empty where it does."""
    far = departure.far > departure.far_limit
    doubts = {
        f"inputs differ from the reference ({departure.signal})": departure.excess > 0 or departure.kept < LEAST_KEPT,
        f"{' and '.join(departure.torn)} do not go together as in the reference": bool(departure.torn),
        f"{' '.join(departure.lone)} changed, and no other input with it": bool(departure.lone),
        f"{100 * abs(shifted):.0f} points less or more if it is the classes that changed": abs(shifted) > MOST_APART,
        "known rows like the recent ones were not right as often as their confidence says": unlike > MOST_UNLIKE**2,
        f"{100 * departure.far:.0f} % of the inputs are unlike anything in the reference": far,
    }
    return next((doubt for doubt, holds in doubts.items() if holds), "")
