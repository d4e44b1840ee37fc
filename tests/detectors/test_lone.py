"""One input is suspected where the others did not follow it, and only then."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.lone import Lone


def _rows(seed: int, count: int, together: float, tilt: float = 0.0) -> np.ndarray:
    """Give three inputs that hang together so much, from rows selected by the first, and an output."""
    rng = np.random.default_rng(seed)
    pool = rng.normal(size=(8 * count, 3))
    pool[:, 1:] = together * pool[:, :1] + np.sqrt(1 - together**2) * pool[:, 1:]
    weight = np.exp(tilt * pool[:, 0])
    x = pool[rng.choice(len(pool), count, p=weight / weight.sum())]
    return np.column_stack((x, x.sum(axis=1)))


def _lone(together: float) -> Lone:
    return Lone(_rows(0, 1_000, together), np.array([5, 6, 7, -1]), np.full(4, 1_000.0), np.ones(4))


def test_a_sensor_that_reads_otherwise_is_suspected() -> None:
    """Inputs that hang together stayed, and one went up: it is named by its column."""
    rows = _rows(1, 500, 0.7)
    rows[:, 0] += 0.7
    assert _lone(0.7).suspect(rows) == 5


def test_a_mix_that_takes_the_others_along_is_not_suspected() -> None:
    """The same shift of the first input, and the others went where such rows have them."""
    assert _lone(0.7).suspect(_rows(1, 500, 0.7, tilt=0.7)) is None


def test_independent_inputs_cannot_clear_each_other() -> None:
    """A mix along an input that has nothing to do with the others looks like that sensor: it stays suspect."""
    assert _lone(0.0).suspect(_rows(1, 500, 0.0, tilt=0.7)) == 5


@pytest.mark.parametrize("memory", [1.0, 40.0])
def test_nothing_is_suspected_while_nothing_changes(memory: float) -> None:
    """Of 200 windows of 200 rows at most one; rows that hang together in time are worth as many fewer."""
    lone = Lone(_rows(0, 1_000, 0.4), np.array([5, 6, 7, -1]), np.full(4, 1_000.0 / memory), np.full(4, memory))
    suspected = sum(
        lone.suspect(np.repeat(_rows(seed, max(5, int(200 / memory)), 0.4), int(memory), axis=0)) is not None
        for seed in range(1, 201)
    )
    assert suspected <= 1
