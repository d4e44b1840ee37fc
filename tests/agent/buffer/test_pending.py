"""What is discarded of what waits is counted by its kind."""

from __future__ import annotations

from agent.buffer.pending import Pending, Recorded
from tests.agent.buffer.blocks import make_block


def test_answers_and_windows_that_are_discarded_are_told() -> None:
    """Beside rows, answers and windows of findings beyond the bound are counted in words."""
    pending = Pending(100)
    pending.add_recorded(Recorded(answers=make_block(7)))
    pending.add_recorded(Recorded(window=(1, 2, 3, 4, "f-1")))
    assert pending.notes == [
        "7 answers were discarded for want of room",
        "1 windows of findings were discarded for want of room",
    ]
