from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.model import AccuracyEstimate
from tests.tui.driving import NARROW, WIDE, dashboard, drive, screen_text, source_of, until, until_drawn
from tests.tui.fake_cases import calm, fouled, learning
from tests.tui.fake_stream import CAMERA, stream
from tui.finding_screen import FindingScreen
from tui.label_screen import LabelScreen
from tui.stream_parts import About, Brief, Classes
from tui.stream_screen import StreamScreen
from tui.stream_signals import SignalList, SignalShape
from tui.stream_time import TimePanel
from tui.stream_versions import Compared, VersionList

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.widget import Widget

    from tui.app import Dashboard


async def _open(pilot: Pilot[None], *keys: str) -> StreamScreen:
    await pilot.press("enter")
    await until_drawn(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, StreamScreen)
    await until(pilot, lambda: screen.answer is not None, "the agent answered")
    await pilot.press(*keys)
    await pilot.pause()
    return screen


def test_small_terminal_shows_one_turn_at_a_time() -> None:
    """At 80 by 24 a number key gives its part the screen, and the focus."""
    turns: list[tuple[str, type[Widget], set[type[Widget]]]] = [
        ("3", TimePanel, {TimePanel}),
        ("4", Classes, {Classes}),
        ("5", VersionList, {VersionList, Compared}),
        ("6", About, {About}),
        ("2", SignalShape, {SignalList, SignalShape}),
        ("1", SignalList, {SignalList, SignalShape}),
    ]

    async def press(pilot: Pilot[None]) -> None:
        screen = await _open(pilot)
        for key, part, shown in turns:
            await pilot.press(key)
            await pilot.pause()
            assert isinstance(pilot.app.focused, part)
            parts = (SignalList, SignalShape, TimePanel, Classes, VersionList, Compared, About)
            assert {kind for kind in parts if screen.query_one(kind).size.height} == shown

    drive(dashboard(fouled()), press, NARROW)


def test_click_on_a_name_gives_its_part_the_turn() -> None:
    """The names of the parts can be clicked."""

    async def click(pilot: Pilot[None]) -> None:
        screen = await _open(pilot)
        brief = screen.query_one(Brief)
        line = brief.size.height - 1
        text = "".join(part for part, _ in brief.shown[line])
        for name, part in (("versions", VersionList), ("time", TimePanel), ("signals", SignalList)):
            await pilot.click(Brief, offset=(text.index(name), line))
            await pilot.pause()
            assert isinstance(pilot.app.focused, part)

    drive(dashboard(fouled()), click)


def test_large_terminal_shows_all_parts_at_once() -> None:
    """At 140 by 45 everything stands side by side, and a number key only moves the focus."""

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot, "5")
        assert isinstance(pilot.app.focused, VersionList)
        text = screen_text(pilot)
        for title in ("1 signals", "2 sharpness", "3 the last 5 minutes", "4 predicted classes", "5 versions"):
            assert title in text
        for expected in ("how long inferences took", "█ both", "74% to 94%"):
            assert expected in text
        for expected in ("side by side", "RUNS", "606060606060", "tflite-runtime", "-44%", "5.8 ms"):
            assert expected in text

    drive(dashboard(fouled()), press, WIDE)


def test_resizing_goes_from_one_to_the_other() -> None:
    """A terminal that is made smaller shows the turn that was chosen; larger again, all of it."""

    async def press(pilot: Pilot[None]) -> None:
        screen = await _open(pilot)
        await pilot.resize_terminal(*NARROW)
        await pilot.pause()
        assert not screen.query_one(TimePanel).display
        await pilot.resize_terminal(*WIDE)
        await pilot.pause()
        assert screen.query_one(TimePanel).display

    drive(dashboard(fouled()), press, WIDE)


def test_zoom_walks_the_spans_both_ways() -> None:
    """Z and minus show a longer span, plus a shorter one, and the agent is asked for it."""

    async def press(pilot: Pilot[None]) -> None:
        screen = await _open(pilot, "3")
        seen = []
        for key in ("z", "z", "minus", "z", "plus", "plus"):
            await pilot.press(key)
            await until(pilot, lambda: not screen.asking, "the span is there")
            seen.append(getattr(screen.answer, "zoom", None))
        assert seen == ["1h", "24h", "7d", "5m", "7d", "24h"]

    drive(dashboard(fouled()), press)


def test_first_span_shows_how_the_finding_came_about() -> None:
    """With a finding of two minutes ago five minutes are shown; without one, an hour."""
    zooms = []

    async def look(pilot: Pilot[None]) -> None:
        screen = await _open(pilot)
        zooms.append(getattr(screen.answer, "zoom", None))

    drive(dashboard(fouled()), look)
    drive(dashboard(calm()), look)
    assert zooms == ["5m", "1h"]


def test_histogram_follows_the_cursor_on_the_signals() -> None:
    """The selected signal is drawn; enter goes to its drawing."""

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        assert "2 sharpness: reference against now" in screen_text(pilot)
        await pilot.press("down", "down")
        await pilot.pause()
        assert "2 entropy: reference against now" in screen_text(pilot)
        await pilot.press("enter")
        assert isinstance(pilot.app.focused, SignalShape)

    drive(dashboard(fouled()), press)


def test_stream_that_learns_says_how_far_it_is() -> None:
    """Before there is a reference the parts say so instead of showing nothing."""

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        text = screen_text(pilot)
        assert "learning: 340 of 1,000 inferences" in text
        assert "they are judged once the reference is learned" in text

    drive(dashboard(learning()), press)


def test_service_that_starts_anew_stays_on_its_page() -> None:
    """The same model in another process is the same page, not a stream that is gone."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        again = stream(replace(CAMERA, pid=5001), "ok", rate=55.0)
        source_of(app).answer = replace(fouled(), streams=(again,), findings=())
        app._feed.ask_now()
        await until(pilot, lambda: "55/s" in screen_text(pilot), "the new process is shown")
        assert "(gone)" not in screen_text(pilot)

    drive(app, press)


def test_f_opens_the_finding_and_l_the_answers() -> None:
    """From a stream one key leads to its worst finding, one to judging its answers; esc comes back."""

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot, "f")
        assert isinstance(pilot.app.screen, FindingScreen)
        await pilot.press("escape", "l")
        assert isinstance(pilot.app.screen, LabelScreen)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, StreamScreen)

    drive(dashboard(fouled()), press)


def test_estimate_that_does_not_hold_is_no_figure() -> None:
    """An estimated accuracy that is void is said to be unknown, with the reason, and without any figure."""
    void = AccuracyEstimate(
        rows=500, estimate=0.91, low=0.88, high=0.94, calibrated=True, valid=False, reason="inputs differ"
    )
    app: Dashboard = dashboard(replace(fouled(), streams=(stream(state="critical", accuracy=void),)))

    async def look(pilot: Pilot[None]) -> None:
        await _open(pilot)
        text = screen_text(pilot)
        assert "estimated accuracy not known: inputs differ" in text
        assert "91%" not in text

    drive(app, look)
