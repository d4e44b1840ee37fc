"""Runs: rows of a long span in bounded memory."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.runs import RUN, Runs, stretched


@pytest.mark.parametrize("size", [1, 63, 1_000])
def test_runs_are_spread_evenly_however_rows_come(size: int) -> None:
    """Whole runs, always the same number of rows apart, from the first to the last; never more than asked for."""
    runs = Runs(1_000, thin=True)
    numbers = np.arange(20_000)
    for at in range(0, len(numbers), size):
        part = numbers[at : at + size]
        runs.add(part[:, None].astype(np.float32), part.astype(float), part)
        assert runs.kept <= 1_000
    values, latency, times = runs.rows()
    assert values[:, 0].tolist() == latency.tolist() == times.tolist()
    assert (runs.seen, runs.every) == (20_000, 32)
    begins = times[::RUN]
    assert set(np.diff(begins).tolist()) == {RUN * runs.every}
    assert set(np.diff(times).tolist()) == {1, RUN * (runs.every - 1) + 1}
    assert 20_000 - times[-1] <= RUN * runs.every


def test_without_thinning_the_first_rows_are_kept() -> None:
    """It is full at its bound, and takes no more."""
    runs = Runs(100, thin=False)
    for _ in range(3):
        runs.add(np.zeros((60, 1), np.float32), np.zeros(60), np.zeros(60, np.int64))
    assert (runs.seen, runs.kept, runs.every, runs.full) == (100, 100, 1, True)


def test_blocks_within_a_run_stay_as_they_are() -> None:
    """Longer ones stand for the time that lies between the runs."""
    assert stretched(np.array([0, 1, 3, 5, 100]), 16).tolist() == [0, 1, 3, 80, 1_600]
    assert stretched(np.array([0, 1, 4, 5, 100]), 1).tolist() == [0, 1, 4, 5, 100]
