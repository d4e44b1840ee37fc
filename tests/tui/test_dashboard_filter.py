from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tui.driving import dashboard, drive, screen_text, source_of, until
from tests.tui.fake_cases import calm, fouled, many, status
from tui.filter_bar import FilterBar
from tui.findings import Findings
from tui.help_screen import HelpScreen
from tui.streams import Streams

if TYPE_CHECKING:
    from textual.pilot import Pilot


def test_slash_leaves_the_rows_that_have_every_word() -> None:
    """Each character narrows the list in focus; enter keeps what is left and gives the keys back to the list."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"CALM gauge")
        streams = pilot.app.screen.query_one(Streams)
        await until(pilot, lambda: len(streams.keys) == 1, "one row is left")
        text = screen_text(pilot)
        assert "gauge-press" in text
        assert "leak-audio" not in text
        assert "/CALM gauge · 1 of 1 in 3" in text
        await pilot.press("enter")
        await until(pilot, lambda: not pilot.app.screen.query(FilterBar), "the line is gone")
        assert (streams.has_focus, len(streams.keys)) == (True, 1)
        await pilot.press("escape")
        assert (streams.filter, len(streams.keys)) == ("", 3)

    drive(dashboard(fouled()), press)


def test_esc_while_typing_shows_all_rows_again() -> None:
    """And a list of which nothing is left says so, and how to get it back."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"nowhere")
        streams = pilot.app.screen.query_one(Streams)
        await until(pilot, lambda: not streams.keys, "nothing is left")
        assert 'none of 3 has "nowhere"; esc shows all' in screen_text(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: not pilot.app.screen.query(FilterBar), "the line is gone")
        assert (streams.filter, len(streams.keys), streams.has_focus) == ("", 3, True)

    drive(dashboard(fouled()), press)


def test_filter_holds_while_news_come_and_the_arrows_move() -> None:
    """New findings are filtered like the old ones; the arrows move in the list while words are typed."""
    app = dashboard(many())

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("2", "slash", *"line-003", "down", "down")
        findings = app.screen.query_one(Findings)
        await until(pilot, lambda: findings.cursor == 2, "the cursor moved")
        held, before = findings.key, len(findings.keys)
        source_of(app).answer = status("critical", many().streams, many().findings[1:])
        app._feed.ask_now()
        await until(pilot, lambda: len(findings._all) == 4999, "the news are there")
        assert (findings.key, before) == (held, 556)

    drive(app, press)


def test_list_grows_and_shrinks_with_its_rows() -> None:
    """Streams that come take the room they need, and give it back when they go."""
    app = dashboard(calm())

    async def press(pilot: Pilot[None]) -> None:
        streams = app.screen.query_one(Streams)
        heights = [streams.size.height]
        for answer, rows in ((fouled(), 3), (calm(), 1)):
            source_of(app).answer = answer
            app._feed.ask_now()
            await until(pilot, lambda rows=rows: len(streams.keys) == rows, "the rows are there")  # type: ignore[misc]
            heights.append(streams.size.height)
        assert heights == [3, 5, 3]

    drive(app, press)


def test_slash_where_there_is_no_list_says_so() -> None:
    """On a page without a list the key answers instead of doing nothing."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen), "the help is there")
        await pilot.press("slash")
        await until(pilot, lambda: bool(pilot.app._notifications), "something is said")
        assert [n.message for n in pilot.app._notifications] == ["there is no list here to filter"]

    drive(dashboard(fouled()), press)
