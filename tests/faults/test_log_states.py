"""Logs damaged in every way: with `make faults` at every byte of one, else at bytes spread over all of it."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.faults.counts import KILLS, spread
from tests.faults.damaged_logs import look_at, states
from tests.faults.left_logs import cores, crated_segments, folded_segments, new_segments

if TYPE_CHECKING:
    from pathlib import Path

STEP = 1 if KILLS >= 1_000 else 25 if KILLS else 800  # bytes from one that is damaged to the next
LEAST = 50_000 if KILLS >= 1_000 else 2_000 if KILLS else 80
WIDER = max(10 * STEP, 100)
LOGS = ((folded_segments, STEP), (new_segments, WIDER), (crated_segments, WIDER), (cores, WIDER))


@pytest.mark.faults
def test_whatever_the_damage_what_was_committed_before_it_is_there(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Cut, zeroed, changed, followed by rubbish, repeated, of another file: it opens, with just the batches before."""
    tried, wrong = 0, []
    for make, step in LOGS:
        log, other = make(tmp_path / make.__name__, 3)
        damaged = list(states(log, other, range(0, len(log.data), step)))
        wrong += [line for part in spread(partial(look_at, log=log), damaged) for line in part]
        tried += len(damaged)
    with capfd.disabled():
        sys.stderr.write(f"{tried} damaged logs tried, {len(wrong)} wrong\n")
    assert wrong == []
    assert tried >= LEAST
