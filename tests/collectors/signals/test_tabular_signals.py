from __future__ import annotations

import numpy as np
import pytest

from tests.collectors.ring_writer import part
from tests.collectors.signals.signal_case import Calls, of_arrays


def test_columns_are_called_by_their_features() -> None:
    """Names in the identity are the columns' names."""
    found = of_arrays(np.array([[1.0, 2.0]]), features=["pressure", "level"])
    assert {name: values.tolist() for name, values in found.items()} == {
        "pressure": [[1.0]],
        "level": [[2.0]],
        "input_nonfinite": [[0.0]],
    }


def test_names_in_the_part_come_first() -> None:
    """Names that the probe stored with the array are used before those of the identity."""
    calls = Calls([part("x", np.zeros((1, 2)), names=["a", "b"])], features=["c", "d"])
    assert calls.names == ["a", "b", "input_nonfinite"]


@pytest.mark.parametrize("features", [[], ["only one"], ["same", "same", "same"]])
def test_columns_without_names_are_called_by_their_tensor(features: list[str]) -> None:
    """Names that do not fit are not used."""
    found = of_arrays(np.array([[1, 2, 3]], np.int64), features=features)
    assert list(found) == ["x0_0", "x0_1", "x0_2"]


def test_one_column_is_called_like_its_tensor() -> None:
    """Models with a tensor a feature have a signal a tensor."""
    found = of_arrays(np.array([[1.5]], np.float32), np.array([[True]]))
    assert {name: values.item() for name, values in found.items()} == {"x0": 1.5, "x1": 1.0, "input_nonfinite": 0.0}


def test_a_vector_is_one_row() -> None:
    """An input without a batch gives one row of features."""
    found = of_arrays(np.arange(3.0))
    assert [found[f"x0_{i}"].tolist() for i in range(3)] == [[[0.0]], [[1.0]], [[2.0]]]


def test_nonfinite_elements_are_counted_for_each_row() -> None:
    """The flag is the fraction of a row's elements, over all inputs, that are NaN or infinite."""
    found = of_arrays(np.array([[1, np.nan], [1, 2]]), np.array([[np.inf, 0], [3, 4]], np.float32))
    assert found["input_nonfinite"].tolist() == [[0.5, 0.0]]


def test_a_wide_float_vector_is_a_norm() -> None:
    """More than 64 columns of floats are an embedding."""
    found = of_arrays(np.full((1, 100), 2.0, np.float32))
    assert found["norm"].tolist() == [[20.0]]


def test_wide_codes_are_no_signals() -> None:
    """Long rows of integers stand for words, and have neither columns nor length."""
    assert of_arrays(np.zeros((1, 100), np.int64), output=np.zeros((1, 1)))["value"].tolist() == [[0.0]]


def test_the_kind_set_by_hand_wins() -> None:
    """`tabular` keeps the columns of a wide row, `embedding` makes a norm of a narrow one."""
    wide = of_arrays(np.zeros((1, 70), np.float32), kind="tabular")
    narrow = of_arrays(np.array([[3.0, 4.0]]), kind="embedding")
    assert (len(wide), narrow["norm"].tolist()) == (71, [[5.0]])


def test_a_sampled_embedding_is_scaled_up() -> None:
    """From a piece of a vector its norm is estimated."""
    stored = part("x", np.zeros((1, 4_096), np.float32), layout="sampled", bytes=1_024, sample_shape=[128],
                  patch_shape=[128])  # fmt: skip
    found = Calls([stored]).compute([np.full(256, 0.5, np.float32)])
    assert found["norm"].tolist() == [[32.0]]


def test_a_double_too_large_is_infinite_without_a_warning() -> None:
    """What float32 cannot hold becomes infinite, and is counted by its own dtype."""
    found = of_arrays(np.array([[1e300, 1.0]]))
    assert (found["x0_0"].item(), found["input_nonfinite"].item()) == (np.inf, 0.0)
