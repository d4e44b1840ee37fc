"""The line of keys at the bottom of each screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tui.driving import NARROW, dashboard, drive, screen_text, until, until_drawn
from tests.tui.fake_cases import fouled
from tui import palette
from tui.help_screen import HelpScreen
from tui.key_line import KeyLine
from tui.overview import Overview
from tui.stream_screen import StreamScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot

_OVERVIEW = " enter open  a seen  ? help  : go to  / filter  e export  q quit  p pause"


def _line(pilot: Pilot[None]) -> str:
    return screen_text(pilot).splitlines()[-1]


def test_line_follows_screen_and_focus() -> None:
    """It names what has a name, each once, and changes where the keys do."""

    async def press(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert _line(pilot) == _OVERVIEW
        await pilot.press("slash", *"gauge", "enter")
        await until(pilot, lambda: "esc all rows" in _line(pilot), "the filter can be cleared")
        await pilot.press("escape")
        await until(pilot, lambda: _line(pilot) == _OVERVIEW, "there is none any more")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, StreamScreen), "the stream is open")
        await until_drawn(pilot)
        assert _line(pilot).startswith(" enter open  esc back  z zoom  f finding  l label  ? help")

    drive(dashboard(fouled()), press, NARROW)


def test_keys_for_which_there_is_no_room_are_left_out_whole() -> None:
    """Help, which names them all, and quit are there on the narrowest terminal; a click hits what is seen."""

    async def look(pilot: Pilot[None]) -> None:
        assert _line(pilot) == " enter open  a seen  ? help  q quit"
        assert await pilot.click(KeyLine, offset=(_line(pilot).index("q quit"), 0))
        await until(pilot, lambda: pilot.app._exit, "it closes")

    drive(dashboard(fouled()), look, (40, 24))


def test_click_presses_the_key_it_is_on() -> None:
    """From the blank before its name to the blank behind what it does; beyond the last key a click does nothing."""

    async def press(pilot: Pilot[None]) -> None:
        app = pilot.app
        for of in (" ? help ", "help ", " "):
            assert await pilot.click(KeyLine, offset=(_OVERVIEW.index(" ? help ") + " ? help ".index(of), 0))
            await until(pilot, lambda: isinstance(app.screen, HelpScreen), "the help is open")
            await until_drawn(pilot)
            assert await pilot.click(KeyLine, offset=(1, 0))
            await until(pilot, lambda: isinstance(app.screen, Overview), "esc was clicked")
        assert await pilot.click(KeyLine, offset=(NARROW[0] - 1, 0))
        await until_drawn(pilot)
        assert isinstance(app.screen, Overview)

    drive(dashboard(fouled()), press, NARROW)


def test_key_under_the_mouse_is_lit() -> None:
    """It alone, and only as long as the mouse is there."""

    def lit(pilot: Pilot[None]) -> str:
        line, theme = pilot.app.screen.query_one(KeyLine), pilot.app.theme
        under = palette.with_cursor(theme, "", palette.style(theme, "plain")).bgcolor
        (strip,) = line.render_lines(line.size.region)
        return "".join(text for text, style, _ in strip if style is not None and style.bgcolor == under)

    async def move(pilot: Pilot[None]) -> None:
        assert lit(pilot) == ""
        await pilot.hover(KeyLine, offset=(_OVERVIEW.index("help"), 0))
        assert lit(pilot) == " ? help "
        await pilot.hover(KeyLine, offset=(_OVERVIEW.index("quit"), 0))
        assert lit(pilot) == " q quit "
        await pilot.hover(offset=(3, 3))
        assert lit(pilot) == ""

    drive(dashboard(fouled()), move, NARROW)


def test_wheel_brings_in_sight_what_is_cut_off() -> None:
    """On a narrow terminal, a key a turn, until the last is seen; clicks hit what is seen."""

    async def turn(pilot: Pilot[None]) -> None:
        line = pilot.app.screen.query_one(KeyLine)
        assert _line(pilot) == " enter open  a seen  ? help  : go to  / filter  q quit"
        for _ in range(20):
            line.on_mouse_scroll_down()
        await pilot.pause()
        assert _line(pilot) == " ? help  : go to  / filter  e export  q quit  p pause"
        assert await pilot.click(KeyLine, offset=(1, 0))
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen), "the help is open")
        await pilot.press("escape")
        for _ in range(20):
            line.on_mouse_scroll_up()
        await pilot.pause()
        assert _line(pilot).startswith(" enter open  a seen")

    drive(dashboard(fouled()), turn, (60, 24))
