"""A clock that is set over and over: its eras stay few, or cost little."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from agent.buffer import BufferConfig, eras, segments
from agent.buffer.folders import wal_of
from agent.clock import ManualClock
from tests.agent.buffer.blocks import NOW_NS, ask, make_block
from tests.agent.buffer.test_dating import SECOND, TIMES, dated, look

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_segment_that_has_seen_many_eras_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of an era has one byte; what a restless clock wrote is right all the same."""
    monkeypatch.setattr(eras, "MOST_ERAS", 3)
    device = ManualClock(NOW_NS)
    with dated(tmp_path, device) as (buffer, clock):
        for hour in range(8):
            buffer.append([make_block(1, first=hour, time_ns=clock.wall_ns())], [])
            buffer.commit()
            device.advance(1)
            device.set_wall(device.wall_ns() + 3_600 * SECOND)
            look(buffer, clock)
        assert buffer.status().segments == 3
        now = NOW_NS + 8 * 3_600 * SECOND
        assert ask(buffer, TIMES) == [[float(hour), now + hour * SECOND] for hour in range(8)]


def test_a_hundred_settings_in_one_file_are_all_right_and_in_order(tmp_path: Path) -> None:
    """More shifts than a view has one by one; the core folds its own, and its history keeps right times, too."""
    device = ManualClock(NOW_NS)
    with dated(tmp_path, device) as (buffer, clock):
        for hour in range(100):
            buffer.append([make_block(1, first=hour, time_ns=clock.wall_ns())], [])
            buffer.add_event("said", str(hour), "")
            buffer.commit()
            device.advance(1)
            device.set_wall(device.wall_ns() + 3_600 * SECOND)
            look(buffer, clock)
        now = NOW_NS + 100 * 3_600 * SECOND
        expected = [now + hour * SECOND for hour in range(100)]
        assert [time for _, time in ask(buffer, TIMES)] == expected
        said = "SELECT epoch_ns(time) FROM events WHERE kind = 'said' ORDER BY subject::INTEGER"
        assert [time for (time,) in ask(buffer, said)] == expected
        assert len(buffer._files.ledger.eras.off(clock.stamp())) < 70
    device.reboot("boot 2", now)
    with dated(tmp_path, device) as (buffer, _):
        assert [time for _, time in ask(buffer, TIMES)] == expected
        assert [time for (time,) in ask(buffer, said)] == expected
        assert {era.boot for era in buffer._files.ledger.eras._eras} <= {"boot 2"}


def test_a_clock_between_two_times_has_two_eras(tmp_path: Path) -> None:
    """It goes there and back thirty times, never quite to the same: nothing grows, and rows keep their order."""
    device = ManualClock(NOW_NS)
    device.kept_right = True
    with dated(tmp_path, device) as (buffer, clock):
        for row in range(30):
            device.advance(60)
            device.set_wall(device.wall_ns() + (-1) ** row * 7_200 * SECOND + row * SECOND // 100)
            look(buffer, clock)
            buffer.append([make_block(1, first=row, time_ns=clock.wall_ns())], [])
            buffer.commit()
        assert [len(segment.eras._eras) for segment in buffer._files.segments.opened] == [2]
        numbers = ask(buffer, "SELECT brightness FROM inferences ORDER BY time")
        assert numbers == [[float(row)] for row in range(30)]


def test_many_files_of_many_eras_are_asked_at_once(tmp_path: Path) -> None:
    """Forty, each with more shifts than a view has one by one: within the memory of one."""
    device = ManualClock(NOW_NS)
    with dated(tmp_path, device) as (buffer, clock):
        for hour in range(6):
            buffer.append([make_block(1, first=hour, time_ns=clock.wall_ns())], [])
            buffer.commit()
            device.advance(1)
            device.set_wall(device.wall_ns() + 3_600 * SECOND)
            look(buffer, clock)
    (file,) = (tmp_path / "segments").glob("*.duckdb")
    for number in range(2, 41):
        shutil.copy(file, file.with_name(f"{number:06}-{file.name[7:]}"))
    now = NOW_NS + 6 * 3_600 * SECOND
    with dated(tmp_path, device) as (buffer, _):
        grouped = "SELECT epoch_ns(time) AS t, count(*) FROM inferences GROUP BY t ORDER BY t"
        assert ask(buffer, grouped) == [[now + hour * SECOND, 40] for hour in range(6)]


def test_corrections_do_not_fill_the_logs_of_files_that_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each setting adds a little to the log of every file of the boot; what has come together is folded in."""
    monkeypatch.setattr(segments, "_MOST_CORRECTED", 500)
    device = ManualClock(NOW_NS)
    with dated(tmp_path, device, BufferConfig(segment_mib=0.001)) as (buffer, clock):
        for hour in range(12):
            buffer.append([make_block(1, first=hour, time_ns=clock.wall_ns())] if hour < 3 else [], [])
            device.advance(1)
            device.set_wall(device.wall_ns() + 3_600 * SECOND)
            look(buffer, clock)
            buffer.commit()
        logs = [wal_of(segment.path) for segment in buffer._files.segments.opened[:-1] if segment.path]
        assert len(logs) == 2
        assert max(log.stat().st_size if log.exists() else 0 for log in logs) < 1_000
