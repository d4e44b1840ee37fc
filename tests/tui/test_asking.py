from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from agent.ports import AgentAwayError, AgentRefusedError
from tests.tui.driving import dashboard, drive, screen_text, source_of, until, until_drawn
from tests.tui.fake_cases import fouled
from tests.tui.fake_source import FakeSource
from tests.waiting import wait_until
from tui.app import Dashboard
from tui.asking import Asker, Replied
from tui.stream_screen import StreamScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from agent.screen import StreamView, Zoom


def test_of_the_questions_that_wait_the_newest_alone_is_asked() -> None:
    """While an answer is slow, questions do not pile up: the last one follows, those between are never asked."""
    replies: list[Replied] = []
    slow, asked = threading.Event(), []

    def question(name: str) -> str:
        asked.append(name)
        assert slow.wait(10)
        return name

    asker = Asker(replies.append)
    asker.ask(lambda: question("first"))
    wait_until(lambda: asked, "the first is asked")
    for name in ("second", "third", "fourth"):
        asker.ask(lambda name=name: question(name))  # type: ignore[misc]  # a default binds the name
    slow.set()
    wait_until(lambda: len(replies) == 2, "two answers")
    assert asked == ["first", "fourth"]
    assert [(r.answer, r.number == asker.newest) for r in replies] == [("first", False), ("fourth", True)]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AgentAwayError("no socket"), "the agent is away: no socket"),
        (AgentRefusedError("too much"), "the agent says no: too much"),
        (KeyError("f-1"), "the agent does not know it any more"),
        (ValueError("odd"), "the answer cannot be read (ValueError: odd)"),
    ],
)
def test_each_way_to_fail_is_said(error: Exception, said: str) -> None:
    """A question that fails is answered in words, and the next one is asked as before."""
    replies: list[Replied] = []

    def fail() -> None:
        raise error

    asker = Asker(replies.append)
    asker.ask(fail)
    wait_until(lambda: replies, "the failure is answered")
    asker.ask(lambda: 7)
    wait_until(lambda: len(replies) == 2, "the next is answered")
    assert [(r.answer, r.trouble) for r in replies] == [(None, said), (7, "")]


class SlowSource(FakeSource):
    """Keeps each view of a stream back until it is let go."""

    def __init__(self) -> None:
        super().__init__(fouled())
        self.asked_zooms: list[Zoom] = []
        self.go = threading.Semaphore(0)

    def stream_view(self, key: str, zoom: Zoom) -> StreamView:
        self.asked_zooms.append(zoom)
        assert self.go.acquire(timeout=10)
        return super().stream_view(key, zoom)


def test_slow_answer_holds_no_key_and_an_old_one_is_not_shown() -> None:
    """While the agent thinks, keys work and "asking" is said; the answer to a span that was left is dropped."""
    source = SlowSource()
    app = Dashboard(source, interval_seconds=3600.0)

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: source.asked_zooms == ["5m"], "the first span is asked for")
        await pilot.press("3")
        assert "asking…" in screen_text(pilot)
        await pilot.press("z", "z")
        assert "the last 24 hours" in screen_text(pilot)
        screen = app.screen
        assert isinstance(screen, StreamScreen)
        source.go.release()
        await until(pilot, lambda: source.asked_zooms == ["5m", "24h"], "the first is answered, the last asked for")
        assert (screen.answer, screen.asking) == (None, True)
        source.go.release()
        await until(pilot, lambda: screen.answer is not None, "an answer is shown")
        assert getattr(screen.answer, "zoom", None) == "24h"

    drive(app, press)


def test_agent_that_goes_away_leaves_the_last_answer() -> None:
    """Away in the middle of looking: what was seen stays, muted, and the banner says why; nothing more is asked."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until_drawn(pilot)
        await until(pilot, lambda: "both" in screen_text(pilot), "the histogram is drawn")
        source_of(app).answer = "no agent answers"
        app._feed.ask_now()
        await until(pilot, lambda: "agent away" in screen_text(pilot), "the banner says so")
        assert "both" in screen_text(pilot)
        assert app.view.muted

    drive(app, press)
