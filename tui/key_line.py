"""The last line of each screen: the keys that do something here, each of which can be clicked.

One widget that draws text: Textual's footer makes a widget of every key anew whenever the focus moves, which on a
small device costs more than all the rest of a screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tui import palette
from tui.spans import cell_width

if TYPE_CHECKING:
    from textual import events
    from textual.screen import Screen

    from tui.spans import Span


_KEPT = ("question_mark", "q")  # where there is not room for all: from help the others are found


class ShownKey(NamedTuple):
    """A key as it stands on the line."""

    key: str
    shown: str
    does: str

    @property
    def width(self) -> int:
        """The cells it takes, a blank on either side and between its two words."""
        return cell_width(self.shown) + cell_width(self.does) + 3


class KeyLine(Widget):
    """The keys of the screen it is on, and of what has the focus there."""

    DEFAULT_CSS = "KeyLine { dock: bottom; height: 1; pointer: pointer; }"

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self.keys: tuple[ShownKey, ...] = ()
        self._first = 0  # of those that are drawn: the wheel brings in sight what a narrow terminal cuts off
        self._under_mouse: ShownKey | None = None

    def on_mount(self) -> None:
        """Follow what the keys mean."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def _follow(self, screen: Screen[object]) -> None:
        if not self.app.app_focus:  # the terminal has lost the focus, and what had it here with it
            return
        shown: dict[str, ShownKey] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.show:  # several keys may do the same, of which the first is named
                key = ShownKey(binding.key, self.app.get_key_display(binding), binding.description)
                shown.setdefault(binding.action, key)
        keys = tuple(shown.values())
        if keys != self.keys:
            self.keys, self._first, self._under_mouse = keys, 0, None
            self.refresh()

    @property
    def drawn(self) -> list[ShownKey]:
        """The keys for which there is room, whole."""
        drawn = list(self.keys[self._first :])
        over = sum(key.width for key in drawn) - self.size.width
        for key in reversed(self.keys):
            if over > 0 and key in drawn and key.key not in _KEPT:
                drawn.remove(key)
                over -= key.width
        return drawn

    def render_line(self, y: int) -> Strip:  # noqa: ARG002  # there is one
        """Draw the keys, as many as there is room for."""
        theme = self.app.theme
        plain = palette.style(theme, "plain")
        segments = []
        for key in self.drawn:
            spans: tuple[Span, ...] = (f" {key.shown} ", "key"), (f"{key.does} ", "quiet")
            for text, tone in spans:
                style = palette.style(theme, tone)
                lit = palette.with_cursor(theme, text, style) if key == self._under_mouse else style
                segments.append(Segment(text, lit))
        return Strip(segments).adjust_cell_length(self.size.width, plain)

    def _key_at(self, x: int) -> ShownKey | None:
        for key in self.drawn:
            x -= key.width
            if x < 0:
                return key
        return None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Do what the key does."""
        key = self._key_at(event.x)
        if key is not None:
            self.app.simulate_key(key.key)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Light the key up that a click would press."""
        self._light(self._key_at(event.x))

    def on_leave(self) -> None:
        """Let it go dark."""
        self._light(None)

    def _light(self, key: ShownKey | None) -> None:
        if key != self._under_mouse:
            self._under_mouse = key
            self.refresh()

    def on_mouse_scroll_down(self) -> None:
        """Bring in sight what is cut off."""
        if len(self.drawn) < len(self.keys) - self._first:
            self._first += 1
            self.refresh()

    def on_mouse_scroll_up(self) -> None:
        """Go back."""
        if self._first:
            self._first -= 1
            self.refresh()
