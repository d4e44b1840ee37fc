"""Days of a busy device, on a clock that is wound forward: within both budgets, and no finding is lost.

What fits is not thinned. What does not is thinned level by level, and all comes back once there is room.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from agent.buffer.capture import SPENT
from agent.buffer.thrift import LEVELS
from tests.faults.counts import KILLS

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "week.py"
DAYS = 7.0 if KILLS >= 1_000 else 1.0 if KILLS else 0.02
MINUTE_S = 60
SHM = Path("/dev/shm")  # memory


@pytest.mark.faults
def test_a_day_of_a_hundred_inferences_a_second_fits_and_keeps_its_findings() -> None:
    """A day's share of the size limit, what may be written in a day, and all findings; nothing is thinned."""
    week = _live(DAYS, "--tick", str(MINUTE_S))
    assert week["rows"] == week["summarised"] == round(DAYS * 86_400 / MINUTE_S) * MINUTE_S * 100
    assert (week["lost"], week["notes"], week["levels"]) == ([], [], [0])
    assert week["findings"] > 0
    assert week["written"] < week["write_limit"]
    assert week["kept"] < week["limit"] / 7 * max(DAYS, 1 / 7)


@pytest.mark.faults
def test_too_small_a_limit_is_kept_through_every_level_and_costs_no_finding() -> None:
    """Five hours need many times what there is room for: one level after the other, and back in the days after."""
    week = _live(0.2, "--tick", "600", "--rate", "10", "--sample", "2", "--state", "500", "--limit-mib", "4",
                 "--quiet", "9", memory=True)  # fmt: skip
    assert week["levels"] == [0, 1, 2, 3, 2, 1, 0]
    assert (week["lost"], week["notes"]) == ([], [])
    assert week["findings"] == 1 + len(week["levels"]) - 1
    assert 0 < week["kept"] <= week["limit"]
    over = "what is kept would pass 4.2 MB a day"
    assert week["said"] == [
        "",
        *(f"{words}: {over}" for words in LEVELS[1:]),
        *(f"{LEVELS[at]}: less is needed" for at in (2, 1)),
        "",
    ]


@pytest.mark.faults
@pytest.mark.skipif(not KILLS, reason="it takes minutes: make faults")
def test_what_may_be_written_in_a_day_is_kept_by_thinning_and_costs_no_finding() -> None:
    """What the kernel counts for the process on a disk stays within a budget that the device would pass unthinned."""
    week = _live(1.0, "--tick", str(MINUTE_S), "--write-mib", "40")
    assert week["lost"] == []
    sampled = f"inferences around findings were only sampled: {SPENT}"
    assert [note.partition(" ")[2] for note in week["notes"]] == [sampled]
    assert max(week["levels"]) > 0
    assert {abs(after - before) for before, after in pairwise(week["levels"])} == {1}
    assert 0 < week["written"] <= week["write_limit"]


def _live(days: float, *options: str, memory: bool = False) -> dict[str, Any]:
    """Let the benchmark run; in memory where what reaches a disk is not counted."""
    command = [sys.executable, str(SCRIPT), str(days), "--json", *options]
    folder = {"TMPDIR": str(SHM)} if memory and SHM.is_dir() else {}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=3_000, env={**os.environ, **folder}
    )
    return dict(json.loads(done.stdout))
