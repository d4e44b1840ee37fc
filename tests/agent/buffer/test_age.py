"""How old stored data is, whatever the clock did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.clock import ManualClock
from tests.agent.buffer.blocks import DAY_NS, NOW_NS, make_block
from tests.agent.buffer.test_dating import dated

if TYPE_CHECKING:
    from pathlib import Path

SECOND = 10**9
HOUR = 3_600 * SECOND


def _write(directory: Path, device: ManualClock, hours: float, *, vouched: bool = False) -> int:
    """Run an agent for some hours, with a batch at the beginning and the end; return observed time in hours."""
    device.kept_right = vouched
    with dated(directory, device) as (buffer, clock):
        for _ in range(2):
            device.advance(hours * 1_800)
            clock.look()
            buffer.append([make_block(1, time_ns=clock.wall_ns())], [])
            buffer.commit()
        return buffer.dating.observed.now_ns() // HOUR


@pytest.mark.parametrize("jump_ns", [-3_650 * DAY_NS, 3_650 * DAY_NS])
def test_a_clock_that_is_set_by_ten_years_ages_nothing(tmp_path: Path, jump_ns: int) -> None:
    """Within a boot, over a restart and over a reboot, even where the wrong clock is believed for days."""
    device = ManualClock(NOW_NS)
    assert _write(tmp_path, device, 4) == 4
    device.set_wall(device.wall_ns() + jump_ns)
    assert _write(tmp_path, device, 40) == 44
    device.set_wall(device.wall_ns() - jump_ns)
    assert _write(tmp_path, device, 4) == 48
    device.reboot("boot 2", device.wall_ns() + jump_ns)
    assert _write(tmp_path, device, 40) == 88
    device.reboot("boot 3", NOW_NS)
    assert _write(tmp_path, device, 40) == 128


def test_the_time_off_counts_where_both_clocks_were_kept_right(tmp_path: Path) -> None:
    """Off for a hundred hours between two boots with NTP: it is counted, once, a day after the second had its time."""
    device = ManualClock(NOW_NS)
    assert _write(tmp_path, device, 10, vouched=True) == 10
    device.reboot("boot 2", device.wall_ns() + 100 * HOUR)
    assert _write(tmp_path, device, 10, vouched=True) == 20
    assert _write(tmp_path, device, 60, vouched=True) == 10 + 100 + 70
    assert _write(tmp_path, device, 60, vouched=True) == 10 + 100 + 130


def test_sleep_counts(tmp_path: Path) -> None:
    """A device that sleeps gets older."""
    device = ManualClock(NOW_NS)
    assert _write(tmp_path, device, 4) == 4
    device.suspend(36_000)
    assert _write(tmp_path, device, 4) == 18
