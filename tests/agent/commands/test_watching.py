from __future__ import annotations

from msgspec.structs import replace

from agent.clock import ManualClock
from agent.commands.watching import LINE_S, LOOK_S, Watcher
from tests.tui.fake_cases import calm, fouled
from tests.tui.fake_link import linked
from tests.tui.fake_source import FakeSource
from tui.text import render_line


class Watched:
    """A watcher of a fake agent, and what it said."""

    def __init__(self) -> None:
        self.source, self.clock = FakeSource(calm()), ManualClock()
        self.said: list[str] = []
        self._watcher = Watcher(
            self.source,
            self.clock,
            lambda status: f"all of {status.state}",
            lambda status: render_line(status)[:20],
            self.said.append,
            lambda text: self.said.append(f"! {text}"),
        )

    def watch(self, seconds: float) -> list[str]:
        """Let so much time pass, and give what was said in it."""
        before = len(self.said)
        for _ in range(round(seconds / LOOK_S)):
            self._watcher.look()
            self.clock.advance(LOOK_S)
        return self.said[before:]


def test_all_of_it_first_then_a_line_now_and_then() -> None:
    """A terminal that only scrolls is not filled with the same thirty lines; figures alone change nothing."""
    watched = Watched()
    assert watched.watch(LINE_S) == ["all of ok"]
    watched.source.answer = replace(calm(), host=())
    assert watched.watch(2 * LINE_S) == ["14:03:22  OK | meter"] * 2


def test_what_changes_in_words_is_said_in_full_at_once() -> None:
    """A finding, and a destination that is not reached."""
    watched = Watched()
    watched.watch(LOOK_S)
    watched.source.answer = fouled()
    assert watched.watch(LINE_S) == ["all of critical"]
    watched.source.answer = linked()
    assert watched.watch(LOOK_S) == ["all of ok"]


def test_agent_that_is_away_is_said_once_and_its_return_in_full() -> None:
    """Each reason once, not every two seconds."""
    watched = Watched()
    watched.watch(LOOK_S)
    watched.source.answer = "it has stopped"
    assert watched.watch(3 * LINE_S) == ["! it has stopped; trying again"]
    watched.source.answer = calm()
    assert watched.watch(LOOK_S) == ["all of ok"]
