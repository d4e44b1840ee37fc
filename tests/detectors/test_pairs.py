"""Pairs of signals that do not go together as they did are found, also where no straight line shows it."""

from __future__ import annotations

import numpy as np

from detectors.pairs import Pairs

OWNERS, FREE = np.array([3, 4, 8]), np.ones(3)


def _rows(seed: int, count: int) -> np.ndarray:
    """Give two signals of which one follows the other's size and not its sign, and one that follows neither."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=count)
    second = np.abs(first) - 0.8 + 0.4 * rng.normal(size=count)
    return np.column_stack((first, second / second.std(), rng.normal(size=count)))


def test_a_bond_without_a_straight_line_is_seen_to_break() -> None:
    """The rows of one signal are shuffled: no mean, no spread and no correlation has changed."""
    rows = _rows(1, 400)
    rows[:, 0] = np.random.default_rng(2).permutation(rows[:, 0])
    assert Pairs(_rows(0, 1_000), OWNERS, FREE, 1.0).torn(rows, np.full(1_000, 1e-3)) == (4, 3)


def test_unchanged_pairs_are_whole() -> None:
    """In 200 windows none is torn, and a selection that the weights tell of tears none."""
    known = _rows(0, 1_000)
    pairs = Pairs(known, OWNERS, FREE, 1.0)
    assert [pairs.torn(_rows(seed, 200), np.full(1_000, 1e-3)) for seed in range(1, 201)] == [None] * 200
    wide = np.exp(0.5 * np.abs(known[:, 0]))
    pool = _rows(300, 4_000)
    chance = np.exp(0.5 * np.abs(pool[:, 0]))
    chosen = pool[np.random.default_rng(3).choice(4_000, 400, p=chance / chance.sum())]
    assert pairs.torn(chosen, wide / wide.sum()) is None


def test_one_signal_has_no_pairs() -> None:
    """Codes of one signal are no pair of signals."""
    assert Pairs(_rows(0, 100), np.array([1, 1, 1]), FREE, 1.0).torn(_rows(1, 100) * 5, np.full(100, 0.01)) is None
