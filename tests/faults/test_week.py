"""Days of a busy device, on a clock that is wound forward: within both budgets, and no finding is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.counts import KILLS

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "week.py"
DAYS = 1.0 if KILLS else 0.02
MINUTE_S = 60


@pytest.mark.faults
def test_a_day_of_a_hundred_inferences_a_second_fits_and_keeps_its_findings() -> None:
    """A day's share of the size limit, what may be written in a day, and all findings; nothing is thinned."""
    command = [sys.executable, str(SCRIPT), str(DAYS), "--tick", str(MINUTE_S), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    week = json.loads(done.stdout)
    assert week["rows"] == round(DAYS * 86_400 / MINUTE_S) * MINUTE_S * 100
    assert week["found"] == week["findings"] > 0
    assert week["levels"] == [0]
    assert week["written"] < week["write_limit"]
    assert week["kept"] < week["limit"] / 7 * max(DAYS, 1 / 7)
