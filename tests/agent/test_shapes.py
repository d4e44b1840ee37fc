from __future__ import annotations

import numpy as np
import pytest

from agent.model import Signal
from agent.shapes import CELLS, shapes


def _column(values: list[float]) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


def test_both_sides_lie_in_the_same_cells() -> None:
    """Values that moved are seen beside where they were, with nearly all of both inside."""
    random = np.random.default_rng(1)
    before, now = random.normal(40, 2, (1_000, 1)), random.normal(14, 2, (2_000, 1))
    (shape,) = shapes([Signal("sharpness", "input")], before.astype(np.float32), now.astype(np.float32), {})
    middles = [(low + high) / 2 for low, high in zip(shape.edges, shape.edges[1:], strict=False)]
    assert len(middles) == CELLS == len(shape.before) == len(shape.now)
    assert sum(shape.before) > 0.98
    assert sum(shape.now) > 0.98
    assert np.dot(middles, shape.before) / sum(shape.before) == pytest.approx(40, abs=1)
    assert np.dot(middles, shape.now) / sum(shape.now) == pytest.approx(14, abs=1)
    assert shape.rows == 2_000


def test_missing_values_are_missing_from_the_shares() -> None:
    """Half of the rows without a value leave half of the share."""
    (shape,) = shapes([Signal("flow", "input")], _column([1.0, 2.0]), _column([1.0, np.nan, 2.0, np.nan]), {})
    assert (sum(shape.before), sum(shape.now)) == (1.0, 0.5)


def test_whole_numbers_have_a_cell_each() -> None:
    """Counts and flags are not smeared over cells that no value can be in."""
    (shape,) = shapes([Signal("count", "output")], _column([0, 0, 1, 2]), _column([3, 3]), {})
    assert shape.edges == (-0.5, 0.5, 1.5, 2.5, 3.5)
    assert (shape.before, shape.now) == ((0.5, 0.25, 0.25, 0.0), (0.0, 0.0, 0.0, 1.0))


def test_categories_are_named_where_their_names_are_known() -> None:
    """Codes stand for themselves else."""
    signal = Signal("prediction", "output", "categorical")
    before, now = _column([0, 0, 1, 1]), _column([1, 1, 1, 7])
    (named,) = shapes([signal], before, now, {"prediction": ("cat", "dog")})
    assert (named.edges, named.names) == ((0.0, 1.0, 7.0), ("cat", "dog", "7"))
    assert (named.before, named.now) == ((0.5, 0.5, 0.0), (0.0, 0.75, 0.25))
    (bare,) = shapes([signal], before, now, {})
    assert bare.names == ()


@pytest.mark.parametrize("values", [[], [np.nan], [0.25, 0.25], [1e30, 1e30]])
def test_what_never_varies_has_one_cell(values: list[float]) -> None:
    """No value, or always the same, is drawn all the same."""
    (shape,) = shapes([Signal("x", "input")], _column(values), _column(values), {})
    low, high = shape.edges
    assert low < high
    assert sum(shape.now) == (1.0 if np.isfinite(values).any() else 0.0)
