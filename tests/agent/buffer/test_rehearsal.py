"""Logs that the agent's instance must not meet: longer than its memory can replay, or such as make DuckDB give up."""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.buffer import BufferConfig
from agent.buffer.rehearsal import Rehearsal
from agent.buffer.wal import checksum
from tests.agent.buffer.blocks import ask, bring_back, leave_batches, make_block, opened

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [f"s{at}" for at in range(140)]  # too many to wait in crates: they are in the log as they are


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a hard stop leaves of an agent that let its log grow to 17 MB."""
    folder, random = tmp_path_factory.mktemp("fold"), np.random.default_rng(1)
    with opened(folder / "state", BufferConfig(wal_mib=64.0, duckdb_memory_mib=256)) as buffer:
        for at in range(16):
            block = make_block(2_000, first=at * 2_000, names=NAMES)
            block.values[:, 1:] = random.normal(size=(2_000, 139))
            buffer.append([block], [])
            buffer.commit()
        shutil.copytree(folder / "state", folder / "crashed")
    return folder / "crashed"


@pytest.fixture
def crashed(left: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(left, tmp_path / "crashed")


def test_a_log_longer_than_the_memory_is_folded_in_first(crashed: Path) -> None:
    """Every row is there, nothing is set aside, and there is nothing to tell."""
    assert max(path.stat().st_size for path in crashed.rglob("*.wal")) > 16_000_000
    with opened(crashed, BufferConfig(duckdb_memory_mib=10)) as buffer:
        bring_back(buffer)
        assert (buffer.status().rows, buffer.status().notes, buffer.repairs) == (32_000, (), ())
        assert ask(buffer, "SELECT count(*), count(DISTINCT s0) FROM inferences") == [[32_000, 32_000]]


def test_without_a_process_a_long_log_is_left_where_it_is(crashed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Want of memory is no damage: nothing is moved, and the next start may have more."""
    with monkeypatch.context() as without:
        without.setattr(sys, "executable", "/nonexistent")
        with opened(crashed, BufferConfig(duckdb_memory_mib=10)) as buffer:
            buffer.commit(everything=False)
            assert ["could not be yet" in note for note in buffer.status().notes] == [True]
    assert not (crashed / "quarantine").exists()
    with opened(crashed, BufferConfig(duckdb_memory_mib=256)) as buffer:
        assert buffer.status().rows == 32_000


@pytest.fixture
def mixed_up(tmp_path: Path) -> Path:
    """A log of four batches in which the last one's rows come under the name of another table, each entry sound."""
    wal = leave_batches(tmp_path, 4)
    data = bytearray(wal.read_bytes())
    at = data.rindex(b"\x07batches")
    data[at : at + 8] = b"\x07streams"
    begins = data.rindex(b"\x64\x00\x19", 0, at)
    entry = slice(begins, begins + int.from_bytes(data[begins - 16 : begins - 8], "little"))
    data[begins - 8 : begins] = checksum(bytes(data[entry])).to_bytes(8, "little")
    wal.write_bytes(data)
    return tmp_path / "left"


def test_entries_that_do_not_belong_together_never_meet_the_instance(mixed_up: Path) -> None:
    """A log that makes DuckDB give up is cut after the last transaction that replays, and what came before is there."""
    wal = next(mixed_up.rglob("0*.wal"))
    size = wal.stat().st_size
    with Rehearsal() as rehearsal:
        assert "Failure while replaying" in rehearsal.replay(wal.with_suffix(""), "segment_1")
    with opened(mixed_up) as buffer:
        assert (buffer.status().mode, buffer.status().rows) == ("disk", 30)
        ((note, _),) = buffer.repairs
        said = re.match(rf"{re.escape(wal.name)} was damaged at byte (\d+) of {size}", note)
        assert said, note
        buffer.append([make_block(10, first=100)], [])
        buffer.commit()
    assert (mixed_up / "quarantine" / f"{wal.name}.1").stat().st_size == size - int(said[1])
    with opened(mixed_up) as buffer:
        assert (buffer.status().rows, buffer.repairs) == (40, ())


def test_without_a_process_an_instance_that_gives_up_is_made_anew(
    mixed_up: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is set aside then, for it is not known up to where it replays; it starts, and takes rows."""
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    with opened(mixed_up) as buffer:
        assert (buffer.status().mode, buffer.status().rows) == ("disk", 0)
        assert ["was set aside as quarantine/" in note for note, _ in buffer.repairs] == [True]
        buffer.append([make_block(10)], [])
        buffer.commit()
        assert buffer.status().rows == 10


@pytest.mark.parametrize(
    ("ended", "said"), [("SIGSEGV", "what replayed it ended itself by signal 11"), ("SIGKILL", "")]
)
def test_what_ends_the_process_is_the_log_unless_another_ended_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ended: str, said: str
) -> None:
    """A crash of the process is an answer; one that is killed says nothing, and the next log gets a new one."""
    script = tmp_path / "script.py"
    script.write_text(f"import os, signal\ninput()\nos.kill(os.getpid(), signal.{ended})\n")
    monkeypatch.setattr("agent.buffer.rehearsal.SCRIPT", script)
    with Rehearsal() as rehearsal:
        assert [rehearsal.replay(tmp_path / "a.duckdb", "a") for _ in range(2)] == [said, said]


def test_what_failed_to_open_a_file_is_gone_before_anything_else_is_done(mixed_up: Path, tmp_path: Path) -> None:
    """DuckDB may hold a file for longer than the answer takes; a process that opened it well goes on."""
    (path,) = (one for one in mixed_up.rglob("0*.duckdb"))
    sound = tmp_path / "sound.duckdb"
    with Rehearsal() as rehearsal:
        assert rehearsal.replay(sound, "sound") == ""
        process = rehearsal._process
        assert process is not None
        assert process.poll() is None
        assert rehearsal.replay(path, "mixed")
        assert process.poll() is not None
        assert rehearsal.replay(sound, "sound") == ""
