from __future__ import annotations

import gc
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from textual.events import Key
from textual.widget import Widget

from agent.screen import LogLine
from agent.status import EventLine
from tests.tui.driving import NARROW, WIDE, dashboard, drive, screen_text, source_of, until, until_drawn
from tests.tui.fake_cases import calm, empty, fouled, fouling, many
from tests.tui.fake_link import linked, unlinked
from tests.tui.fake_source import FakeSource
from tests.tui.fake_stream import NOW
from tui.app import Dashboard
from tui.command_screen import CommandScreen
from tui.events_screen import EventsScreen, event_records, finding_of
from tui.finding_screen import FindingScreen
from tui.help_screen import HelpScreen
from tui.host import Host
from tui.host_screen import HostScreen
from tui.key_line import KeyLine
from tui.link_panel import Link
from tui.link_screen import LinkScreen
from tui.log_screen import LogScreen
from tui.overview import Overview
from tui.records import Record, Records
from tui.signals_card import SignalsCard
from tui.stream_screen import StreamScreen
from tui.streams import Streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot
    from textual.screen import Screen

    from agent.status import Status

_SCREENS: list[tuple[tuple[str, ...], type[Screen[None]]]] = [
    (("4", "enter"), HostScreen),
    (("6", "enter"), LinkScreen),
    (("7",), EventsScreen),
    (("8",), LogScreen),
    (("question_mark",), HelpScreen),
    ((":", *"dev", "enter"), HostScreen),
    ((":", *"link", "enter"), LinkScreen),
    ((":", *"eve", "enter"), EventsScreen),
    ((":", *"log", "enter"), LogScreen),
    ((":", *"help", "enter"), HelpScreen),
    ((":", *"gauge", "enter"), StreamScreen),
    ((":", *"f-0007", "enter"), FindingScreen),
    (("2", "enter"), FindingScreen),
    (("3", "enter"), FindingScreen),
    (("5",), StreamScreen),
]


def test_every_screen_is_reached_and_left() -> None:
    """By number, by enter on its panel, and by name; esc leads back to the overview."""

    async def press(pilot: Pilot[None]) -> None:
        app = pilot.app
        for keys, screen in _SCREENS:
            await pilot.press(*keys)
            await until(pilot, lambda screen=screen: isinstance(app.screen, screen), f"{keys} lead there")  # type: ignore[misc]
            await until_drawn(pilot)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, Overview), "the overview is back")

    drive(dashboard(fouled()), press, NARROW)


def test_numbers_go_from_any_screen_to_any_other() -> None:
    """From a page to a panel and to another page, and never deeper than one page."""

    async def press(pilot: Pilot[None]) -> None:
        app = pilot.app
        for key, there in (("7", EventsScreen), ("8", LogScreen), ("8", LogScreen), ("7", EventsScreen)):
            await pilot.press(key)
            await until(pilot, lambda there=there: isinstance(app.screen, there), "it is on top")  # type: ignore[misc]
            assert len(app.screen_stack) == 2
        for key, panel in (("6", Link), ("4", Host), ("5", SignalsCard), ("0", Streams)):
            await pilot.press("7", key)
            await until(pilot, lambda panel=panel: isinstance(app.focused, panel), "it has the focus")  # type: ignore[misc]
            assert isinstance(app.screen, Overview)

    drive(dashboard(fouled()), press, WIDE)


def test_keys_that_come_at_once_go_where_the_first_led() -> None:
    """Enter right behind a panel's number opens that panel, also from another screen."""

    async def press(pilot: Pilot[None]) -> None:
        app = pilot.app
        await pilot.press("7")
        await until(pilot, lambda: isinstance(app.screen, EventsScreen), "the events are on top")
        for key in ("4", "enter"):
            app.post_message(Key(key, None))
        await until(pilot, lambda: isinstance(app.screen, HostScreen), "the device is on top")

    drive(dashboard(fouled()), press)


def test_screens_that_were_left_are_let_go() -> None:
    """However often screens are visited, nothing of them and of their line of keys stays in memory."""

    async def press(pilot: Pilot[None]) -> None:
        app = pilot.app
        for _ in range(4):
            await pilot.press("4", "enter", "7", "0")
            await until(pilot, lambda: isinstance(app.screen, Overview), "the overview is back")

        def let_go() -> bool:  # what is being taken down is still held by that
            gc.collect()
            return not any(isinstance(o, Widget) and o.app is app and not o.is_attached for o in gc.get_objects())

        await until(pilot, let_go, "nothing of them is left")

    drive(dashboard(fouled()), press)


def test_palette_offers_places_models_and_findings_and_can_be_left() -> None:
    """Typed letters narrow what is offered; arrows choose; esc does nothing else; nothing that fits stays open."""

    async def press(pilot: Pilot[None]) -> None:
        app = pilot.app
        await pilot.press(":")
        await until(pilot, lambda: isinstance(app.screen, CommandScreen), "it is open")
        assert "what happened on the device" in screen_text(pilot)
        await pilot.press(*"theme l")
        await pilot.press("enter")
        await until(pilot, lambda: app.theme == "driftline-light", "the theme changed")
        await pilot.press(":", *"theme", "down", "down", "enter")
        await until(pilot, lambda: app.theme == "driftline-16", "the third of them was taken")
        await pilot.press(":", *"nothing of that name", "enter")
        assert isinstance(app.screen, CommandScreen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview), "it is closed")

    drive(dashboard(fouled()), press)


def test_palette_answers_while_the_agent_is_away() -> None:
    """Help and colours are reached without an agent."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press(":", *"help", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen), "the help is there")

    drive(dashboard("no agent is running here"), press)


def test_events_tell_the_stored_history_and_lead_to_what_they_tell_of() -> None:
    """All that is stored is in the list; enter opens the finding of an event, or else its stream."""

    async def press(pilot: Pilot[None]) -> None:
        app = pilot.app
        await pilot.press("7")
        await until(pilot, lambda: "1 of 203" in screen_text(pilot), "the stored events are there")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, FindingScreen), "the finding is open")
        await pilot.press("escape", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, StreamScreen), "the stream is open")

    drive(dashboard(fouled()), press)


def test_new_event_is_asked_for_at_once_and_the_cursor_stays() -> None:
    """An event that the status brings is in the list, above the one that was chosen."""
    app = dashboard(calm())

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("7", "down")
        records = app.screen.query_one(Records)
        held = records.key
        news = EventLine(NOW, "meter-reader: service pid 4242 went away")
        source_of(app).answer = replace(calm(), events=(news, *calm().events))
        app._feed.ask_now()
        await until(pilot, lambda: len(records.keys) == 204, "it is there")
        assert (records.key, records.cursor) == (held, 2)

    drive(app, press)


def test_an_event_leads_to_its_finding_though_its_sentence_has_ripened() -> None:
    """What was told at the opening had other figures; another model's, or another moment's, is another's."""
    found = fouling()
    record = Record("k", found.opened, f"{found.stream.model}: open: critical: contrast fell from 0.281 to 0.235")
    assert finding_of(record, [found]) == found
    assert finding_of(record._replace(text=f"x{record.text}"), [found]) is None
    assert finding_of(record._replace(time=found.opened + timedelta(minutes=1)), [found]) is None


def test_same_event_twice_in_a_second_is_shown_twice() -> None:
    """Each has a key of its own, which newer ones do not change."""
    twice = [EventLine(NOW, "link lost")] * 2
    old = [record.key for record in event_records(twice)]
    assert len(set(old)) == 2
    assert [record.key for record in event_records([EventLine(NOW, "link lost"), *twice])][1:] == old


def test_log_stays_at_its_end_until_someone_looks_back() -> None:
    """New lines are followed while the cursor is on the last; a cursor further up stays on its line."""

    class Logging(FakeSource):
        lines = 50

        def log(self, after: int = 0) -> list[LogLine]:
            of = range(after + 1, self.lines + 1)
            return [LogLine(number=n, time=NOW, level="INFO", part="buffer", text=f"line {n}") for n in of]

    source = Logging(calm())
    app = Dashboard(source, 3600.0)

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("8")
        await until(pilot, lambda: "50 of 50" in screen_text(pilot), "the lines are there")
        screen = app.screen
        assert isinstance(screen, LogScreen)
        assert "enter" not in {key.key for key in screen.query_one(KeyLine).keys}
        source.lines = 1040
        screen.ask()
        await until(pilot, lambda: "1000 of 1,000" in screen_text(pilot), "it is at the end, and keeps a thousand")
        await pilot.press("home")
        assert screen.query_one(Records).key == "41"
        source.lines = 1050
        screen.ask()
        await until(pilot, lambda: "line 60" in screen_text(pilot), "the oldest went")
        records = screen.query_one(Records)
        assert (records.cursor, len(records.keys)) == (0, 1000)
        await pilot.press("end", "home", "down")
        held, source.lines = records.key, 1051
        screen.ask()
        await until(pilot, lambda: records.records[-1].key == "1051", "one more came")
        assert (records.key, records.cursor) == (held, 0)

    drive(app, press)


def test_log_of_a_restarted_agent_is_read_from_its_start() -> None:
    """Another agent counts its lines anew; those of the old one go."""
    app = dashboard(calm())

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("8")
        await until(pilot, lambda: "4 of 4" in screen_text(pilot), "the lines are there")
        screen = app.screen
        assert isinstance(screen, LogScreen)
        restarted: Status = replace(calm(), agent=replace(calm().agent, started=NOW, ready_s=7.7))
        source_of(app).answer = restarted
        app._feed.ask_now()
        await until(pilot, lambda: app.view.status is restarted, "the other agent answers")
        screen.ask()
        await until(pilot, lambda: "ready in 7.7 s" in screen_text(pilot), "its lines are there")
        assert "ready in 0.9 s" not in screen_text(pilot)
        assert len(screen.query_one(Records).keys) == 4

    drive(app, press)


def test_device_panel_says_first_what_is_wrong_with_it() -> None:
    """Throttled and short of power come before the gauges; power, battery and wear are there."""

    async def look(pilot: Pilot[None]) -> None:
        text = screen_text(pilot)
        for said in (
            "cpu throttled yes (61% of its clock)", "failed under-voltage", "power 9.4 W", "battery", "84 °C",
            "30% or more of its life left", "38 MB of 268 MB in 24 h",
        ):  # fmt: skip
            assert said in text
        assert text.index("cpu throttled") < text.index("cpu █")

    drive(dashboard(linked()), look, WIDE)


def test_device_screen_shows_every_reading_with_its_course() -> None:
    """By kind, with units; what the agent does not know the name of is under "more"; graphs grow with each answer."""
    app = dashboard(linked())

    async def press(pilot: Pilot[None]) -> None:
        for _ in range(3):
            view = app.view
            app._feed.ask_now()
            await until(pilot, lambda view=view: app.view is not view, "the next answer is shown")  # type: ignore[misc]
        await pilot.press("4", "enter")
        await until_drawn(pilot)
        text = screen_text(pilot)
        for said in ("under-voltage: failed", "1.10 GHz", "9.4 W", "4.72 V", "2,900 rpm", "vendor.door.open", "62%"):
            assert said in text
        line = next(line for line in text.splitlines() if line.startswith(" board"))
        assert line.endswith("72 °C        ▄▄▄▄")

    drive(app, press, (140, 60))


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (calm, "no destination: everything stays on this device; 42 MB are kept"),
        (unlinked, "no destination: 2 finding reports and 1,560 minutes (about 520 kB) kept here"),
        (linked, "lab          NEEDS YOU    for 3 min: not authorised"),
    ],
)
def test_link_panel_says_how_it_stands(case: Callable[[], Status], said: str) -> None:
    """The worst destination comes first; where there is none, what is kept here is said."""

    async def look(pilot: Pilot[None]) -> None:
        assert said in screen_text(pilot)

    drive(dashboard(case()), look)


def test_link_screen_says_what_would_wait_where_nothing_is_sent() -> None:
    """How much, since when, and what can be done about it."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("6", "enter")
        await until_drawn(pilot)
        text = screen_text(pilot)
        assert " to send " in text
        assert "1,560 minutes of summaries since" in text
        assert "(about 520 kB) and 2 finding reports" in " ".join(text.split())
        assert "[[destination]]" in text

    drive(dashboard(unlinked()), press, (100, 24))


def test_link_screen_says_what_waits_was_refused_and_left() -> None:
    """Each destination with its trouble and its backlog, the refused parcels with the reason, and the day's ledger."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("6", "enter")
        await until(pilot, lambda: "11 of 12 parcels accepted" in screen_text(pilot), "the ledger is there")
        text = screen_text(pilot)
        for said in (
            "CONNECTED", "NOT REACHED", "for 26 h: no route to host; it is tried again by itself",
            "1,560 minutes of summaries since 2026-03-13 12:03:22", "it takes a person to mend this",
            "5 min of meter-reader until 12:01 UTC: payload too large", "1,204 parcels accepted",
        ):  # fmt: skip
            assert said in " ".join(text.split())

    drive(dashboard(linked()), press, (140, 60))


def test_two_hundred_streams_are_in_the_palette() -> None:
    """A model is reached by a few letters of its name among hundreds."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press(":", *"line-177", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, StreamScreen), "the stream is open")
        await until_drawn(pilot)
        assert "line-177" in screen_text(pilot)

    drive(dashboard(many()), press)


def test_events_of_a_device_without_any_say_so() -> None:
    """An empty history is said in words."""

    async def press(pilot: Pilot[None]) -> None:
        source_of(app).answer = replace(empty(), events=())
        app._feed.ask_now()
        await pilot.press("7")
        await until(pilot, lambda: "nothing has happened yet" in screen_text(pilot), "it is said")

    app = dashboard(replace(empty(), events=()))
    drive(app, press)
