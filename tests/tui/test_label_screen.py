from __future__ import annotations

from typing import TYPE_CHECKING

from agent.truth import LabelSummary
from tests.tui.driving import WIDE, dashboard, drive, screen_text, source_of, until, until_drawn
from tests.tui.fake_cases import fouled
from tests.tui.fake_source import FakeSource
from tests.tui.fake_stream import CAMERA
from tui.app import Dashboard
from tui.dialog import TextDialog
from tui.label_screen import AnswerList, LabelScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot


async def _open(pilot: Pilot[None]) -> LabelScreen:
    await pilot.press("enter")
    await until_drawn(pilot)
    await pilot.press("l")
    await until_drawn(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, LabelScreen)
    await until(pilot, lambda: bool(screen.query_one(AnswerList).keys), "the answers are there")
    return screen


def test_one_key_judges_and_the_cursor_goes_on() -> None:
    """R says right, W wrong; the agent is told in that order, the list says so, and the next answer is selected."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        screen = await _open(pilot)
        await pilot.press("down", "r", "w")
        await until(pilot, lambda: len(source_of(app).marked) == 2, "the agent is told")
        rows = screen.query_one(AnswerList)
        await until(pilot, lambda: "telling…" not in screen_text(pilot), "the agent took both")
        lines = screen_text(pilot).splitlines()
        assert ("✓ right" in lines[4], "x wrong" in lines[5], rows.cursor) == (True, True, 3)

    drive(app, press)
    ids = [f"{0x1F00 + at:016x}" for at in (1, 2)]
    assert source_of(app).marked == [(CAMERA.key, ids[0], True), (CAMERA.key, ids[1], False)]


def test_c_asks_for_the_right_answer_among_the_classes() -> None:
    """C takes one of the classes, says so where it is none, and labels the inference with it."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, TextDialog), "enter asks")
        await pilot.press("escape", "c")
        await until(pilot, lambda: isinstance(app.screen, TextDialog), "it asks")
        assert "The model said 3." in screen_text(pilot)
        await pilot.press("x", "enter")
        assert "x is none of them: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9" in screen_text(pilot)
        await pilot.press("backspace", "8", "enter")
        await until(pilot, lambda: bool(source_of(app).labelled), "the agent is told")
        await until(pilot, lambda: "x wrong, is 8" in screen_text(pilot), "the list says so")

    drive(app, press)
    assert source_of(app).labelled == [(f"{0x1F01:016x}", "8", "meter-reader")]


def test_what_cannot_be_judged_says_why() -> None:
    """An answer without an id, and an inference that failed, say why no key judges them."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        await pilot.press(*["down"] * 5, "r", *["down"] * 5, "w")
        said = [n.message for n in app._notifications]
        assert said == [
            "this inference failed: there is no answer to judge",
            "it has no id and cannot be labelled: see ids=True in the guide",
        ]

    drive(app, press)
    assert source_of(app).marked == []


def test_label_that_is_not_taken_is_no_label() -> None:
    """Where the agent refuses a label the list does not show it, and the reason is said."""

    class Refusing(FakeSource):
        def mark(self, stream_key: str, inference_id: str, *, right: bool) -> LabelSummary:  # noqa: ARG002  # all are
            return LabelSummary(refused=1, reasons=("it is of another model",))

    app = Dashboard(Refusing(fouled()), interval_seconds=3600.0)

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        await pilot.press("down", "w")
        await until(pilot, lambda: bool(app._notifications), "the refusal is said")
        said = [n.message for n in app._notifications]
        assert said == ["the answer of 2026-03-14 14:03:21 is not judged: it is of another model"]
        assert "x wrong" not in screen_text(pilot).splitlines()[4]

    drive(app, press)


def test_list_stands_still_until_the_newest_are_asked_for() -> None:
    """News of the agent do not move the list; U brings the newest answers, and what was judged is among them."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        screen = await _open(pilot)
        first = screen.answer
        app._feed.ask_now()
        await until(pilot, lambda: source_of(app).asked > 1, "the agent said something new")
        assert screen.answer is first
        await pilot.press("down", "r")
        await until(pilot, lambda: bool(source_of(app).marked), "the agent is told")
        await pilot.press("u")
        await until(pilot, lambda: screen.answer is not first, "the newest are there")
        rows = screen.query_one(AnswerList)
        assert rows.cursor == 0
        assert "✓ right" in screen_text(pilot).splitlines()[4]

    drive(app, press, WIDE)
