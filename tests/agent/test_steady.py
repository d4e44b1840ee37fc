"""Which wall time the agent goes by, whatever the device's clock does."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from agent.clock import ManualClock, Stamp
from agent.steady import RELEASED_NS, SteadyClock, Step

SECOND = 1_000_000_000
HOUR, DAY = 3_600 * SECOND, 86_400 * SECOND
YEARS = 10 * 365 * DAY
NOW = RELEASED_NS + 300 * DAY


def at(wall_ns: int) -> tuple[ManualClock, SteadyClock]:
    """Give a device whose clock shows `wall_ns` a minute after its start, and the clock that is believed."""
    device = ManualClock(wall_ns - 60 * SECOND)
    device.advance(60)
    return device, SteadyClock(device)


def test_a_clock_that_is_set_right_corrects_what_this_boot_took() -> None:
    """From 1970 to now: the new time is believed at once, and the step moves this boot's times and no others."""
    device, clock = at(100 * SECOND)
    early, of_before = clock.wall_ns(), NOW - DAY
    device.advance(30)
    device.set_wall(NOW)
    step = clock.look()
    assert step == Step(NOW - 130 * SECOND, 40 * SECOND, 130 * SECOND)
    assert clock.wall_ns() == NOW
    assert [step.moved(early), step.moved(of_before)] == [NOW - 30 * SECOND, of_before]
    assert clock.stamp() == Stamp("boot 1", 90 * SECOND, NOW, NOW - 130 * SECOND, NOW - 90 * SECOND)


def test_slews_and_sleep_are_no_steps() -> None:
    """A clock that is slewed is followed; a sleep moves wall time and no time is corrected."""
    device, clock = at(NOW)
    for _ in range(10):
        device.advance(1)
        device.set_wall(device.wall_ns() + SECOND // 2)
        assert clock.look() is None
    device.suspend(8 * 3_600)
    assert clock.look() is None
    assert clock.wall_ns() == device.wall_ns()


@pytest.mark.parametrize("jump_ns", [-YEARS, YEARS])
def test_a_jump_of_a_confirmed_clock_is_not_believed_before_an_hour(jump_ns: int) -> None:
    """Ten years off for half an hour: the agent counts on, and when the clock comes back nothing has happened."""
    device, clock = at(NOW)
    device.advance(3_600)
    assert (clock.look(), clock.confirmed) == (None, True)
    device.set_wall(device.wall_ns() + jump_ns)
    assert clock.look() is None
    assert clock.doubted_ns == jump_ns
    device.advance(1_800)
    assert clock.look() is None
    assert clock.wall_ns() == NOW + 5_400 * SECOND
    device.set_wall(NOW + 5_400 * SECOND)
    assert clock.look() is None
    assert (clock.doubted_ns, clock.wall_ns(), clock.stamp().steps_ns) == (0, NOW + 5_400 * SECOND, 0)


def test_a_time_before_the_release_is_never_believed_where_a_possible_one_is_known() -> None:
    """A day in 2016, and the agent still counts on from the time before."""
    device, clock = at(NOW)
    device.set_wall(NOW - YEARS)
    for _ in range(48):
        device.advance(1_800)
        assert clock.look() is None
    assert clock.wall_ns() == NOW + DAY


def test_a_time_before_a_confirmed_one_is_believed_when_it_has_stood_for_an_hour() -> None:
    """Somebody sets the clock back by a day after a reboot, and means it: all is corrected by a day then."""
    device, before = at(NOW - 2 * HOUR)
    device.advance(3_600)
    assert before.look() is None
    saved = before.saved()
    device.reboot("boot 2", NOW)
    clock = SteadyClock(device)
    assert clock.resume(saved) is None
    device.set_wall(NOW - DAY)
    assert clock.look() is None
    assert clock.wall_ns() == NOW
    device.advance(3_600)
    step = clock.look()
    assert step is not None
    assert (step.by_ns, clock.wall_ns()) == (-DAY, NOW - DAY + HOUR)


def test_steps_there_and_back_end_with_the_right_times() -> None:
    """A wrong time that lasted long enough to be believed is taken back, and what was moved is moved back."""
    device, clock = at(NOW)
    taken = clock.wall_ns()
    device.set_wall(NOW + YEARS)
    there = clock.look()
    device.advance(7_200)
    assert clock.look() is None
    device.kept_right = True
    device.set_wall(NOW + 2 * HOUR)
    back = clock.look()
    assert there is not None
    assert back is not None
    assert [there.moved(taken), back.moved(there.moved(taken))] == [NOW + YEARS, NOW]
    assert (clock.wall_ns(), clock.stamp().steps_ns) == (NOW + 2 * HOUR, 0)


def test_what_the_kernel_vouches_for_is_believed_at_once() -> None:
    """NTP sets a clock that had stood wrong for hours: no wait for an hour."""
    device, clock = at(NOW - 3 * DAY)
    device.advance(7_200)
    assert clock.look() is None
    device.kept_right = True
    device.set_wall(NOW)
    step = clock.look()
    assert step is not None
    assert clock.wall_ns() == NOW


def test_a_restart_in_the_same_boot_knows_by_how_much_the_clock_was_set_meanwhile() -> None:
    """The next agent corrects what the one before took; in another boot it corrects nothing."""
    device, first = at(100 * SECOND)
    saved = first.saved()
    device.advance(1_200)
    device.set_wall(NOW)
    step = SteadyClock(device).resume(saved)
    assert step is not None
    assert step.by_ns == NOW - 1_300 * SECOND
    device.reboot("boot 2", NOW)
    assert SteadyClock(device).resume(saved) is None


def test_a_restart_takes_a_slew_for_no_step() -> None:
    """Two days without an agent, in which NTP slewed the clock by a minute."""
    device, first = at(NOW)
    saved = first.saved()
    device.advance(2 * 86_400)
    device.set_wall(device.wall_ns() + 60 * SECOND)
    second = SteadyClock(device)
    assert second.resume(saved) is None
    assert second.wall_ns() == device.wall_ns()


def test_what_a_crystal_drifts_is_no_step() -> None:
    """A clock that is set once a day, by four seconds: the first corrects the boot, the others are followed."""
    device, clock = at(NOW)
    steps = []
    for _ in range(5):
        device.advance(86_400)
        device.set_wall(device.wall_ns() + 4 * SECOND)
        clock.look()
        device.advance(3_600)
        clock.look()
        steps.append(clock.stamp().steps_ns)
    assert steps == [4 * SECOND] * 5
    assert clock.wall_ns() == device.wall_ns()


def test_sleep_is_known_to_rows_from_the_look_after_it() -> None:
    """Rows of before it, read after it, keep their times; those of after it have the time that people see."""
    device, clock = at(NOW)
    before = np.array([device.monotonic_ns()])
    device.advance(1)
    device.suspend(8 * 3_600)
    assert clock.look() is None
    device.advance(1)
    after = np.array([device.monotonic_ns()])
    assert [*clock.walls_ns(before), *clock.walls_ns(after)] == [NOW, NOW + 8 * HOUR + 2 * SECOND]


@pytest.mark.parametrize("saved", [b"\xc1garbage", b"\x81\xa6format\x63"], ids=["garbage", "a later format"])
def test_what_another_version_saved_is_refused_and_changes_nothing(saved: bytes) -> None:
    """An error that says so; the clock goes by what the device shows."""
    device, clock = at(NOW)
    with pytest.raises(ValueError, match="another version stored it"):
        clock.resume(saved)
    assert clock.resume(b"") is None
    assert (clock.wall_ns(), clock.stamp().steps_ns) == (device.wall_ns(), 0)


def test_the_release_is_past() -> None:
    """No machine that runs these tests has a right clock before it."""
    assert dt.datetime.fromtimestamp(RELEASED_NS / 1e9, dt.UTC) <= dt.datetime.now(dt.UTC)
