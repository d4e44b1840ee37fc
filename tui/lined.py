"""A widget made of lines of spans: it draws what can be seen, and sends to the terminal only the lines that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui import palette
from tui.graphs import console_text
from tui.spans import clean

if TYPE_CHECKING:
    from textual import events

    from tui.spans import Line
    from tui.view import View


class Lined(Widget):
    """Base of every part of the screens.

    A subclass says with `draw` which lines to show, at most `height`, and is handed news with `show`. It does no I/O.
    """

    DEFAULT_CSS = "Lined { height: auto; }"

    view: View | None = None

    class Mounted(Message):
        """A part is there, and wants to know what to show."""

        def __init__(self, part: Lined) -> None:
            super().__init__()
            self.part = part

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's own name for it
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._selected: int | None = None

    def draw(self, width: int, height: int) -> list[Line]:
        """Return the lines to show."""
        raise NotImplementedError

    @property
    def shown(self) -> list[Line]:
        """The lines on the screen."""
        return self._lines

    def whole(self, width: int) -> list[Line]:
        """Return all lines, also those that do not fit on the screen."""
        return self.draw(width, 10_000)

    def selected_line(self) -> int | None:
        """Return the line over which the cursor lies."""
        return None

    def wanted_height(self, width: int) -> int:
        """Return how many lines there would be with room for all."""
        return len(self.draw(width, 10_000))

    def get_content_height(self, container: object, viewport: object, width: int) -> int:  # noqa: ARG002
        """Tell the layout how high this would like to be."""
        return self.wanted_height(width)

    def show(self, view: View) -> None:
        """Take news in and draw what changed."""
        before = self.wanted_height(self.size.width) if self.is_mounted and self.styles.is_auto_height else None
        muting = self.view is not None and self.view.muted != view.muted
        self.view = view
        self.take(view)
        if before is not None and before != self.wanted_height(self.size.width):
            self.refresh(layout=True)
        self.redraw(everything=muting)

    def take(self, view: View) -> None:
        """Keep what is needed of the news, before anything is drawn."""

    def redraw(self, *, everything: bool = False) -> None:
        """Draw again; only lines that differ are sent to the terminal."""
        width, height = self.size
        if self.view is None or not width:
            return
        old, old_selected = self._lines, self._selected
        self._lines = self.draw(width, height)[:height]
        self._selected = self.selected_line()
        if everything or len(old) != len(self._lines):
            self.refresh()
            return
        moved = {old_selected, self._selected} if old_selected != self._selected else set()
        changed = [y for y, line in enumerate(self._lines) if line != old[y] or y in moved]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def on_mount(self) -> None:
        """Ask for what there is to show; an answer may have come before this part was there."""
        self.post_message(self.Mounted(self))

    def on_resize(self, _event: events.Resize) -> None:
        """Fill the new size."""
        self.redraw(everything=True)

    def render_line(self, y: int) -> Strip:
        """Render one line; nothing reaches the terminal that was not cleaned."""
        width, theme = self.size.width, self.app.theme
        muted = self.view is not None and self.view.muted
        base = palette.style(theme, "plain")
        if y >= len(self._lines):
            return Strip.blank(width, base)
        on_console = self.view is not None and self.view.console
        segments = []
        for text, tone in self._lines[y]:
            cleaned = clean(text)
            segments.append(
                Segment(console_text(cleaned) if on_console else cleaned, palette.style(theme, tone, muted=muted))
            )
        strip = Strip(segments).adjust_cell_length(width, base)
        if y == self._selected and self.has_focus:
            strip = Strip([Segment(text, palette.with_cursor(theme, text, shade or base)) for text, shade, _ in strip])
        return strip

    def on_focus(self) -> None:
        """Show where the cursor is."""
        self.redraw(everything=True)

    def on_blur(self) -> None:
        """Show that the cursor is elsewhere."""
        self.redraw(everything=True)


class Page(Lined, can_focus=True):
    """Lines that are read: they scroll when there are more than fit, and the first line stays and says so."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_by(-1)", show=False),
        Binding("down,j", "scroll_by(1)", show=False),
        Binding("pageup", "scroll_by(-10)", show=False),
        Binding("pagedown,space", "scroll_by(10)", show=False),
        Binding("home", "scroll_by(-10000)", show=False),
        Binding("end", "scroll_by(10000)", show=False),
    ]

    top = 0

    def head(self, width: int, note: str) -> Line:
        """Return the line that stays; `note` says where in the page the reader is."""
        raise NotImplementedError

    def body(self, width: int) -> list[Line]:
        """Return all lines below the first."""
        raise NotImplementedError

    def whole(self, width: int) -> list[Line]:
        """Return the page from its first line to its last."""
        return [self.head(width, ""), *self.body(width)]

    def draw(self, width: int, height: int) -> list[Line]:
        """Return the part that can be seen."""
        lines = self.body(width)
        room = height - 1
        self.top = max(0, min(self.top, len(lines) - room))
        seen = lines[self.top : self.top + room]
        note = f"{self.top + 1}-{self.top + len(seen)} of {len(lines)} ↑↓" if len(seen) < len(lines) else ""
        return [self.head(width, note), *seen]

    def action_scroll_by(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.top += lines
        self.redraw()

    def on_mouse_scroll_down(self) -> None:
        """Scroll with the wheel."""
        self.action_scroll_by(3)

    def on_mouse_scroll_up(self) -> None:
        """Scroll with the wheel."""
        self.action_scroll_by(-3)
