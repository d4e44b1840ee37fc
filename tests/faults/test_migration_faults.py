"""A migration that is killed or that has no room leaves the version before whole, or the new one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.buffer import schema
from tests.agent.buffer.blocks import ask, make_finding, opened
from tests.agent.buffer.version_1 import ROWS, leave_version_1
from tests.faults.counts import KILLS
from tests.faults.mounts import fill, mounted

STRIDE = 1 if KILLS else 2  # of its steps, which `make test` has no time for
HERE = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}  # it imports from `tests`
SCRIPT = Path(__file__).with_name("migrating_process.py")


@pytest.mark.faults
def test_a_migration_killed_at_any_step_is_taken_up_again(tmp_path: Path) -> None:
    """Killed before each STRIDE-th statement or call on a file: the next start has everything, and no litter."""
    leave_version_1(tmp_path / "left")
    (tmp_path / "work").mkdir()
    command = [sys.executable, str(SCRIPT), str(tmp_path / "left"), str(tmp_path / "work"), str(STRIDE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, env=HERE)
    steps = int(done.stdout)
    assert steps > 20
    halfway = set()
    for step in range(0, steps, STRIDE):
        directory = tmp_path / "work" / str(step)
        halfway |= {path.name for path in directory.rglob("*") if path.is_file()}
        with opened(directory) as buffer:
            assert buffer.findings() == [make_finding()]
            assert buffer.get_state("meter-reader", "shift") == b"kept"
            assert ask(buffer, "SELECT count(*), count(DISTINCT brightness) FROM inferences") == [[ROWS, ROWS]]
            assert buffer.positions() == {"a.ring": ROWS}
            engine = buffer._files.ready()
            assert engine is not None
            assert engine.run(schema.READ_VERSION.format(db="core")) == [(str(schema.CORE_VERSION),)]
            assert buffer.repairs == ()
        assert sorted(path.name for path in directory.iterdir() if path.suffix != ".wal") == [
            "core.duckdb", "lock", *(["quarantine"] if (directory / "quarantine").exists() else []),
            "reserve", "segments",
        ]  # fmt: skip
        shutil.rmtree(directory)
    assert {"core.duckdb.tmp", "core.duckdb.tmp.wal", "core.v1.duckdb"} <= halfway


def test_a_migration_without_room_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """On a full disk it works in memory and says why; with room again the next start migrates."""
    leave_version_1(tmp_path / "left")
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=4m", "tmpfs") as disk:
        shutil.copytree(tmp_path / "left", disk / "state")
        fill(disk / "hog")
        with opened(disk / "state") as buffer:
            assert buffer.status().mode == "memory"
            (note,) = buffer.status().notes
            assert f"core.duckdb cannot be brought to format {schema.CORE_VERSION} now" in note
        assert not list(disk.rglob("*.tmp"))
        (disk / "hog").unlink()
        with opened(disk / "state") as buffer:
            assert (buffer.status().mode, buffer.findings()) == ("disk", [make_finding()])
