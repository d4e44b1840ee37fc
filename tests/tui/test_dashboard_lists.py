from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tui.driving import dashboard, drive, screen_text, source_of, until, until_drawn
from tests.tui.fake_cases import empty, fouled, fouling, many, status
from tests.tui.fake_stream import stream
from tui.findings import Findings
from tui.stream_screen import StreamScreen
from tui.streams import Streams

if TYPE_CHECKING:
    from textual.pilot import Pilot


def test_cursor_stays_on_its_finding_when_a_worse_one_comes() -> None:
    """A new finding above the selected one does not move the selection to another finding."""
    app = dashboard(many())

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("2", "down", "down")
        findings = app.screen.query_one(Findings)
        held = findings.key
        before = many()
        source_of(app).answer = status("critical", before.streams, (fouling(), *before.findings))
        app._feed.ask_now()
        await until(pilot, lambda: len(findings.keys) == 5001, "the new finding is there")
        assert (findings.key, findings.cursor) == (held, 3)

    drive(app, press)


def test_end_reaches_the_last_of_five_thousand_findings() -> None:
    """The lists scroll to their end at once, and draw only what can be seen."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("2", "end")
        await pilot.pause()
        findings = pilot.app.screen.query_one(Findings)
        assert findings.cursor == 4999
        assert "5000 of 5,000" in screen_text(pilot)
        assert len(findings.shown) == findings.size.height

    drive(dashboard(many()), press)


def test_click_selects_and_a_double_click_opens() -> None:
    """The mouse selects a row; twice opens it."""

    async def click(pilot: Pilot[None]) -> None:
        await pilot.click(Streams, offset=(5, 3))
        assert pilot.app.screen.query_one(Streams).cursor == 1
        await pilot.click(Streams, offset=(5, 3), times=2)
        assert isinstance(pilot.app.screen, StreamScreen)

    drive(dashboard(fouled()), click)


def test_stream_that_needs_someone_comes_first() -> None:
    """Critical and warning streams are at the top, whatever the agent's order."""
    later = stream(state="critical")
    earlier = many().streams[50]

    async def look(pilot: Pilot[None]) -> None:
        text = screen_text(pilot)
        assert text.index("meter-reader") < text.index("line-050")

    drive(dashboard(status("critical", (earlier, later))), look)


def test_selected_stream_that_vanishes_leaves_its_page_standing() -> None:
    """The page of a stream that is gone keeps what was known, and says so."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until_drawn(pilot)
        source_of(app).answer = empty()
        app._feed.ask_now()
        await until(pilot, lambda: "(gone)" in screen_text(pilot), "the page says that the stream is gone")
        assert "STOPPED" in screen_text(pilot)
        assert "41.2" in screen_text(pilot)

    drive(app, press)
