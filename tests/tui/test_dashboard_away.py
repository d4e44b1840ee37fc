from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest  # fixtures are typed

import tui.feed
from agent.clock import ManualClock
from tests.tui.driving import NARROW, dashboard, drive, screen_text, source_of, until
from tests.tui.fake_cases import calm, fouled
from tests.tui.fake_source import FakeSource
from tests.tui.story import StorySource, story
from tui import palette
from tui.app import SLOW_S, Dashboard
from tui.feed import Answered, Feed
from tui.streams import Streams

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from agent.status import Status


def test_agent_that_goes_away_leaves_its_last_data_in_grey() -> None:
    """The banner says why and how old the data are; nothing that was known disappears, and no tone is left."""
    clock = ManualClock()
    app = Dashboard(FakeSource(fouled()), 3600.0, clock=clock)

    async def go(pilot: Pilot[None]) -> None:
        clock.advance(75)
        source_of(app).answer = "no answer at /run/driftline/agent.sock"
        app._feed.ask_now()
        await until(pilot, lambda: "agent away" in screen_text(pilot), "the banner is there")
        banner = " ".join(line.strip() for line in screen_text(pilot).splitlines()[1:3])
        why = "no answer at /run/driftline/agent.sock"
        assert banner == f"agent away: {why}; trying again · what you see is 1 min old"
        assert "shift: sharpness" in screen_text(pilot)
        shades = {s.style for s in app.screen.query_one(Streams).render_line(3) if s.style and s.text.strip()}
        assert shades == {palette.style(app.theme, "quiet")}

    drive(app, go)


@pytest.mark.parametrize(("key", "wrong"), [("7", "nothing has happened yet"), ("8", "nothing was logged yet")])
def test_what_was_never_asked_is_not_known(key: str, wrong: str) -> None:
    """A screen that is opened while no agent answers does not say that there is nothing."""

    async def go(pilot: Pilot[None]) -> None:
        await pilot.press(key)
        await until(pilot, lambda: "not known: the agent is away" in screen_text(pilot), "it says why")
        assert wrong not in screen_text(pilot)

    drive(dashboard("not started"), go)


def test_agent_that_comes_back_is_found_again() -> None:
    """The next answer takes the banner away."""
    app = dashboard("not started")

    async def go(pilot: Pilot[None]) -> None:
        assert "agent away: not started; trying again" in screen_text(pilot)
        assert "driftline agent" in screen_text(pilot)
        source_of(app).answer = calm()
        app._feed.ask_now()
        await until(pilot, lambda: "meter-reader" in screen_text(pilot), "the stream is shown")
        assert "agent away" not in screen_text(pilot)
        assert screen_text(pilot).startswith(" OK ")

    drive(app, go)


def test_answer_that_cannot_be_read_is_said() -> None:
    """A source that fails in its own way is away with that reason, and is asked again."""

    class Broken(FakeSource):
        def status(self) -> Status:
            self.asked += 1
            raise ValueError("unknown field `weather`")

    async def look(pilot: Pilot[None]) -> None:
        assert "its answer cannot be read (ValueError: unknown field" in screen_text(pilot)

    drive(Dashboard(Broken(""), 3600.0), look)


def test_slow_agent_holds_up_no_key() -> None:
    """While a question is not answered, keys work, and quitting does not wait for the answer."""
    release = threading.Event()

    class Slow(FakeSource):
        def status(self) -> Status:
            if self.asked:
                release.wait(30)
            return super().status()

    app = Dashboard(Slow(fouled()), 3600.0)

    async def go(pilot: Pilot[None]) -> None:
        app._feed.ask_now()
        await pilot.press("down")
        assert app.screen.query_one(Streams).cursor == 1
        await pilot.press("q")

    drive(app, go)
    assert not release.is_set()
    assert app._feed._thread.is_alive()
    release.set()
    app._feed._thread.join(5)
    assert not app._feed._thread.is_alive()


def test_newest_answer_replaces_those_still_queued() -> None:
    """An answer gives way to a later status; a status does not give way to a later excuse."""
    older, newer, excuse = Answered(calm()), Answered(fouled()), Answered(None, "away")
    assert older.can_replace(newer)
    assert excuse.can_replace(newer)
    assert excuse.can_replace(Answered(None, "still away"))
    assert not older.can_replace(excuse)


def test_queued_answers_are_drawn_once() -> None:
    """Of several answers in the queue the screen shows the last, without drawing those before it."""
    app = dashboard(calm())

    async def go(pilot: Pilot[None]) -> None:
        drawn: list[object] = []
        draw = app._show

        def record(status: Status | None, away: str = "") -> None:
            drawn.append(status)
            draw(status, away)

        app._show = record  # type: ignore[method-assign]
        last = fouled()
        for answer in (calm(), calm(), last):
            app.post_message(Answered(answer))
        await until(pilot, lambda: "shift: sharpness" in screen_text(pilot), "the last is shown")
        assert drawn == [last]

    drive(app, go)


def test_answer_that_comes_when_everything_is_closed_is_let_go() -> None:
    """The agent answers in a thread, which does not know that there is no screen any more."""

    async def nothing(_pilot: Pilot[None]) -> None:
        pass

    app = drive(dashboard("away"), nothing)
    app.on_answered(Answered(calm()))
    assert app.view.status == calm()


def test_closes_by_itself_after_the_time_given() -> None:
    """`exit_after_seconds` ends the dashboard with nobody there."""
    app = Dashboard(FakeSource(calm()), 3600.0, exit_after_seconds=0.05)
    asyncio.run(asyncio.wait_for(app.run_async(headless=True, size=NARROW), 20))
    assert app.return_code == 0


def test_title_note_is_shown_below_the_header() -> None:
    """What a demonstration is about to do stands in the second line."""

    async def look(pilot: Pilot[None]) -> None:
        assert screen_text(pilot).splitlines()[1] == " the lens fouls at 25 s"

    drive(dashboard(calm(), "the lens fouls at 25 s"), look)


def test_story_plays_through_on_one_screen() -> None:
    """From learning over a fouled lens and an absent agent to a slow device, the first word follows."""
    source = StorySource()
    app = Dashboard(source, 3600.0)
    words: list[str] = []

    async def watch(pilot: Pilot[None]) -> None:
        for _ in story():
            lines = screen_text(pilot).splitlines()
            word = "AWAY" if "agent away" in lines[1] else lines[0].split()[0]
            if word not in words[-1:]:
                words.append(word)
            view = app.view
            app._feed.ask_now()
            await until(pilot, lambda view=view: app.view is not view, "the next answer is shown")  # type: ignore[misc]

    drive(app, watch)
    assert words == ["LEARNING", "OK", "CRITICAL", "AWAY", "WARNING"]


def test_feed_that_costs_too_much_asks_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an answer takes long to read and draw, the next question waits until its share of a core is kept."""
    spent = iter((0.0, 2.0))
    monkeypatch.setattr(tui.feed, "_processor_s", lambda: next(spent))
    feed = Feed(FakeSource(calm()), 0.25, lambda _: None)
    waits: list[float] = []

    class Wake:
        def wait(self, seconds: float) -> bool:
            waits.append(seconds)
            feed._closed = len(waits) == 2
            return False

        def clear(self) -> None:
            """Take no notice."""

    feed._wake = Wake()  # type: ignore[assignment]  # of the event, what the feed asks of it
    feed._run()
    assert waits == [0.25, min(tui.feed.LONGEST_S, 2.0 / tui.feed.MOST_OF_A_CORE - 0.25)]


def test_slow_line_is_asked_for_less_and_gets_short_colours() -> None:
    """With `slow` the interval is at least five seconds, and the terminal's sixteen colours are taken."""
    app = Dashboard(FakeSource(calm()), 1.0, slow=True)
    assert (app._feed._interval, app.theme) == (SLOW_S, palette.SIXTEEN)
