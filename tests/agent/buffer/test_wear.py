"""What the agent writes is counted, kept over restarts, and told."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from agent.buffer import BufferConfig
from agent.buffer.wear import bytes_written
from agent.clock import ManualClock, utc
from agent.status import WearStatus
from agent.steady import Step
from tests.agent.buffer.blocks import NOW_NS, ask, opened

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer import Buffer

MIB = 1 << 20
HOUR_S = 3_600.0


class Card:
    """Counts what a test says was written."""

    def __init__(self) -> None:
        self.written: int | None = 0

    def __call__(self) -> int | None:
        """Return it."""
        return self.written


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    """A card in place of the kernel's counter."""
    card = Card()
    monkeypatch.setattr("agent.buffer.wear.bytes_written", card)
    return card


def test_the_kernels_counter_is_read(tmp_path: Path) -> None:
    """It is the bytes for block devices; where there is none, or rubbish, that is said."""
    (tmp_path / "self").mkdir()
    assert bytes_written(tmp_path) is None
    (tmp_path / "self" / "io").write_text("rchar: 5\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n")
    assert bytes_written(tmp_path) == 4096
    (tmp_path / "self" / "io").write_text("write_bytes: many\n")
    assert bytes_written(tmp_path) is None


def spend(card: Card, count: int) -> None:
    """Write so many bytes."""
    card.written = (card.written or 0) + count


def wear_of(buffer: Buffer) -> WearStatus:
    """What the status says of it."""
    wear = buffer.status().wear
    assert wear is not None
    return wear


def test_what_is_written_adds_up_over_a_restart(tmp_path: Path, card: Card) -> None:
    """The last 24 hours of running are told, whatever the wall clock says between."""
    spend(card, 90 * MIB)  # before the buffer was opened
    clock = ManualClock(NOW_NS)
    with opened(tmp_path, clock=clock) as buffer:
        spend(card, 5 * MIB)
        clock.advance(HOUR_S)
        buffer.commit()
        assert wear_of(buffer).written_bytes == 5 * MIB
    card.written = 0  # another process
    with opened(tmp_path, clock=ManualClock(0)) as buffer:
        spend(card, 2 * MIB)
        buffer.commit()
        words = "rows are kept as configured"
        assert wear_of(buffer) == WearStatus(written_bytes=7 * MIB, limit_bytes=256 * MIB, level=words)


@pytest.mark.parametrize(("seconds", "counted"), [(10, 48), (1.5, 49), (0, 34)])
def test_a_kill_leaves_little_uncounted(tmp_path: Path, card: Card, seconds: float, counted: int) -> None:
    """Without an orderly end a hundredth of 256 MiB is forgotten, or what ten seconds wrote, or about a sixteenth."""
    clock = ManualClock(NOW_NS)
    with opened(tmp_path / "running", clock=clock) as buffer:
        for _ in range(50):
            spend(card, MIB)
            clock.advance(seconds)
            buffer.commit()
        buffer.commit()
        shutil.copytree(tmp_path / "running", tmp_path / "killed")
    with opened(tmp_path / "killed") as again:
        written = wear_of(again).written_bytes
        assert written is not None
        assert written == counted * MIB


def test_a_change_of_the_level_is_an_event_and_is_told(tmp_path: Path, card: Card) -> None:
    """Rows are thinned before the day's budget is spent: what and why is in the status and in the history."""
    clock = ManualClock(NOW_NS)
    config = BufferConfig(write_mib_per_day=64)
    why = "a tenth of the sampled rows is kept: what is written would pass 67.1 MB a day"
    with opened(tmp_path, config, clock) as buffer:
        while not wear_of(buffer).thinning:
            spend(card, 5 * MIB)
            clock.advance(HOUR_S)
            buffer.commit()
        assert (wear_of(buffer).thinning, wear_of(buffer).why) == (1, why)
        assert not any("stored" in note for note in buffer.status().notes)  # it is said once
        assert (wear_of(buffer).written_bytes or 0) < 60 * MIB
        buffer.commit()
        assert ask(buffer, "SELECT detail FROM events WHERE kind = 'thinning'") == [[why]]
    with opened(tmp_path, config, clock) as buffer:
        assert wear_of(buffer).thinning == 1


def test_an_unknown_amount_is_no_amount(tmp_path: Path, card: Card) -> None:
    """Where the system does not tell, no figure is made up and nothing is thinned."""
    card.written = None
    clock = ManualClock(NOW_NS)
    with opened(tmp_path, clock=clock) as buffer:
        clock.advance(48 * HOUR_S)
        buffer.commit()
        assert (wear_of(buffer).written_bytes, wear_of(buffer).thinning) == (None, 0)


def test_the_recorder_is_thinned_and_stays_so_over_a_restart(tmp_path: Path, card: Card) -> None:
    """The level that is told is the one that it has."""
    clock = ManualClock(NOW_NS)
    config = BufferConfig(write_mib_per_day=64)
    with opened(tmp_path, config, clock) as buffer:
        assert buffer.recorder.level == 0
        while not wear_of(buffer).thinning:
            spend(card, 5 * MIB)
            clock.advance(HOUR_S)
            buffer.commit()
        assert buffer.recorder.level == 1
    with opened(tmp_path, config, clock) as buffer:
        assert buffer.recorder.level == 1


def test_every_row_that_was_asked_for_is_kept_and_a_passed_budget_told(tmp_path: Path, card: Card) -> None:
    """With capture = "all" nothing is thinned, and the status does not say that it was."""
    clock = ManualClock(NOW_NS)
    with opened(tmp_path, BufferConfig(write_mib_per_day=64, capture="all"), clock) as buffer:
        for _ in range(20):
            spend(card, 5 * MIB)
            clock.advance(HOUR_S)
            buffer.commit()
        expected = 'what is written passes its budget: with capture = "all" rows are not thinned'
        assert (wear_of(buffer).thinning, buffer.recorder.level, wear_of(buffer).why) == (0, 0, expected)


def test_what_another_version_counted_is_counted_anew_and_told(tmp_path: Path) -> None:
    """The start goes on without it, and the history says so."""
    with opened(tmp_path) as buffer:
        buffer._house.save = lambda: None  # type: ignore[method-assign]
        buffer.put_state("", "wear", b"rubbish")
    with opened(tmp_path) as buffer:
        buffer.commit()
        ((told,),) = ask(buffer, "SELECT detail FROM events WHERE kind = 'wear'")
        assert str(told).startswith("what was spent is not known: ")
        assert str(told).endswith("; it is counted from here")


def test_a_level_says_since_when_and_a_clock_that_is_set_corrects_it(tmp_path: Path, card: Card) -> None:
    """By wall time, kept over a restart."""
    clock = ManualClock(NOW_NS)
    config = BufferConfig(write_mib_per_day=64)
    with opened(tmp_path, config, clock) as buffer:
        assert wear_of(buffer).since is None
        while not wear_of(buffer).thinning:
            spend(card, 5 * MIB)
            clock.advance(HOUR_S)
            buffer.commit()
        assert wear_of(buffer).since == utc(clock.wall_ns())
        buffer.rebase(Step(by_ns=7 * 10**9, began_ns=0, ended_ns=clock.wall_ns()))
        expected = utc(clock.wall_ns() + 7 * 10**9)
        assert wear_of(buffer).since == expected
        clock.advance(HOUR_S)
    with opened(tmp_path, config, clock) as buffer:
        assert wear_of(buffer).since == expected
