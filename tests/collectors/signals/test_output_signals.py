from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agent.model import Signal
from tests.collectors.ring_writer import part
from tests.collectors.signals.signal_case import Calls, of_arrays

Array = np.ndarray[Any, Any]
CLASSES = ["prediction", "confidence", "margin", "entropy"]


def outputs(*arrays: tuple[str, Array], kind: str = "") -> dict[str, Array]:
    """The signals of one call with these outputs."""
    calls = Calls([part(name, array, "output") for name, array in arrays], kind=kind)
    return calls.compute([array for _, array in arrays])


def test_probabilities_are_taken_as_they_are() -> None:
    """Rows that sum to one give class, confidence, margin and entropy."""
    found = outputs(("y", np.array([[0.7, 0.2, 0.1], [0.0, 0.0, 1.0]], np.float32)))
    assert list(found) == [*CLASSES, "output_nonfinite"]
    np.testing.assert_allclose(found["prediction"], [[0, 2]])
    np.testing.assert_allclose(found["confidence"], [[0.7, 1.0]])
    np.testing.assert_allclose(found["margin"], [[0.5, 1.0]])
    np.testing.assert_allclose(found["entropy"], [[0.801819, 0.0]], atol=1e-5)


def test_logits_go_through_softmax() -> None:
    """Rows that do not sum to one are logits, however large they are."""
    found = outputs(("y", np.array([[1.0, 3.0], [1000.0, -1000.0]], np.float32)))
    np.testing.assert_allclose(found["confidence"], [[1 / (1 + np.exp(-2)), 1.0]], rtol=1e-6)
    np.testing.assert_allclose(found["prediction"], [[1, 0]])


def test_what_scores_are_is_decided_once() -> None:
    """Probabilities that stop summing to one are not silently taken for logits."""
    calls = Calls([part("y", np.zeros((1, 2), np.float32), "output")])
    calls.compute([np.array([[0.9, 0.1]], np.float32)])
    later = calls.compute([np.array([[0.5, 0.1]], np.float32)])
    np.testing.assert_allclose(later["confidence"], [[0.5]])


def test_a_row_that_is_not_finite_has_no_class() -> None:
    """NaN in the scores leaves that row's signals missing, and the flag up; its neighbours are whole."""
    found = outputs(("y", np.array([[np.nan, 0.5], [0.25, 0.75]], np.float32)))
    np.testing.assert_array_equal(found["prediction"], [[np.nan, 1]])
    np.testing.assert_array_equal(found["confidence"], [[np.nan, 0.75]])
    np.testing.assert_array_equal(found["output_nonfinite"], [[0.5, 0]])


@pytest.mark.parametrize(
    ("row", "dtype"), [([[0, 64, 192]], np.uint8), ([[-128, -64, 64]], np.int8)], ids=["uint8", "int8"]
)
def test_quantised_probabilities(row: list[list[int]], dtype: type[np.generic]) -> None:
    """8-bit scores are shares of their sum, from the dtype's lowest value."""
    found = outputs(("y", np.array(row, dtype)))
    assert (found["prediction"].item(), found["confidence"].item()) == (2, pytest.approx(0.75))


def test_a_label_with_its_probabilities() -> None:
    """The model's own label is the prediction, as it may be no index."""
    found = outputs(("label", np.array([17])), ("probabilities", np.array([[0.1, 0.9]], np.float32)))
    assert (found["prediction"].item(), found["confidence"].item()) == (17, pytest.approx(0.9))
    assert list(found) == [*CLASSES, "output_nonfinite"]


def test_labels_alone() -> None:
    """A label without scores is a categorical prediction and nothing more."""
    calls = Calls([part("label", np.zeros(2, np.int64), "output"), part("x", np.zeros((2, 1)))])
    assert calls.plan.signals[-1] == Signal("prediction", "output", "categorical")
    assert calls.compute([np.array([3, 4]), np.zeros((2, 1))])["prediction"].tolist() == [[3.0, 4.0]]


def test_scores_by_class_name() -> None:
    """A mapping of class names to probabilities is read like a row of them."""
    label = part("output_label", np.array([1]), "output")
    scores = part("output_probability", np.zeros(2), "output", layout="named", bytes=16, names=["cat", "dog"])
    found = Calls([label, scores]).compute([np.array([1]), np.array([0.25, 0.75])])
    assert (found["prediction"].item(), found["confidence"].item()) == (1, 0.75)


@pytest.mark.parametrize("shape", [(1, 1), (1,)])
def test_one_number_is_a_value(shape: tuple[int, ...]) -> None:
    """A float a row is a regression."""
    assert outputs(("y", np.full(shape, 2.5, np.float32)))["value"].tolist() == [[2.5]]


def test_two_numbers_are_two_values() -> None:
    """Two regressions in one model carry their tensors' names."""
    found = outputs(("mean", np.array([[1.0]])), ("spread", np.array([[2.0]])))
    assert (found["mean_value"].item(), found["spread_value"].item()) == (1.0, 2.0)


def test_a_wide_output_is_an_embedding_unless_it_is_classes() -> None:
    """512 floats have a norm; the thousand of ImageNet, or scores by name, have a class."""
    assert list(outputs(("y", np.ones((1, 512), np.float32)))) == ["norm", "output_nonfinite"]
    assert list(outputs(("y", np.ones((1, 1000), np.float32)))) == [*CLASSES, "output_nonfinite"]
    assert list(outputs(("logits", np.ones((1, 512), np.float32)))) == [*CLASSES, "output_nonfinite"]


def test_boxes_with_scores() -> None:
    """A detector's padded boxes count from a score of one half."""
    boxes, scores = np.zeros((2, 4, 4), np.float32), np.array([[0.9, 0.7, 0.1, 0], [0, 0, 0, 0]], np.float32)
    found = outputs(("boxes", boxes), ("scores", scores))
    np.testing.assert_allclose(found["count"], [[2, 0]])
    np.testing.assert_allclose(found["mean_score"], [[0.8, np.nan]])


def test_strings_are_no_signals() -> None:
    """An output that is not stored gives nothing, and no failure."""
    labels = {**part("label", np.zeros(1), "output", layout="absent"), "dtype": "object"}
    assert Calls([part("x", np.zeros((1, 1))), labels]).names == ["x", "input_nonfinite"]


def test_the_order_is_inputs_then_outputs() -> None:
    """Inputs and their flag come before outputs and theirs."""
    found = of_arrays(np.zeros((1, 2)), output=np.array([[0.5, 0.5]]))
    assert list(found) == ["x0_0", "x0_1", "input_nonfinite", *CLASSES, "output_nonfinite"]
