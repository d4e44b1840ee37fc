"""What a stated confidence is worth: the probability that an answer is right, learned from labelled answers.

Beta calibration (Kull, Silva Filho and Flach, AISTATS 2017): logit P(right) = a log c - b log(1 - c) + m, a, b >= 0.
Of few rows, three parameters say more than the steps of an isotonic regression do: docs/adr/0009-accuracy-estimate.md
has the comparison. What the labelled rows leave open is kept as draws of the parameters, from a Bayesian bootstrap
(Rubin 1981), which, unlike the ordinary one, never draws a sample without errors.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

MIN_LABELLED = 50  # fewer cannot tell 90 % right from 80 %
MAX_LABELLED = 20_000
DRAWS = 64
EDGE = 1e-4  # a confidence of 1 is rounded: how far beyond this it lies says nothing
RIDGE = 1.0  # one row's worth against slopes that separate a few errors perfectly
DOUBT = 0.5  # rows counted in as right and as wrong (Jeffreys): no sample proves that errors never happen
STEPS = 25
SETTLED = 1e-8
SLACK = 1e-3  # softmax in half precision sums to 1 within this


@dataclass(frozen=True, slots=True)
class Calibration:
    """P(right | confidence), frozen. Made by `fit_calibration`."""

    rows: int  # labelled rows that it was learned from
    right: float  # the share of them that were right
    draws: NDArray[np.float64]  # [1 + DRAWS, 3] the fit, then its draws: a, b, m

    def probability(self, confidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give P(right) of each confidence [n], NaN where it is NaN."""
        return _expit(_terms(confidence) @ self.draws[0])

    def mean_draws(self, confidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the mean of P(right) over rows [n] without NaN, by the fit and by each draw: [1 + DRAWS]."""
        means: NDArray[np.float64] = _expit(_terms(confidence) @ self.draws.T).mean(axis=0)
        return means

    def items(self) -> dict[str, Any]:
        """Return the stored form."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def restore_calibration(items: Mapping[str, Any]) -> Calibration:
    """Build a calibration from its stored form. Raises ValueError where that is damaged."""
    draws, rows, right = items.get("draws"), items.get("rows"), items.get("right")
    if not isinstance(draws, np.ndarray) or draws.shape != (1 + DRAWS, 3) or not np.isfinite(draws).all():
        raise ValueError("stored calibration is damaged")
    try:
        return Calibration(int(rows), float(right), draws)  # type: ignore[arg-type]  # what is stored may be anything
    except TypeError as error:
        raise ValueError("stored calibration is damaged") from error


def fit_calibration(confidence: ArrayLike, correct: ArrayLike, seed: int = 0) -> Calibration:
    """Learn how often an answer of a given confidence is right.

    Parameters
    ----------
    confidence : array [n]
        In [0, 1], of the class that was answered; NaN is left out.
    correct : array [n]
        1 or True where the answer was right, 0 or False where it was wrong, NaN where that is not known.
    seed : int
        Of the draws.

    Raises
    ------
    ValueError
        Where shapes disagree, a value is out of range, or fewer than 50 rows have both.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> confidence = rng.uniform(0.5, 1, 2_000)
    >>> correct = rng.random(2_000) < confidence - 0.1  # it boasts
    >>> np.round(fit_calibration(confidence, correct).probability(np.array([0.7, 0.9])), 1)
    array([0.6, 0.8])
    """
    stated, truth = labelled(confidence, correct)
    if len(stated) < MIN_LABELLED:
        raise ValueError(f"{len(stated)} rows with confidence and truth are too few: {MIN_LABELLED} are needed")
    if len(stated) > MAX_LABELLED:  # evenly spaced in time
        kept = np.linspace(0, len(stated) - 1, MAX_LABELLED).astype(np.int64)
        stated, truth = stated[kept], truth[kept]
    # Doubt: a right and a wrong row at the middle of what was seen, half a row each.
    terms = _terms(np.append(stated, [np.median(stated)] * 2))
    truth = np.append(truth, [1.0, 0.0])
    rng = np.random.default_rng(seed)
    draws = np.empty((1 + DRAWS, 3))
    for at in range(1 + DRAWS):
        weights = rng.standard_exponential(len(truth)) if at else np.ones(len(truth))
        weights[-2:] = DOUBT
        draws[at] = _fit(terms, truth, weights, draws[0] if at else np.array([1.0, 1.0, 0.0]))
    return Calibration(rows=len(stated), right=float(truth[:-2].mean()), draws=draws)


def labelled(confidence: ArrayLike, correct: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keep the rows of which both are known. Raises ValueError as `fit_calibration` does."""
    stated, truth = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    if stated.ndim != 1 or stated.shape != truth.shape:
        raise ValueError(f"confidence has shape {stated.shape} and correct {truth.shape}: one value a row is expected")
    known = np.isfinite(stated) & ~np.isnan(truth)
    stated, truth = stated[known], truth[known]
    if not np.isin(truth, (0.0, 1.0)).all():
        wrong = truth[~np.isin(truth, (0.0, 1.0))][0]
        raise ValueError(f"correct holds {wrong:g}: expected 1 (right), 0 (wrong) or NaN (not known)")
    if len(stated) and (stated.min() < -SLACK or stated.max() > 1 + SLACK):
        outside = stated.max() if stated.max() > 1 + SLACK else stated.min()
        raise ValueError(f"confidence holds {outside:g}: expected a probability in [0, 1]")
    return stated, truth


def _terms(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(confidence, EDGE, 1 - EDGE)
    return np.stack((np.log(inside), -np.log1p(-inside), np.ones_like(inside)), axis=-1)


def _expit(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(logit, -30, 30)))


def _fit(
    terms: NDArray[np.float64], truth: NDArray[np.float64], weights: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit a, b >= 0 and m: where a slope comes out negative, it is 0 and the rest is fitted again (Kull et al.)."""
    free = np.array([True, True, True])
    while True:
        found = np.zeros(3)
        found[free] = _newton(terms[:, free], truth, weights, start[free])
        below = np.flatnonzero(found[:2] < 0)
        if not len(below):
            return found
        free[below[found[below].argmin()]] = False


def _newton(
    terms: NDArray[np.float64], truth: NDArray[np.float64], weights: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Maximise the weighted likelihood, slopes drawn to 0 by RIDGE in units of their terms' spread."""
    penalty = RIDGE * np.append(terms[:, :-1].var(axis=0), 0.0)
    at = start.copy()
    value = _loss(terms, truth, weights, penalty, at)
    for _ in range(STEPS):
        p = _expit(terms @ at)
        gradient = terms.T @ (weights * (p - truth)) + penalty * at
        curvature = (terms * (weights * p * (1 - p))[:, None]).T @ terms + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, gradient)
        while (new := _loss(terms, truth, weights, penalty, at - step)) > value + SETTLED and np.abs(
            step
        ).max() > SETTLED:
            step /= 2
        at, before, value = at - step, value, new
        if before - value < SETTLED:
            break
    return at


def _loss(
    terms: NDArray[np.float64],
    truth: NDArray[np.float64],
    weights: NDArray[np.float64],
    penalty: NDArray[np.float64],
    at: NDArray[np.float64],
) -> float:
    logit = np.clip(terms @ at, -30, 30)
    return float(weights @ (np.logaddexp(0, logit) - truth * logit) + (penalty * at**2).sum() / 2)
