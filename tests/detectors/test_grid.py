"""The grid: where values lie in a reference."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.grid import Grid, fit_grid


def fitted() -> tuple[Grid, np.ndarray]:
    """A grid of a continuous signal, a categorical one and a constant, and rows with all that may come."""
    rng = np.random.default_rng(0)
    rows = np.column_stack((rng.normal(size=500), rng.integers(0, 4, 500), np.full(500, 7.0))).astype(np.float32)
    grid = fit_grid(rows, np.array([False, True, False]))
    rows[3], rows[5], rows[8, 0] = np.nan, np.inf, -1e38
    rows[12, 1] = 1.5
    return grid, rows


@pytest.mark.parametrize("count", [0, 1, 7, 60, 100, 330])
def test_a_place_does_not_depend_on_the_rows_beside(count: int) -> None:
    """However many rows are looked up at once, each has the place that it has alone."""
    grid, rows = fitted()
    together = grid.look_up(rows[:count])
    for at in range(count):
        alone = grid.look_up(rows[at : at + 1])
        for field in ("graded", "bent", "outside", "missing"):
            np.testing.assert_array_equal(getattr(together, field)[at], getattr(alone, field)[0])


def test_a_cell_says_rank_spread_and_tails() -> None:
    """Ranks are those of the reference; spread and tails follow from them; a missing value is in the middle."""
    grid, rows = fitted()
    place = grid.look_up(rows)
    ranks, spread, high, low = np.moveaxis(place.graded[20:, 0], 1, 0)
    reference = np.sort(rows[20:, 0])
    np.testing.assert_allclose(ranks, np.searchsorted(reference, rows[20:, 0]) / 480, atol=0.03)
    np.testing.assert_allclose(spread, np.abs(2 * ranks - 1), atol=1e-6)
    assert (high == (ranks > 0.9)).all()
    assert (low == (ranks < 0.1)).all()
    assert place.graded[3].tolist() == [[0.5, 0.5, 0.0, 0.0]] * 3


def test_knows_what_the_reference_never_saw() -> None:
    """Beyond the reference's values, and between two of its categories, is outside; missing is not."""
    grid, rows = fitted()
    place = grid.look_up(rows)
    assert np.argwhere(place.outside).tolist() == [[5, 0], [5, 1], [5, 2], [8, 0], [12, 1]]
    assert np.argwhere(place.missing).tolist() == [[3, 0], [3, 1], [3, 2]]
