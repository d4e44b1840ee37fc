from __future__ import annotations

from typing import TYPE_CHECKING

from rich.color import ColorType

from tests.tui.driving import dashboard, drive, screen_text, until_drawn
from tests.tui.fake_cases import CASES, fouled
from tests.tui.fake_link import linked
from tui import palette
from tui.graphs import console_text

if TYPE_CHECKING:
    import pytest
    from rich.color import Color
    from textual.pilot import Pilot

# What the font of a Linux console has (code page 437), besides ASCII.
_CONSOLE_FONT = set("─│┌┐└┘█▄░▓►◄√↑↓°µ·")


def _colours(pilot: Pilot[None]) -> set[Color]:
    app = pilot.app
    found = set()
    for strip in app.screen._compositor.render_strips():
        for filter_ in app._filters:
            if filter_.enabled:
                strip = strip.apply_filter(filter_, app.screen.background_colors[0])  # noqa: PLW2901  # one after another
        for segment in strip:
            if segment.style is not None:
                found |= {c for c in (segment.style.color, segment.style.bgcolor) if c is not None}
    return found


def test_no_color_sends_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR set every cell has the terminal's own colours, and the words still say it all."""
    monkeypatch.setenv("NO_COLOR", "1")

    async def look(pilot: Pilot[None]) -> None:
        assert {c.type for c in _colours(pilot)} <= {ColorType.DEFAULT}
        assert "CRITICAL" in screen_text(pilot)

    drive(dashboard(fouled()), look)


def test_sixteen_colour_terminal_gets_its_own_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal of 8 or 16 colours no other colour is asked for."""
    monkeypatch.setenv("TERM", "linux")
    monkeypatch.delenv("COLORTERM")

    async def look(pilot: Pilot[None]) -> None:
        assert pilot.app.theme == palette.SIXTEEN
        assert {c.type for c in _colours(pilot)} <= {ColorType.DEFAULT, ColorType.STANDARD}

    drive(dashboard(fouled()), look)


def test_linux_console_shows_only_what_its_font_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the console no mark is asked for that its font lacks."""
    monkeypatch.setenv("TERM", "linux")
    monkeypatch.delenv("COLORTERM")
    walks: dict[str, tuple[str, ...]] = {
        "fouled": ("enter", "3", "4", "5", "6", "l", "escape", "f"), "slow": ("enter", "3"), "many": (),
        "linked": ("4", "enter", "6", "enter", "7", "8", ":"),
    }  # fmt: skip
    for case, keys in walks.items():

        async def look(pilot: Pilot[None], keys: tuple[str, ...] = keys) -> None:
            for key in ("", *keys):
                if key:
                    await pilot.press(key)
                    await until_drawn(pilot)
                assert {c for c in screen_text(pilot) if not c.isascii()} <= _CONSOLE_FONT, key

        drive(dashboard((CASES | {"linked": linked})[case]()), look)
    assert console_text("▁▂▃▄▅▆▇█…▸◂✓") == "___▄▄▄██~►◄√"
