from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent import wiring
from agent.clock import ManualClock
from exporters.report.config import ReportConfig
from exporters.report.extra import missing
from exporters.report.nightly import NightlyReport

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def parts(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[wiring.Parts]:
    """An agent whose cross-check is set to the time in the parameter."""
    config = wiring.Config(report=ReportConfig(nightly=request.param))
    (tmp_path / "run").mkdir()
    built = wiring.build(config, tmp_path / "state", [tmp_path / "run"], None, ManualClock(10**18))
    yield built
    built.pipeline.close()
    built.store.close()
    built.nightly.close()


@pytest.mark.parametrize("parts", [""], indirect=True)
def test_by_default_nothing_runs_at_night(parts: wiring.Parts, tmp_path: Path) -> None:
    """It is no part of the agent, and has no folder."""
    parts.nightly.tick()
    assert (parts.nightly.health(), (tmp_path / "state" / "reports").exists()) == ((), False)


@pytest.mark.parametrize("parts", ["03:30"], indirect=True)
def test_the_nightly_command_is_one_that_the_command_line_understands(parts: wiring.Parts, tmp_path: Path) -> None:
    """It asks this agent (which does not listen here) and says so, rather than how it is used."""
    assert isinstance(parts.nightly, NightlyReport)
    done = subprocess.run(parts.nightly.command, cwd=ROOT, capture_output=True, text=True, check=False)
    expected = missing() or f"no agent is running here (no socket at {tmp_path / 'run' / 'agent.sock'})"
    assert (done.returncode, expected in done.stderr) == (1, True), done.stderr
