"""The frame of the screens that show one thing: the device's line, a page, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.header import Header
from tui.key_line import KeyLine
from tui.viewing import Viewing

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui.lined import Page


class Detail(Viewing):
    """Base of the detail screens; a subclass gives the page."""

    DEFAULT_CSS = "Detail Page { height: 1fr; }"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,backspace", "app.pop_screen", "back", key_display="esc")]

    def page(self) -> Page:
        """Make the page."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        yield Header()
        yield self.page()
        yield KeyLine()
