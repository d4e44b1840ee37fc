"""Doctor on the files of an agent that is not running."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest

from agent.commands.doctor_stored import stored_checks
from tests.agent.buffer.blocks import make_block, make_finding, opened
from tests.agent.buffer.version_1 import leave_version_1

if TYPE_CHECKING:
    from pathlib import Path


def _told(directory: Path) -> list[tuple[str, str]]:
    return [(check.result, check.text) for check in stored_checks(directory)]


def test_sound_files_are_told_with_their_figures(tmp_path: Path) -> None:
    """How many files and rows, and what is still open; nothing where there is nothing yet."""
    assert _told(tmp_path / "none") == []
    with opened(tmp_path) as buffer:
        buffer.append([make_block(5)], [])
        buffer.save_finding(make_finding())
        assert _told(tmp_path) == []  # its agent runs
    assert _told(tmp_path) == [("ok", f"buffer in {tmp_path}: 1 segment, 5 rows, 1 open finding")]


def test_files_of_an_older_version_are_named_and_left_alone(tmp_path: Path) -> None:
    """They are read as they are; the next start takes the core over."""
    leave_version_1(tmp_path)
    (tmp_path / "lock").touch()
    before = (tmp_path / "core.duckdb").read_bytes()
    old = "1 segment (1 of an older version, read as they are)"
    assert _told(tmp_path) == [("ok", f"buffer in {tmp_path}: {old}, 30 rows, 1 open finding")]
    assert (tmp_path / "core.duckdb").read_bytes() == before


def test_damage_is_a_note_because_the_next_start_repairs_it(tmp_path: Path) -> None:
    """What cannot be read is named, and so is what was set aside before."""
    with opened(tmp_path) as buffer:
        buffer.append([make_block(5)], [])
    (segment,) = (tmp_path / "segments").glob("*.duckdb")
    segment.write_bytes(b"rubbish" * 5_000)
    (tmp_path / "quarantine").mkdir()
    (tmp_path / "quarantine" / "core.duckdb.1").write_bytes(bytes(1 << 20))
    sound, damaged, aside = _told(tmp_path)
    assert sound == ("ok", f"buffer in {tmp_path}: 0 segments, 0 rows, 0 open findings")
    assert damaged[0] == "note"
    assert damaged[1].startswith(f"{segment.name} cannot be read and is left out: ")
    assert aside == (
        "note",
        f"set aside as damaged, or before an upgrade: 1.0 MB in {tmp_path}/quarantine",
    )


@pytest.mark.parametrize(
    ("at", "words"),
    [(-40, "is left out until the agent mends its log: "), (0, "is read without its log, which is damaged where it")],
)
def test_a_damaged_log_is_a_note(tmp_path: Path, at: int, words: str) -> None:
    """Wherever it is damaged: also where DuckDB takes no notice of such a log."""
    with opened(tmp_path / "running") as buffer:
        buffer.append([make_block(5)], [])
    with opened(tmp_path / "running") as buffer:
        buffer.append([make_block(5, first=5)], [])
        buffer.commit()
        shutil.copytree(tmp_path / "running", tmp_path / "left")
    (wal,) = (tmp_path / "left" / "segments").glob("*.wal")
    data = bytearray(wal.read_bytes())
    data[at] ^= 0x22
    wal.write_bytes(data)
    _, damaged = _told(tmp_path / "left")
    assert damaged[0] == "note"
    assert damaged[1].startswith(f"{wal.stem} {words}")


def test_files_of_a_newer_version_fail(tmp_path: Path) -> None:
    """That is the one thing with which the agent does not start."""
    with opened(tmp_path):
        pass
    with duckdb.connect(str(tmp_path / "core.duckdb")) as core:
        core.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    ((result, text),) = _told(tmp_path)
    assert (result, "was written by a newer version" in text) == ("fail", True)
