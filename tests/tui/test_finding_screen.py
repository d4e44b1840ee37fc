from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.ports import AgentRefusedError
from tests.tui import fake_answers
from tests.tui.driving import NARROW, WIDE, dashboard, drive, screen_text, source_of, until, until_drawn
from tests.tui.fake_cases import fouled, fouling, status
from tests.tui.fake_source import FakeSource
from tui.app import Dashboard
from tui.dialog import ChoiceDialog, TextDialog
from tui.finding_screen import FindingScreen
from tui.findings import Findings
from tui.key_line import KeyLine

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from agent.model import Verdict
    from agent.screen import Around


async def _open(pilot: Pilot[None]) -> FindingScreen:
    await pilot.press("2", "enter")
    await until_drawn(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, FindingScreen)
    await until(pilot, lambda: screen.answer is not None, "the agent answered")
    await pilot.pause()
    return screen


def test_page_tells_when_and_what_else_happened() -> None:
    """Onset and detection stand on a time line among the other events, and the rows show where it began."""

    async def look(pilot: Pilot[None]) -> None:
        await _open(pilot)
        text = screen_text(pilot)
        told = [
            "13:52:08 9 min before", "14:00:28 40 s before     this device: clock set by 0.8 s",
            "14:01:08                 IT BEGAN", "14:01:11 3 s after       NOTICED, after 307 inferences",
        ]  # fmt: skip
        places = [text.index(line) for line in told]
        assert places == sorted(places)
        assert text.index("14:01:07.640") < text.index("── it began ──") < text.index("14:01:08.010")

    drive(dashboard(fouled()), look, WIDE)


def test_numbers_lead_to_the_parts_of_the_page() -> None:
    """At 80 by 24 each number brings its part to the top of the screen."""

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        for key, title in (("2", "likely causes"), ("3", "when, and what else"), ("4", "signals"), ("1", "what")):
            await pilot.press(key)
            await pilot.pause()
            assert title in "\n".join(screen_text(pilot).splitlines()[2:4])

    drive(dashboard(fouled()), press, NARROW)


def test_s_snoozes_for_a_while() -> None:
    """S asks for how long, then for a note, and tells the agent."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        for key in "14":
            await pilot.press("s")
            await until(pilot, lambda: isinstance(app.screen, ChoiceDialog), "it asks for how long")
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, TextDialog), "it asks for a note")
            await pilot.press("x", "enter")
        await until(pilot, lambda: len(source_of(app).snoozed) == 2, "the agent is told")

    drive(app, press)
    assert source_of(app).snoozed == [("f-0007", hours * 3600.0, "x") for hours in (1, 168)]


def test_c_closes_with_what_it_was() -> None:
    """C asks whether it was real or a false alarm, then for a note, and tells the agent."""
    app = dashboard(fouled())
    said: list[str] = []

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        for key in "rf":
            await pilot.press("c")
            await until(pilot, lambda: isinstance(app.screen, ChoiceDialog), "it asks what it was")
            await pilot.press("x")  # no option
            assert isinstance(app.screen, ChoiceDialog)
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, TextDialog), "it asks for a note")
            await pilot.press("enter")
        await until(pilot, lambda: len(app._notifications) == 2, "what came of it is said")
        said.extend(n.message for n in app._notifications)

    drive(app, press)
    assert source_of(app).judged == [("f-0007", "real", ""), ("f-0007", "false alarm", "")]
    assert said == ["closed as real", "closed as false alarm"]


def test_esc_tells_the_agent_nothing() -> None:
    """Esc leaves each of the questions, and nothing is told."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        for keys in (("s", "1"), ("c",)):
            await pilot.press(*keys)
            await pilot.pause()
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, FindingScreen), "the finding is back")

    drive(app, press)
    assert (source_of(app).snoozed, source_of(app).judged) == ([], [])


def test_refusal_is_said_and_is_a_warning() -> None:
    """What the agent refuses is said with its reason."""

    class Refusing(FakeSource):
        def judge(self, finding_id: str, verdict: Verdict, note: str) -> None:  # noqa: ARG002  # refused whatever it is
            raise AgentRefusedError("you are not in the group driftline")

    app = Dashboard(Refusing(fouled()), interval_seconds=3600.0)

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        await pilot.press("c", "r", "enter")
        await until(pilot, lambda: bool(app._notifications), "the refusal is said")
        said = [(n.message, n.severity) for n in app._notifications]
        assert said == [("not closed: you are not in the group driftline", "warning")]

    drive(app, press)


def test_finding_that_closes_while_it_is_read_says_so() -> None:
    """The page stays, and its heading tells that the finding is closed."""
    app = dashboard(fouled())

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        source_of(app).answer = status("ok")
        app._feed.ask_now()
        await until(pilot, lambda: "(closed meanwhile)" in screen_text(pilot), "it says so")
        assert "dirty or fogged lens" in screen_text(pilot)

    drive(app, press)


def test_page_says_what_a_finding_was_closed_as() -> None:
    """Once it is closed the page asks what became of it, and says so; it can be judged anew."""

    class Closing(FakeSource):
        def judge(self, finding_id: str, verdict: Verdict, note: str) -> None:
            super().judge(finding_id, verdict, note)
            self.answer = status("ok")

        def around(self, finding_id: str) -> Around:
            found = fake_answers.around(fouled(), fouling())
            if not self.judged:
                return found
            _, verdict, note = self.judged[-1]
            return replace(
                found, finding=replace(found.finding, id=finding_id, state="closed", verdict=verdict, note=note)
            )

    app = Dashboard(Closing(fouled()), interval_seconds=3600.0)

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        await pilot.press("c", "f", *"rag", "enter")
        await until(pilot, lambda: "closed, judged false alarm" in screen_text(pilot), "the page says so")
        assert "note      rag" in screen_text(pilot)
        assert "(closed as false alarm)" in screen_text(pilot)
        keys = app.screen.query_one(KeyLine)
        await until(pilot, lambda: {"s", "a"}.isdisjoint(key.key for key in keys.keys), "neither seen nor snoozed")
        assert "c" in {key.key for key in keys.keys}

    drive(app, press)


def test_what_goes_on_though_it_was_closed_as_real_is_said() -> None:
    """The first line does not say that there is nothing, and the list says what goes on."""
    known = replace(fouling(), state="closed", verdict="real")

    async def look(pilot: Pilot[None]) -> None:
        text = screen_text(pilot)
        assert text.startswith(" WARNING   cam-07 · waterworks-3  1 stream, 1 closed as real, going on ")
        assert "▸GOES ON " in text
        assert "no findings" not in text
        await pilot.press("2", "enter")
        await until(pilot, lambda: "(closed as real, still going on)" in screen_text(pilot), "its page is opened")

    drive(dashboard(replace(status("warning"), known=(known,))), look)


def test_what_goes_on_is_listed_below_what_is_open() -> None:
    """What is open comes first, and hides nothing."""
    known = replace(fouling(), id="known", state="closed", verdict="real")

    async def look(pilot: Pilot[None]) -> None:
        rows = pilot.app.screen.query_one(Findings)
        await until(pilot, lambda: rows.keys == [fouling().id, "known"], "both are listed")

    drive(dashboard(replace(fouled(), known=(known,))), look)


def test_seen_finding_is_not_asked_about_again() -> None:
    """A finding that someone has seen says so instead of asking for a note."""
    app = dashboard(status("critical", findings=(fouling("acknowledged"),)))

    async def press(pilot: Pilot[None]) -> None:
        await _open(pilot)
        await pilot.press("a")
        assert [n.message for n in app._notifications] == ["it is marked as seen already"]

    drive(app, press)
