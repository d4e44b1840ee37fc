"""Calibration of confidence, alone and as a part of a reference."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import decode_reference, fit_reference
from detectors.calibration import fit_calibration, restore_calibration


def boastful(seed: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and answers that are right less often than they say: P(right) = confidence squared."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.4, 1, rows)
    return confidence, rng.random(rows) < confidence**2


@pytest.mark.parametrize(("rows", "error"), [(200, 0.08), (1_000, 0.04), (10_000, 0.02)])
def test_learns_what_a_confidence_is_worth(rows: int, error: float) -> None:
    """The more labels there are, the closer P(right) is to the truth, over the whole range of confidence."""
    calibration = fit_calibration(*boastful(1, rows))
    at = np.linspace(0.45, 0.98, 20)
    assert np.abs(calibration.probability(at) - at**2).mean() < error
    assert calibration.rows == rows


def test_draws_cover_what_few_labels_leave_open() -> None:
    """Over 60 sets of 300 labels, the true mean lies within the draws' 95 % about as often as that."""
    at = np.linspace(0.4, 1, 200)
    inside = 0
    for seed in range(60):
        draws = fit_calibration(*boastful(seed, 300)).mean_draws(at)[1:]
        inside += bool(np.quantile(draws, 0.025) <= (at**2).mean() <= np.quantile(draws, 0.975))
    assert inside >= 52  # P(Binomial(60, .95) < 52) = .004


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_labels_that_are_all_alike_prove_nothing_for_certain(right: float) -> None:
    """A sample without any error, or without any right answer, does not make P(right) 1 or 0."""
    confidence, _ = boastful(3, 100)
    p = fit_calibration(confidence, np.full(100, right)).probability(confidence)
    assert np.all((p > 0) & (p < 1))
    assert abs(p.mean() - right) < 0.02


def test_more_confidence_is_never_worth_less() -> None:
    """Labels that contradict the confidence make it worthless, not inverted."""
    confidence, correct = boastful(4, 400)
    p = fit_calibration(confidence, ~correct).probability(np.linspace(0, 1, 50))
    assert np.all(np.diff(p) >= 0)


@pytest.mark.parametrize(
    ("confidence", "correct", "message"),
    [
        (np.full(60, 0.9), np.full(60, 2.0), "correct holds 2: expected 1"),
        (np.full(60, 7.5), np.ones(60), r"confidence holds 7.5: expected a probability in \[0, 1\]"),
        (np.full(60, 0.9), np.ones(59), "one value a row"),
        (np.full(60, 0.9), np.r_[np.ones(40), np.full(20, np.nan)], "40 rows with confidence and truth are too few"),
        (np.full(60, np.nan), np.ones(60), "0 rows with confidence and truth are too few"),
    ],
)
def test_refuses_what_it_cannot_learn_from(confidence: np.ndarray, correct: np.ndarray, message: str) -> None:
    """Labels that are no labels, and too few of them, are named, with what is expected."""
    with pytest.raises(ValueError, match=message):
        fit_calibration(confidence, correct)


def test_a_reference_keeps_its_calibration_when_stored() -> None:
    """Labels given to the reference come back as the same calibration from its stored form."""
    confidence, correct = boastful(5, 600)
    known = np.where(np.arange(600) % 3 == 0, np.nan, correct)
    reference = fit_reference(np.c_[confidence, confidence], ["load", "confidence"], correct=known)
    assert reference.calibration is not None
    assert reference.calibration.rows == 400
    decoded = decode_reference(reference.encode()).calibration
    assert decoded is not None
    assert np.array_equal(decoded.draws, reference.calibration.draws)


def test_a_reference_without_labels_has_no_calibration() -> None:
    """A reference that was learned or stored without labels reads as uncalibrated."""
    reference = fit_reference(np.random.default_rng(6).random((600, 2)), ["load", "confidence"])
    assert reference.calibration is None
    assert decode_reference(reference.encode()).calibration is None


@pytest.mark.parametrize(
    ("names", "known", "note"),
    [(["load", "size"], 600, "no column `confidence`"), (["load", "confidence"], 20, "only 20")],
)
def test_labels_that_do_not_suffice_are_said(names: list[str], known: int, note: str) -> None:
    """A reference with labels but no confidence, or with few labels, says so in its notes."""
    correct = np.where(np.arange(600) < known, 1.0, np.nan)
    reference = fit_reference(np.random.default_rng(7).random((600, 2)), names, correct=correct)
    assert reference.calibration is None
    assert note in " ".join(reference.notes)


def test_a_reference_refuses_labels_of_other_rows() -> None:
    """Labels that do not belong to the rows raise."""
    with pytest.raises(ValueError, match="correct has shape"):
        fit_reference(np.random.default_rng(8).random((600, 2)), ["load", "confidence"], correct=np.ones(599))


def test_refuses_a_damaged_stored_calibration() -> None:
    """Stored draws of another shape raise."""
    items = fit_calibration(*boastful(9, 100)).items()
    with pytest.raises(ValueError, match="damaged"):
        restore_calibration(items | {"draws": items["draws"][:, :2]})
