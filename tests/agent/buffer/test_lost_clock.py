"""What becomes of stored times where the state of the clock is lost, or is of another version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from agent.buffer.dating import CLOCK, KEY
from agent.buffer.errors import UnavailableError
from agent.clock import ManualClock
from tests.agent.buffer.blocks import NOW_NS, ask, make_block
from tests.agent.buffer.test_dating import SECOND, TIMES, dated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.buffer import Buffer
    from agent.steady import SteadyClock

SAID = "SELECT subject, epoch_ns(time) FROM events WHERE kind = 'said' ORDER BY subject"


def _store(buffer: Buffer, clock: SteadyClock, number: int) -> None:
    buffer.append([make_block(1, first=number, time_ns=clock.wall_ns())], [])
    buffer.add_event("said", str(number), "")
    buffer.commit()


def _set(buffer: Buffer, clock: SteadyClock, device: ManualClock, wall_ns: int) -> None:
    device.set_wall(wall_ns)
    step = clock.look()
    assert step is not None
    buffer.rebase(step)


def _run_in_1970_and_after(directory: Path) -> ManualClock:
    """A row of 1970, and one after the clock was set."""
    device = ManualClock(0)
    with dated(directory, device) as (buffer, clock):
        _store(buffer, clock, 0)
        device.advance(10)
        _set(buffer, clock, device, NOW_NS)
        _store(buffer, clock, 1)
    device.advance(10)
    return device


def _of_another_version(directory: Path) -> None:
    with duckdb.connect(directory / "core.duckdb") as core:
        core.execute("UPDATE states SET payload = ? WHERE stream_key = ? AND part = ?", [b"\x81\xa1x\x01", KEY, CLOCK])


def _with_the_core(directory: Path) -> None:
    (directory / "core.duckdb").write_bytes(b"rubbish" * 10_000)


@pytest.mark.parametrize("lose", [_of_another_version, _with_the_core])
def test_times_stay_right_where_the_state_of_the_clock_is_lost(tmp_path: Path, lose: Callable[[Path], None]) -> None:
    """Those of 1970 and those of after the clock was set; the next rows follow them, and a later step moves all."""
    device = _run_in_1970_and_after(tmp_path)
    lose(tmp_path)
    expected = [[0.0, NOW_NS - 10 * SECOND], [1.0, NOW_NS], [2.0, NOW_NS + 10 * SECOND]]
    with dated(tmp_path, device) as (buffer, clock):
        assert buffer.dating.step is None
        _store(buffer, clock, 2)
        assert ask(buffer, TIMES) == expected
        _set(buffer, clock, device, NOW_NS + 3_610 * SECOND)
        assert ask(buffer, TIMES) == [[number, time + 3_600 * SECOND] for number, time in expected]


def test_a_state_of_another_version_is_told_and_a_lost_one_is_not(tmp_path: Path) -> None:
    """In the status and in the history, once; events keep their times."""
    device = _run_in_1970_and_after(tmp_path)
    _of_another_version(tmp_path)
    told = "SELECT count(*) FROM events WHERE kind = 'clock' AND detail LIKE '%another version%the newest%'"
    for said in (True, False):
        with dated(tmp_path, device) as (buffer, _):
            assert any("the state of the clock cannot be read" in note for note in buffer.status().notes) == said
            assert ask(buffer, told) == [[1]]
            assert ask(buffer, SAID) == [["0", NOW_NS - 10 * SECOND], ["1", NOW_NS]]


def test_a_clock_set_meanwhile_is_a_step_from_what_records_say(tmp_path: Path) -> None:
    """The state is lost and the clock is an hour ahead: a step of an hour; where it shows 1970 it is not believed."""
    device = _run_in_1970_and_after(tmp_path)
    _of_another_version(tmp_path)
    device.set_wall(device.wall_ns() + 3_600 * SECOND)
    expected = [[0.0, NOW_NS + 3_590 * SECOND], [1.0, NOW_NS + 3_600 * SECOND]]
    with dated(tmp_path, device) as (buffer, _):
        assert buffer.dating.step is not None
        assert buffer.dating.step.by_ns == 3_600 * SECOND
        assert ask(buffer, TIMES) == expected
    _of_another_version(tmp_path)
    device.set_wall(0)
    with dated(tmp_path, device) as (buffer, _):
        assert buffer.dating.step is None
        assert ask(buffer, TIMES) == expected


def test_what_the_core_alone_says_is_enough(tmp_path: Path) -> None:
    """Events and no row: they keep their times."""
    device = ManualClock(0)
    with dated(tmp_path, device) as (buffer, clock):
        buffer.add_event("said", "0", "")
        device.advance(10)
        _set(buffer, clock, device, NOW_NS)
        buffer.add_event("said", "1", "")
    _of_another_version(tmp_path)
    with dated(tmp_path, device) as (buffer, _):
        assert ask(buffer, SAID) == [["0", NOW_NS - 10 * SECOND], ["1", NOW_NS]]


def test_a_correction_that_was_cut_off_is_finished_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had reached the core and no segment: both end with the time that the clock shows."""
    device = ManualClock(0)
    with dated(tmp_path, device) as (buffer, clock):
        _store(buffer, clock, 0)
        device.advance(10)
        (segment,) = buffer._files.segments.opened
        monkeypatch.setattr(segment.eras, "settle", _cut_off)
        _set(buffer, clock, device, NOW_NS)
    _of_another_version(tmp_path)
    with dated(tmp_path, device) as (buffer, _):
        assert ask(buffer, TIMES) == [[0.0, NOW_NS - 10 * SECOND]]
        assert ask(buffer, SAID) == [["0", NOW_NS - 10 * SECOND]]


def _cut_off(*_: object) -> bool:
    raise UnavailableError("cut off")
