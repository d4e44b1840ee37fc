"""Joint bets: evidence of many small changes."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import fit_reference
from detectors.joint import STEP, RunningJoint
from detectors.statistics import BASE, LAGS

BLOCKS = 3 * STEP


def evidence(cuts: list[int], moved: float) -> list[float]:
    """Joint evidence after each base block of rows that all moved by so many deviations, in calls up to `cuts`."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(2_000, 8)).astype(np.float32)
    reference = fit_reference(rows, [f"x{at}" for at in range(8)])
    later = rng.normal(size=(BLOCKS * BASE, 8)).astype(np.float32) + np.float32(moved)
    found = reference.statistics.rows(later, np.full((LAGS, 8), np.nan, np.float32), reference.grid)
    sums = found.reshape(BLOCKS, BASE, -1).sum(axis=1)
    joint, totals = RunningJoint(reference.joint), []
    for first, last in zip([0, *cuts], [*cuts, BLOCKS], strict=True):
        now = joint.advance(found[first * BASE : last * BASE], sums[first:last], reference.banks[0].mean)
        totals += np.broadcast_to(now, last - first).tolist()
    return totals


def test_counts_evidence_after_every_base_block() -> None:
    """Once a direction is chosen, at the first look, evidence moves with every base block, not by steps."""
    totals = evidence([], 0.4)
    assert totals[: STEP - 1] == [0.0] * (STEP - 1)
    assert len(set(totals[STEP - 1 :])) == BLOCKS - STEP + 1
    assert totals[-1] > 1e5


@pytest.mark.parametrize("moved", [0.0, 0.7])
def test_does_not_depend_on_the_cut(moved: float) -> None:
    """Evidence is the same however the base blocks are cut into calls."""
    at_once = evidence([], moved)
    np.testing.assert_allclose(evidence(list(range(1, BLOCKS)), moved), at_once, rtol=1e-4)
    np.testing.assert_allclose(evidence([STEP - 2, STEP + 1, 2 * STEP], moved), at_once, rtol=1e-4)
