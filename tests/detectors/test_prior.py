"""The accuracy under other shares of the classes: as labels would have it, and None where shares are as they were."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.prior import ClassShares


def _served(seed: int, rows: int, rare: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give answers of a model that knows one case in five as of class 1, P(right) by that, and which are right."""
    rng = np.random.default_rng(seed)
    truth = (rng.random(rows) < rare).astype(float)
    logit = 1.5 * (rng.normal(size=rows) + 1.5 * (truth - 0.5)) + np.log(0.2 / 0.8)
    answers = (logit > 0).astype(float)
    return answers, 1 / (1 + np.exp(-np.abs(logit))), (answers == truth).astype(float)


@pytest.mark.parametrize("rare", [0.02, 0.7])
def test_other_shares_of_classes_have_another_accuracy(rare: float) -> None:
    """One in fifty or seven in ten are of class 1 now: it is within three points, and the mean of P(right) is not."""
    shares = ClassShares(*_served(0, 2_000, 0.2)[:2], 1.0)
    answers, p, right = _served(1, 2_000, rare)
    found = shares.accuracy(answers, p)
    assert found is not None
    assert abs(found - right.mean()) < 0.03 < abs(p.mean() - right.mean())


def test_shares_that_are_as_they_were_change_nothing() -> None:
    """In 200 windows of 200 rows hardly one is taken for a change; rows that hang together say less."""
    answers, p, _ = _served(0, 1_000, 0.2)
    shares = ClassShares(answers, p, 1.0)
    windows = [_served(seed, 200, 0.2) for seed in range(1, 201)]
    assert sum(shares.accuracy(answers, p) is not None for answers, p, _ in windows) <= 2
    other = _served(1, 300, 0.4)
    assert shares.accuracy(*other[:2]) is not None
    assert ClassShares(answers, p, 50.0).accuracy(*other[:2]) is None


def test_one_class_and_unknown_ones_are_nothing_to_compare() -> None:
    """A model of one answer has no shares; answers that the reference never gave are left out."""
    p = np.full(200, 0.9)
    assert ClassShares(np.zeros(200), p, 1.0).accuracy(np.zeros(200), p) is None
    shares = ClassShares((np.arange(200) % 2).astype(np.float64), p, 1.0)
    assert shares.accuracy(np.full(200, 7.0), p) is None
    assert shares.accuracy(np.full(200, np.nan), p) is None
