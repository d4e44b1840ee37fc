from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from agent.status import EventLine
from tests.tui.fake_cases import fouling
from tests.tui.fake_stream import NOW
from tui.spans import plain, width_of
from tui.timeline import timeline_lines

FINDING = fouling()


def _lines(*seconds: float, width: int = 80) -> list[str]:
    events = [EventLine(FINDING.onset + timedelta(seconds=s), f"event {s:+.0f}") for s in seconds]
    return [plain(line) for line in timeline_lines(FINDING, events, NOW, width)]


def test_times_stand_in_order_with_their_distance_from_the_onset() -> None:
    """What happened before and after the onset is told in order, the finding's own times among it."""
    told = _lines(90, -3600, -12)[3:]
    assert told == [
        " 13:01:08 1 h before      event -3600",
        " 14:00:56 12 s before     event -12",
        " 14:01:08                 IT BEGAN, as far as that can be told",
        " 14:01:11 3 s after       NOTICED, after 307 inferences",
        " 14:02:38 2 min after     event +90",
    ]


def test_bar_begins_at_the_onset_and_goes_on_while_the_finding_is_open() -> None:
    """Calm, then unnoticed, then known up to the end of the line; each time has its mark."""
    late = replace(FINDING, opened=FINDING.onset + timedelta(seconds=60), onset=FINDING.onset)
    bar, marks, ends = (plain(line) for line in timeline_lines(late, [], NOW, 82)[:3])
    calm, unnoticed, known = (bar.count(mark) for mark in "─░█")
    assert bar == " " + "─" * calm + "░" * unnoticed + "█" * known
    assert (calm > 0, 60 < unnoticed < 80, known > 0) == (True, True, True)
    assert [at for at, mark in enumerate(marks) if mark == "↑"] == [1 + calm, 1 + calm + unnoticed]
    assert ends.split() == ["14:01:03", "14:02:13", "…", "1", "min", "more"]


def test_closed_finding_ends_its_bar() -> None:
    """After it was closed the line is calm again, and says as what it was closed."""
    closed = replace(
        FINDING,
        state="closed",
        closed=FINDING.onset + timedelta(seconds=60),
        verdict="false alarm",
        opened=FINDING.onset,
    )
    lines = [plain(line) for line in timeline_lines(closed, [], NOW, 82)]
    assert lines[0].rstrip("─").endswith("█")
    assert lines[0].endswith("─")
    assert lines[-1].endswith("CLOSED as false alarm")


def test_of_many_events_those_nearest_to_the_onset_are_told() -> None:
    """A busy hour does not push the finding's own times off the page."""
    told = _lines(*range(-1000, 1000, 10))[3:]
    assert len(told) == 10
    assert sum("event" in line for line in told) == 8
    assert "event -40" in told[0]


@pytest.mark.parametrize("width", [40, 80, 140])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    """Long events are cut, and the bar fits."""
    events = [EventLine(NOW, "a very long event " * 30)]
    assert max(width_of(line) for line in timeline_lines(FINDING, events, NOW, width)) <= width
