"""Rows go when they have had their time, by a clock that nobody can hurry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.buffer import BufferConfig
from agent.clock import ManualClock
from tests.agent.buffer.blocks import DAY_NS, NOW_NS, ask, make_block, make_finding
from tests.agent.buffer.test_dating import dated
from tests.agent.buffer.version_1 import ROWS, leave_version_1

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer import Buffer

KEEP = BufferConfig(keep_days=8)
YEARS_NS = 3_653 * DAY_NS


def live(directory: Path, device: ManualClock, days: int, first: int) -> list[object]:
    """Write two rows a day for some days; return the number of rows that are left, and the oldest and newest."""
    with dated(directory, device, KEEP) as (buffer, clock):
        for day in range(days):
            buffer.append([make_block(2, first=first + 2 * day, time_ns=clock.wall_ns())], [])
            buffer.commit()
            device.advance(86_400)
            if (step := clock.look()) is not None:
                buffer.rebase(step)
        buffer.commit()
        return rows_of(buffer)


def rows_of(buffer: Buffer) -> list[object]:
    """Number of rows, the oldest and the newest."""
    return ask(buffer, "SELECT count(*), min(brightness), max(brightness) FROM inferences")[0]


def test_rows_are_kept_for_their_days_and_an_eighth(tmp_path: Path) -> None:
    """After twenty days those of the last eight are there, and at most one more; findings and positions stay."""
    device = ManualClock(NOW_NS)
    with dated(tmp_path, device, KEEP) as (buffer, _):
        buffer.save_finding(make_finding())
        buffer.append([make_block(0, first=7, source="gone.ring")], [])
        buffer.commit()
    count, oldest, newest = live(tmp_path, device, 20, 0)
    assert newest == 39.0
    assert oldest == 40.0 - float(str(count))
    assert 16 <= int(str(count)) <= 20
    with dated(tmp_path, device, KEEP) as (buffer, _):
        assert buffer.findings() == [make_finding()]
        assert buffer.positions() == {"gone.ring": 7, "a.ring": 40}


def test_without_days_rows_are_kept_until_there_is_no_room(tmp_path: Path) -> None:
    """Years of a device that writes little are all there, in one file."""
    device = ManualClock(NOW_NS)
    with dated(tmp_path, device) as (buffer, clock):
        for year in range(5):
            buffer.append([make_block(2, first=2 * year, time_ns=clock.wall_ns())], [])
            buffer.commit()
            device.advance(365 * 86_400)
        assert rows_of(buffer) == [10, 0.0, 9.0]
        assert buffer.status().segments == 1


@pytest.mark.parametrize("jump_ns", [YEARS_NS, -YEARS_NS])
def test_a_clock_that_jumps_ten_years_purges_nothing(tmp_path: Path, jump_ns: int) -> None:
    """Set while it runs, between two runs and between two boots: what is four days old by then is kept."""
    device = ManualClock(NOW_NS)
    assert live(tmp_path, device, 1, 0) == [2, 0.0, 1.0]
    device.set_wall(device.wall_ns() + jump_ns)
    assert live(tmp_path, device, 1, 2) == [4, 0.0, 3.0]
    device.reboot("boot 2", device.wall_ns() - jump_ns)
    assert live(tmp_path, device, 1, 4) == [6, 0.0, 5.0]
    device.reboot("boot 3", device.wall_ns() + jump_ns)
    assert live(tmp_path, device, 1, 6) == [8, 0.0, 7.0]


def test_a_segment_of_the_version_before_goes_when_a_younger_one_has_had_its_time(tmp_path: Path) -> None:
    """It does not say how old it is, so it is kept until something that came after it is too old."""
    leave_version_1(tmp_path)
    device = ManualClock(NOW_NS)
    assert live(tmp_path, device, 5, ROWS) == [ROWS + 10, 0.0, ROWS + 9.0]
    count, oldest, _ = live(tmp_path, device, 9, ROWS + 10)
    assert oldest == ROWS + 28.0 - float(str(count))
    assert int(str(count)) <= 20


@pytest.mark.parametrize("days", [0, -1, float("nan")])
def test_no_days_at_all_are_refused(days: float) -> None:
    """The message names the key and says what is accepted."""
    with pytest.raises(ValueError, match="accepted is a number from"):
        BufferConfig(keep_days=days)
