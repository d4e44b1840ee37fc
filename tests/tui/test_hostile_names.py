from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from agent.ports import AgentAwayError
from agent.status import DestinationStatus
from tests.tui.driving import NARROW, WIDE, dashboard, drive, screen_text, until, until_drawn
from tests.tui.fake_cases import HOSTILE, hostile
from tests.tui.fake_source import FakeSource
from tui.app import Dashboard
from tui.dialog import TextDialog
from tui.spans import cell_width, clean, cut, fit
from tui.text import render_findings, render_line, render_status

if TYPE_CHECKING:
    from textual.pilot import Pilot

VISIBLE = "evil[bold red]name[/] [link=http://x] end[@click=app.quit]q[/]"


def test_clean_removes_sequences_and_keeps_markup_as_text() -> None:
    """Escapes and control characters go, whole; square brackets are text."""
    assert clean(HOSTILE) == VISIBLE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[2Jb", "ab"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://x\x1b\\b", "ab"),
        ("a\x1bP1$r\x1b\\b", "ab"),
        ("a\x9b31mb", "ab"),
        ("a\x1bcb", "ab"),
        ("a\x1b", "a"),
        ("a\r\n\tb", "a   b"),
        ("a\x00\x7f\x08b", "ab"),
        ("a\u202eb\u200b\ufeffc", "abc"),
        ("a\u2028b\u00a0c", "a b c"),
        ("a\ud800b", "ab"),
        ("水位計", "水位計"),
    ],
)
def test_clean_cases(text: str, expected: str) -> None:
    """Each kind of what a terminal would obey is removed or made a space."""
    assert clean(text) == expected


_HOSTILE_LINK = DestinationStatus(name=HOSTILE, kind=HOSTILE, url=HOSTILE, trouble=HOSTILE, dead_letters=1, accepted=1)


@pytest.mark.parametrize("size", [NARROW, WIDE])
@pytest.mark.parametrize("keys", [(), ("enter",), ("enter", "5"), ("enter", "l"), ("2", "enter")])
def test_no_screen_obeys_a_name(keys: tuple[str, ...], size: tuple[int, int]) -> None:
    """Hostile names show as text on every screen: nothing to obey, no style, no link, no action."""

    async def press(pilot: Pilot[None]) -> None:
        await _obeys_no_name(pilot, keys)

    drive(dashboard(hostile()), press, size)


def test_no_screen_behind_the_overview_obeys_a_name() -> None:
    """Device, link, events, log, palette and a filter, one after another."""

    async def press(pilot: Pilot[None]) -> None:
        for keys in (("4", "enter", "end"), ("6", "enter"), ("7",), ("8",), ("0", "slash", *"evil", "enter")):
            await _obeys_no_name(pilot, keys)
        await _obeys_no_name(pilot, (":", *"evil"))

    drive(dashboard(replace(hostile(), destinations=(_HOSTILE_LINK,))), press)


async def _obeys_no_name(pilot: Pilot[None], keys: tuple[str, ...]) -> None:
    await pilot.press(*keys)
    await until_drawn(pilot)
    text = screen_text(pilot)
    assert all(char.isprintable() for line in text.splitlines() for char in line)
    assert "evil[" in text, keys
    strips = pilot.app.screen._compositor.render_strips()
    shown = [s for strip in strips for s in strip if "evil" in s.text]
    assert shown
    assert all(s.style is None or (s.style.link is None and not s.style.meta.get("@click")) for s in shown)


def test_note_prompt_and_messages_do_not_interpret_markup() -> None:
    """The question for a note, and what the agent's refusal says, show brackets as they are."""
    status = hostile()
    opened = replace(status, findings=tuple(replace(f, state="open") for f in status.findings))

    class Refusing(FakeSource):
        def acknowledge(self, finding_id: str, note: str) -> None:  # noqa: ARG002  # refused whatever they are
            raise AgentAwayError(HOSTILE)

    app = Dashboard(Refusing(opened), 3600.0)

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, TextDialog), "the note is asked for")
        assert "evil[bold red]name[/]" in screen_text(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: bool(app._notifications), "the refusal is said")
        said = [(n.message, n.markup) for n in app._notifications]
        assert said == [(f"not marked, the agent is away: {VISIBLE}", False)]

    drive(app, press)


@pytest.mark.parametrize("width", [60, 80, 132])
def test_plain_text_obeys_no_name_and_keeps_its_width(width: int) -> None:
    """Nothing but printable text and line ends comes out, and no line is wider than asked for."""
    status = hostile()
    for text in (render_status(status, width), render_findings(status.findings, width)):
        assert all(char.isprintable() for line in text.split("\n") for char in line)
        assert max(cell_width(line) for line in text.split("\n")) <= width
    line = render_line(status)
    assert line.isprintable()
    assert "\n" not in line


def test_wide_characters_take_two_cells() -> None:
    """Cutting and padding count cells, not characters."""
    assert fit("水位計カメラ", 8) == "水位計… "
    assert cell_width(fit("水位計カメラ", 8)) == 8
    assert cut("水位計", 6) == "水位計"
