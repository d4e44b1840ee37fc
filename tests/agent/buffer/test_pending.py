"""What is discarded of what waits is counted by its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.buffer import BufferConfig
from agent.buffer.pending import Pending, Recorded
from tests.agent.buffer.blocks import make_block, make_reading, opened

if TYPE_CHECKING:
    from pathlib import Path


def test_answers_and_windows_that_are_discarded_are_told() -> None:
    """Beside rows, answers and windows of findings beyond the bound are counted in words."""
    pending = Pending(100)
    pending.add_recorded(Recorded(answers=make_block(7)))
    pending.add_recorded(Recorded(window=(1, 2, 3, 4, "f-1")))
    assert pending.notes == [
        "7 answers were discarded for want of room",
        "1 windows of findings were discarded for want of room",
    ]


def test_a_batch_that_is_given_up_is_told_of_whole(tmp_path: Path) -> None:
    """One that no segment takes is discarded in the end, and all kinds of what was in it are counted in words."""
    broken = replace(make_reading(), value="no number")
    with opened(tmp_path, BufferConfig(capture="all")) as buffer:
        buffer.append([make_block(3)], [make_reading(), broken])
        for _ in range(3):  # of two tries each
            buffer.commit()
        (note,) = (note for note, _ in buffer.repairs)
        assert note.startswith("3 rows, 2 host readings could not be stored and were discarded: ")
        assert (buffer.settled, buffer.status().discarded_rows) == (True, 3)
        buffer.append([make_block(5)], [])
        buffer.commit()
        assert buffer.status().rows == 5
