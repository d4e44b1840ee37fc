"""Full disks, disks that cannot be written, and commits that lie."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest

from agent.buffer import BufferConfig
from agent.buffer.engine import Engine
from agent.clock import ManualClock
from tests.agent.buffer.blocks import NOW_NS, ask, make_block, make_finding, make_reading, opened
from tests.faults.mounts import fill, mounted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.model import Block


def two_in_five(commit: int) -> bool:
    """Never two in a row."""
    return commit % 5 in {2, 4}


def two_in_three(commit: int) -> bool:
    """So often that no two commits in a row are taken."""
    return commit % 3 != 0


class LyingEngine(Engine):
    """Commits, then says that it did not: what DuckDB does on a full disk."""

    commits = 0
    refuses: Callable[[int], bool] | None = None

    def commit(self) -> None:
        """Commit, and lie about the commits that are refused."""
        super().commit()
        if LyingEngine.refuses:
            LyingEngine.commits += 1
            if LyingEngine.refuses(LyingEngine.commits):
                raise duckdb.TransactionException("Failed to commit: Could not write file: No space left on device")


class FailingEngine(Engine):
    """Says that it did not commit, and did not."""

    commits = 0
    refuses: Callable[[int], bool] | None = None

    def commit(self) -> None:
        """Fail the commits that are refused."""
        if FailingEngine.refuses:
            FailingEngine.commits += 1
            if FailingEngine.refuses(FailingEngine.commits):
                self.rollback()
                raise duckdb.TransactionException("Failed to commit: Could not write file: No space left on device")
        super().commit()


@pytest.mark.parametrize("refuses", [two_in_five, two_in_three])
@pytest.mark.parametrize("engine", [LyingEngine, FailingEngine])
def test_a_commit_that_raises_is_neither_lost_nor_doubled(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: type[LyingEngine | FailingEngine],
    refuses: Callable[[int], bool],
) -> None:
    """Whether it took hold or not, each batch, finding, reading and event is there once, however often it fails."""
    monkeypatch.setattr("agent.buffer.files.Engine", engine)
    monkeypatch.setattr(engine, "commits", 0)
    clock = ManualClock(NOW_NS)
    with opened(tmp_path, BufferConfig(reserve_mib=1), clock) as buffer:
        monkeypatch.setattr(engine, "refuses", staticmethod(refuses))
        for number in range(9):
            moment = clock.wall_ns()
            buffer.append([make_block(10, first=10 * number, time_ns=moment)], [make_reading(number, time_ns=moment)])
            buffer.save_finding(make_finding(f"f-{number}"))
            buffer.put_state("key", "part", bytes([number]))
            buffer.add_event("test", "disk", str(number))
            buffer.commit()
            clock.advance(60)
        rounds = 0
        while not buffer.settled:
            buffer.commit()
            rounds += 1
            assert rounds < 200
        assert engine.commits > 5 * 9  # a batch, a finding, a state, an event and more, each time
        assert buffer.status().discarded_rows == 0
        assert buffer.status().segments == 1
        monkeypatch.setattr(engine, "refuses", None)
    monkeypatch.undo()
    with opened(tmp_path) as buffer:
        assert ask(buffer, "SELECT count(*), count(DISTINCT brightness) FROM inferences") == [[90, 90]]
        assert ask(buffer, "SELECT count(*), count(DISTINCT value) FROM readings") == [[9, 9]]
        assert ask(buffer, "SELECT sum(inferences)::BIGINT FROM summaries") == [[90]]
        assert ask(buffer, "SELECT count(*), count(DISTINCT id) FROM finding_history") == [[9, 9]]
        assert ask(buffer, "SELECT count(*), count(DISTINCT detail) FROM events WHERE kind = 'test'") == [[9, 9]]
        assert ask(buffer, "SELECT count(*) FROM streams") == [[1]]
        assert buffer.positions() == {"a.ring": 90}
        assert buffer.get_state("key", "part") == bytes([8])


def test_a_directory_that_is_gone_stores_nothing(tmp_path: Path) -> None:
    """What is written to files without a name is told as waiting, not as stored."""
    state = tmp_path / "state"
    with opened(state) as buffer:
        buffer.append([make_block(10)], [])
        buffer.commit()
        assert (buffer.settled, buffer.status().notes) == (True, ())
        shutil.rmtree(state)
        for number in range(1, 3):
            buffer.append([make_block(10, first=10 * number)], [])
            buffer.commit()
            assert (buffer.settled, buffer.status().rows) == (False, 10)
            assert any("No such file" in note and "core.duckdb" in note for note in buffer.status().notes)


def test_a_full_disk_is_outlived(tmp_path: Path) -> None:
    """While it is full nothing raises and the oldest rows are discarded and counted; then everything goes on."""
    config = BufferConfig(pending_mib=0.5, limit_mib=512, segment_mib=64)
    names, random = [f"s{at}" for at in range(20)], np.random.default_rng(1)

    def measured(rows: int, first: int) -> Block:
        block = make_block(rows, first=first, names=names)
        block.values[:, 1:] = random.normal(size=(rows, 19))  # which no compression makes room for
        return block

    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=8m", "tmpfs") as disk:
        hog = disk / "hog"
        with opened(disk / "state", config) as buffer:
            buffer.append([measured(1_000, 0)], [])
            buffer.commit()
            hog.write_bytes(bytes(4 << 20))
            first = 1_000
            while buffer.status().discarded_rows < 20_000:
                buffer.append([measured(2_500, first)], [make_reading()])
                buffer.commit()
                first += 2_500
                assert first < 400_000
            buffer.save_finding(make_finding())
            assert buffer.findings() == [make_finding()]
            assert any("No space left" in note for note in buffer.status().notes)
            hog.unlink()
            buffer.commit()
            buffer.append([measured(1_000, first)], [])
            buffer.commit()
            first += 1_000
            discarded = buffer.status().discarded_rows
            expected = [[first - discarded, first - discarded, float(first - 1)]]
            assert ask(buffer, "SELECT count(*), count(DISTINCT s0), max(s0) FROM inferences") == expected
            assert not any("No space left" in note for note in buffer.status().notes)
        with opened(disk / "state", config) as buffer:
            assert ask(buffer, "SELECT count(*), count(DISTINCT s0), max(s0) FROM inferences") == expected
            assert buffer.findings() == [make_finding()]
            assert buffer.repairs == ()


def test_it_starts_on_a_full_disk(tmp_path: Path) -> None:
    """A start without a free byte reads what is there, moves nothing, and stores again once there is room."""
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=8m", "tmpfs") as disk:
        with opened(tmp_path / "state") as buffer:
            buffer.append([make_block(1_000)], [])
            buffer.commit()
            shutil.copytree(tmp_path / "state", disk / "state", ignore=shutil.ignore_patterns("reserve"))
        fill(disk / "hog")
        with opened(disk / "state") as buffer:
            assert (buffer.status().mode, buffer.status().rows, buffer.repairs) == ("disk", 1_000, ())
            buffer.append([make_block(5, first=1_000)], [])
            buffer.commit()
            (disk / "hog").unlink()
            buffer.commit()
            assert ask(buffer, "SELECT count(*), max(brightness) FROM inferences") == [[1_005, 1_004.0]]


def test_a_read_only_directory_is_served_from_memory(tmp_path: Path) -> None:
    """Where nothing can be written the buffer works in memory, bounded, and says so with the reason."""
    config = BufferConfig(memory_rows_mib=2)
    names = [f"s{at}" for at in range(20)]
    with (
        mounted(tmp_path / "fixed", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs") as disk,
        opened(disk / "state", config) as buffer,
    ):
        assert buffer.status().mode == "memory"
        assert buffer.status().notes == (f"{disk / 'state'} cannot be written: Read-only file system",)
        for first in range(0, 100_000, 5_000):
            buffer.append([make_block(5_000, first=first, names=names)], [make_reading()])
            buffer.commit()
            assert buffer.status().bytes <= buffer.status().limit_bytes == 2 << 20
        buffer.save_finding(make_finding())
        assert buffer.findings() == [make_finding()]
        assert ask(buffer, "SELECT max(s0) FROM inferences") == [[99_999.0]]
        assert buffer.positions() == {"a.ring": 100_000}


def test_a_file_in_the_directorys_place_is_named(tmp_path: Path) -> None:
    """A state directory that is a file leaves it alone and works in memory."""
    (tmp_path / "state").write_text("mine")
    with opened(tmp_path / "state") as buffer:
        assert buffer.status().notes == (f"{tmp_path / 'state'} cannot be written: File exists",)
        buffer.append([make_block(3)], [])
        buffer.commit()
        assert ask(buffer, "SELECT count(*) FROM inferences") == [[3]]
    assert (tmp_path / "state").read_text() == "mine"
