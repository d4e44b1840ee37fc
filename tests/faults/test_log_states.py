"""The log of a segment, damaged in every way at every byte."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.faults.counts import scaled, spread
from tests.faults.damaged_logs import crashed_logs, look_at, states

if TYPE_CHECKING:
    from pathlib import Path

KINDS = 8  # of damage, at each place


@pytest.mark.faults
def test_whatever_the_damage_what_was_committed_before_it_is_there(tmp_path: Path) -> None:
    """Cut, zeroed, changed, followed by rubbish, repeated, of another file: it opens, with just the batches before."""
    other, log = crashed_logs(tmp_path, 12)
    damaged = [state for state in states(log, other, scaled(6 * KINDS, 10) // KINDS) if state.data != log.data]
    assert [line for part in spread(partial(look_at, log=log), damaged) for line in part] == []
