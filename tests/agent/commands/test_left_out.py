"""What cannot be read is never told as nothing: commands on damaged files warn and exit with 1."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from agent.cli import group
from tests.agent.buffer.blocks import make_block, make_finding, opened

if TYPE_CHECKING:
    from pathlib import Path

CORE = "driftline: core.duckdb is left out until the agent mends its log: "
LAST = "driftline: this is not all that is stored; the agent's next start repairs what it can and says what was lost"


@pytest.fixture
def unread(tmp_path: Path) -> Path:
    """A buffer with rows and an open finding, whose agent was killed and whose core's log is garbled."""
    live, state = tmp_path / "live", tmp_path / "state"
    with opened(live) as buffer:
        buffer.append([make_block(5)], [])
        buffer.save_finding(make_finding())
        buffer.commit()
        shutil.copytree(live, state)
    log = state / "core.duckdb.wal"
    data = bytearray(log.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(byte ^ 0x5A for byte in data[middle : middle + 300])
    log.write_bytes(data)
    return state


def _run(*arguments: object) -> tuple[int, str, list[str]]:
    result = CliRunner().invoke(group, [str(each) for each in arguments])
    return result.exit_code, result.stdout, result.stderr.splitlines()


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_findings_that_cannot_be_read_are_not_none(unread: Path, form: tuple[str, ...]) -> None:
    """Not "no open findings" but what is the matter, and a failure."""
    code, out, (why, last) = _run("findings", *form, "--state", unread)
    assert (code, out, why[: len(CORE)], last) == (1, "", CORE, LAST)


@pytest.mark.parametrize("form", ["table", "parquet"])
def test_a_query_of_damaged_files_gives_what_there_is_and_fails(unread: Path, tmp_path: Path, form: str) -> None:
    """The rows are there, and a script notices that some may be missing."""
    output = tmp_path / "out"
    sql = "SELECT brightness FROM inferences"
    code, _, (why, last) = _run("query", sql, "--format", form, "--output", output, "--state", unread)
    assert (code, output.stat().st_size > 0, why[: len(CORE)], last) == (1, True, CORE, LAST)


def test_an_export_of_damaged_files_is_whole_and_fails(unread: Path, tmp_path: Path) -> None:
    """Files and manifest are written; the manifest and the exit code say that something is missing."""
    code, _, (why, last) = _run("export", "--to", tmp_path / "out", "--state", unread)
    assert (code, (tmp_path / "out" / "manifest.json").exists(), why[: len(CORE)], last) == (1, True, CORE, LAST)


def test_references_that_cannot_be_read_are_not_none(unread: Path) -> None:
    """`baseline` says why it can show none."""
    code, out, (why,) = _run("baseline", "show", "--state", unread)
    assert (code, out, why[: len(CORE)]) == (1, "", CORE)


def test_sound_files_end_with_0(tmp_path: Path) -> None:
    """Nothing was left out, so nothing is said."""
    with opened(tmp_path) as buffer:
        buffer.append([make_block(5)], [])
    assert _run("findings", "--state", tmp_path) == (0, "no open findings\n", [])
