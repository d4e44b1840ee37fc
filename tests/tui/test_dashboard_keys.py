from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.driving import NARROW, WIDE, dashboard, drive, screen_text, source_of, until, until_drawn
from tests.tui.fake_cases import calm, empty, fouled, fouling, status
from tui import palette
from tui.app import Dashboard
from tui.dialog import TextDialog
from tui.finding_screen import FindingScreen
from tui.findings import FindingCard, Findings
from tui.help_screen import HelpScreen
from tui.host import Host
from tui.link_panel import Link
from tui.overview import Overview
from tui.signals_card import SignalsCard
from tui.stream_screen import StreamScreen
from tui.streams import Streams

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.widget import Widget


def test_overview_says_what_is_wrong_since_when_and_what_to_try() -> None:
    """At 80 by 24 the first screen answers the technician's questions without a key."""
    seen = []

    async def look(pilot: Pilot[None]) -> None:
        seen.append(screen_text(pilot))

    drive(dashboard(fouled()), look)
    for expected in (
        "CRITICAL", "cam-07", "waterworks-3", "14:03:22", "0.1.0", "meter-reader", "98/s", "3.2 ms", "9.8 ms", "74%",
        "shift: sharpness", "340 of 1,000", "calm", "cpu", "61 °C", "2 min", "clean the lens", "dirty or fogged lens",
    ):  # fmt: skip
        assert expected in seen[0]


def test_first_start_says_how_to_attach_a_model() -> None:
    """Without a stream the screen shows the three steps, whole, at 80 cells."""

    async def look(pilot: Pilot[None]) -> None:
        text = screen_text(pilot)
        assert "pip install driftline-probe" in text
        assert 'session = driftline.watch(session, model="name")' in text
        assert "as the same user as the agent, or in the group driftline" in text

    drive(dashboard(empty()), look)


@pytest.mark.parametrize(
    ("key", "panel"),
    [("1", Streams), ("2", Findings), ("3", FindingCard), ("4", Host), ("5", SignalsCard), ("6", Link)],
)
def test_number_goes_to_its_panel(key: str, panel: type[Widget]) -> None:
    """A number key focuses its panel."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press(key)
        assert isinstance(pilot.app.focused, panel)

    drive(dashboard(fouled()), press, WIDE)


def test_tab_walks_the_panels_that_are_there() -> None:
    """Tab goes round the panels; on a narrow terminal the signals are not among them."""

    async def press(pilot: Pilot[None]) -> None:
        walked = []
        for _ in range(6):
            walked.append(type(pilot.app.focused))
            await pilot.press("tab")
        assert walked == [Streams, Findings, FindingCard, Host, Link, Streams]

    drive(dashboard(fouled()), press, NARROW)


def test_enter_opens_the_stream_and_esc_comes_back() -> None:
    """Enter on a stream shows its signals by effect size, classes and identity; esc leaves."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await until_drawn(pilot)
        assert isinstance(pilot.app.screen, StreamScreen)
        text = screen_text(pilot)
        names = ["sharpness", "contrast", "entropy", "confidence", "margin", "brightness"]
        places = [text.index(f" {name} ") for name in names]
        assert places == sorted(places)
        for expected in ("41.2", "13.9", "3.1 sd", "ALARM", "median", "predicted classes", "9f86d081884c"):
            assert expected in text
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, Overview)

    drive(dashboard(fouled()), press, WIDE)


def test_detail_scrolls_and_says_where_it_is() -> None:
    """What does not fit is reached with the arrows, and the heading tells the place."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("2", "enter")
        await until_drawn(pilot)
        await until(pilot, lambda: "clock set" in screen_text(pilot), "the agent said what else happened")
        assert "has no id" not in screen_text(pilot)
        await pilot.press("end")
        await pilot.pause()
        assert "has no id" in screen_text(pilot)
        await pilot.press("home", "down")
        await pilot.pause()
        assert " 2-22 of " in screen_text(pilot)

    drive(dashboard(fouled()), press, NARROW)


def test_enter_opens_the_finding() -> None:
    """Enter on a finding shows onset, causes by weight with evidence, and its signals."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("2", "enter")
        await until_drawn(pilot)
        assert isinstance(pilot.app.screen, FindingScreen)
        text = screen_text(pilot)
        for expected in (
            "14:01:08",
            "3.0 s later",
            "after 307 inferences",
            "78%",
            "(sensor)",
            "14%",
            "brightness rose",
        ):
            assert expected in text
        assert text.index("dirty or fogged lens") < text.index("other scene or light")

    drive(dashboard(fouled()), press, WIDE)


@pytest.mark.parametrize("way", [("a",), ("2", "enter", "a")])
def test_a_acknowledges_with_a_note(way: tuple[str, ...]) -> None:
    """From the overview and from the finding, `a` asks for a note and tells the agent."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press(*way)
        await until(pilot, lambda: isinstance(app.screen, TextDialog), "the note is asked for")
        await pilot.press(*"on it", "enter")
        await until(pilot, lambda: bool(source_of(app).acknowledged), "the agent is told")

    drive(app, press)
    assert source_of(app).acknowledged == [("f-0007", "on it")]


def test_esc_leaves_the_finding_unseen() -> None:
    """Esc in the note's question tells the agent nothing."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, TextDialog), "the note is asked for")
        await pilot.press("x", "escape")
        await until(pilot, lambda: isinstance(app.screen, Overview), "the overview is back")

    drive(app, press)
    assert source_of(app).acknowledged == []


def test_acknowledging_a_finding_that_closed_meanwhile_is_said() -> None:
    """A finding that the agent closed in the meantime gives a message, not a failure."""
    app = dashboard(fouled())
    said: list[str] = []

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, TextDialog), "the note is asked for")
        source_of(app).answer = calm()
        await pilot.press("enter")
        await until(pilot, lambda: bool(app._notifications), "something is said")
        said.extend(n.message for n in app._notifications)

    drive(app, press)
    assert said == ["not marked: the finding is closed already"]


def test_acknowledged_finding_is_marked_as_seen() -> None:
    """A finding that someone saw carries the mark and its note."""

    async def look(pilot: Pilot[None]) -> None:
        text = screen_text(pilot)
        assert "CRITICAL ✓" in text
        assert "lens ordered" in text
        assert "1 seen" in text

    drive(dashboard(status("critical", findings=(fouling("acknowledged"),))), look)


def test_p_holds_the_screen_and_goes_on() -> None:
    """While paused, news do not change the screen; afterwards the newest is shown at once."""
    app = dashboard(calm())

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("p")
        source_of(app).answer = fouled()
        app._feed.ask_now()
        await until(pilot, lambda: source_of(app).asked > 1, "the agent is asked again")
        assert "PAUSED" in screen_text(pilot)
        assert "sharpness" not in screen_text(pilot)
        await pilot.press("p")
        await until(pilot, lambda: "shift: sharpness" in screen_text(pilot), "the newest is shown")
        assert "PAUSED" not in screen_text(pilot)

    drive(app, press)


def test_t_walks_the_themes() -> None:
    """T goes round dark, light and the terminal's own colours."""

    async def press(pilot: Pilot[None]) -> None:
        walked = [pilot.app.theme]
        for _ in range(3):
            await pilot.press("t")
            walked.append(pilot.app.theme)
        assert walked == [palette.DARK, palette.LIGHT, palette.SIXTEEN, palette.DARK]

    drive(dashboard(fouled()), press)


@pytest.mark.parametrize(("key", "asked"), [("a", "Seen: "), ("s", "Snooze: "), ("c", "Close: "), (":", " : ")])
@pytest.mark.parametrize("colours", ["all", "none"])
def test_a_question_leaves_what_it_is_about_in_sight(
    key: str, asked: str, colours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands over the screen, which goes on behind it; also without colours."""
    if colours == "none":
        monkeypatch.setenv("NO_COLOR", "1")

    async def press(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, Dashboard)
        await pilot.press("colon" if key == ":" else key)
        await until(pilot, lambda: asked in screen_text(pilot) and app.screen.is_modal, "it is asked")
        first, *_, last = screen_text(pilot).splitlines()
        assert (first.split()[0], last.split()[0]) == ("CRITICAL", "enter")
        source_of(app).answer = calm()
        app._feed.ask_now()
        await until(pilot, lambda: screen_text(pilot).startswith(" OK "), "news are shown behind it")

    drive(dashboard(fouled()), press)


def test_question_mark_explains_every_key() -> None:
    """The help names every key of the footer, and opens once."""

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("question_mark", "question_mark")
        await until_drawn(pilot)
        assert isinstance(pilot.app.screen, HelpScreen)
        text = screen_text(pilot)
        for _ in range(2):
            await pilot.press("pagedown")
            await until_drawn(pilot)
            text += "\n" + screen_text(pilot)
        for key in ("enter", "esc", "tab", *"0123456789"[:9], ":", "/", "a", "p", "t", "?", "q"):
            assert f"\n {key} " in text
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, Overview)

    drive(dashboard(fouled()), press)


def test_q_quits() -> None:
    """Q closes the dashboard from any screen."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("enter", "q")
        await until(pilot, lambda: app._exit, "it closes")

    drive(app, press)
    assert app.return_code == 0
