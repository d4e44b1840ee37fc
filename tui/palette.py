"""The dashboard's colours, in one place: themes for dark, light and 16-colour terminals, and a style for each tone.

Every meaning that a colour carries is also a word or a mark on the screen, so NO_COLOR loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.style import Style
from textual.theme import Theme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.spans import Tone

_GRAPH_MARKS = frozenset("▁▂▃▄▅▆▇█▓░")
DARK, LIGHT, SIXTEEN = "driftline-dark", "driftline-light", "driftline-16"


# Textual's own sheets ask for these where a theme keeps the terminal's colours.
_ANSI_VARIABLES = {
    "ansi-background": "ansi_black",
    "ansi-foreground": "ansi_white",
    "border-blurred": "ansi_black",
    "block-cursor-foreground": "ansi_black",
    "block-cursor-background": "ansi_white",
    "input-cursor-background": "ansi_white",
    "input-cursor-foreground": "ansi_black",
    "input-cursor-text-style": "none",
    "input-selection-background": "ansi_blue",
    "input-selection-foreground": "ansi_white",
    "screen-selection-background": "ansi_blue",
    "screen-selection-foreground": "ansi_white",
}


def _theme(name: str, colours: Mapping[str, str], *, dark: bool = True, ansi: bool = False) -> Theme:
    background = colours["background"]
    return Theme(
        name=name,
        dark=dark,
        ansi=ansi,
        primary=colours["accent"],
        secondary=colours["learning"],
        warning=colours["warning"],
        error=colours["critical"],
        success=colours["ok"],
        accent=colours["accent"],
        foreground=colours["plain"],
        background=background,
        surface=background,
        panel=background if ansi else colours["cursor"],
        variables=_ANSI_VARIABLES if ansi else {},
    )


def _styles(colours: Mapping[str, str], *, reverse_blocks: bool = False) -> dict[str, Style]:
    background = None if colours["background"] == "ansi_default" else colours["background"]

    def rich(name: str) -> str:
        return name.removeprefix("ansi_")

    def style(name: str, *, bold: bool = False) -> Style:
        return Style(color=rich(colours[name]), bgcolor=background, bold=bold or None)

    def block(name: str) -> Style:
        if reverse_blocks:  # survives NO_COLOR, where a background colour would not
            return Style(color=rich(colours[name]), bold=True, reverse=True)
        return Style(color=colours["on-block"], bgcolor=colours[name], bold=True)

    states = ("ok", "learning", "warning", "critical", "waiting")
    return {
        "plain": style("plain"),
        "strong": style("plain", bold=True),
        "quiet": style("quiet"),
        "rule": style("rule"),
        "accent": style("accent"),
        "key": style("accent", bold=True),
        **{state: style(state, bold=state == "critical") for state in states},
        **{f"{state}-block": block(state) for state in states},
        "cursor": Style(reverse=True) if reverse_blocks else Style(bgcolor=colours["cursor"]),
    }


_DARK_COLOURS = {
    "background": "#0f141a", "cursor": "#22303c", "on-block": "#0f141a", "plain": "#d5dce4", "quiet": "#8492a0",
    "rule": "#33424f", "accent": "#62c8dc", "ok": "#7fd38a", "learning": "#79b8ff", "warning": "#f0b452",
    "critical": "#ff7070", "waiting": "#a3adb8",
}  # fmt: skip
_LIGHT_COLOURS = {
    "background": "#fbfbf8", "cursor": "#dfe8ec", "on-block": "#ffffff", "plain": "#1f272e", "quiet": "#5d6a75",
    "rule": "#b8c2c9", "accent": "#00687c", "ok": "#1f7a33", "learning": "#1f5fbf", "warning": "#955a00",
    "critical": "#b3202c", "waiting": "#56626d",
}  # fmt: skip
_ANSI_COLOURS = {
    "background": "ansi_default", "cursor": "ansi_default", "plain": "ansi_default", "quiet": "ansi_default",
    "rule": "ansi_blue", "accent": "ansi_cyan", "ok": "ansi_green", "learning": "ansi_cyan", "warning": "ansi_yellow",
    "critical": "ansi_red", "waiting": "ansi_default",
}  # fmt: skip

THEMES = (
    _theme(DARK, _DARK_COLOURS),
    _theme(LIGHT, _LIGHT_COLOURS, dark=False),
    _theme(SIXTEEN, _ANSI_COLOURS, ansi=True),
)
_STYLES = {
    DARK: _styles(_DARK_COLOURS),
    LIGHT: _styles(_LIGHT_COLOURS),
    SIXTEEN: _styles(_ANSI_COLOURS, reverse_blocks=True),
}


def style(theme: str, tone: Tone, *, muted: bool = False) -> Style:
    """Give the style of a tone; `muted` greys everything, for data that is out of date."""
    styles = _STYLES[theme]
    if muted and not tone.endswith("-block"):
        return styles["rule" if tone == "rule" else "quiet"]
    return styles["waiting-block" if muted else tone]


def with_cursor(theme: str, text: str, under: Style) -> Style:
    """Give the style of a text in the selected row; graphs are not reversed, a full gauge would look empty."""
    over = _STYLES[theme]["cursor"]
    return under if over.reverse and not _GRAPH_MARKS.isdisjoint(text) else under + over
