"""A list with a cursor: any number of rows, of which only those that can be seen are drawn.

The cursor stays on its row's key when rows come, go and change places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from tui.lined import Lined

if TYPE_CHECKING:
    from textual import events

    from tui.spans import Line, Span
    from tui.view import View

_FAR = 1_000_000


class Rows(Lined, can_focus=True):
    """Base of the lists; a subclass gives `keys_of`, `head` and `row`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g", f"move(-{_FAR})", show=False),
        Binding("end,G", f"move({_FAR})", show=False),
        Binding("enter", "open", "open", key_display="enter"),
    ]

    class Opened(Message):
        """The row under the cursor is to be opened."""

        def __init__(self, rows: Rows, key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

    class Moved(Message):
        """The cursor is on another row."""

        def __init__(self, rows: Rows, key: str | None) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's own name for it
        super().__init__(id=id)
        self.keys: list[str] = []
        self.cursor = 0
        self._top = 0
        self._head_lines = 1

    def keys_of(self, view: View) -> list[str]:
        """Return one key a row, in order."""
        raise NotImplementedError

    def head(self, width: int, note: str) -> list[Line]:
        """Return the lines above the rows; `note` says where the cursor is."""
        raise NotImplementedError

    def row(self, index: int, width: int) -> Line:
        """Return one row."""
        raise NotImplementedError

    def nothing(self, width: int) -> list[Line]:
        """Return what is shown where there is no row."""
        raise NotImplementedError

    @property
    def key(self) -> str | None:
        """Key of the row under the cursor."""
        return self.keys[self.cursor] if self.keys else None

    def show(self, view: View) -> None:
        """Take news in; the cursor follows its row."""
        held = self.key
        if view.status is not None:
            self.keys = self.keys_of(view)
        if held is not None and held in self.keys:
            self.cursor = self.keys.index(held)
        self.cursor = max(0, min(self.cursor, len(self.keys) - 1))
        super().show(view)
        if self.key != held:
            self.post_message(self.Moved(self, self.key))

    def wanted_height(self, width: int) -> int:
        """Return the height with every row in sight."""
        if self.view is None:
            return 1
        return len(self.head(width, "")) + (len(self.keys) or len(self.nothing(width)))

    def draw(self, width: int, height: int) -> list[Line]:
        """Return head and the rows that can be seen."""
        note = f"{self.cursor + 1} of {len(self.keys):,}" if self.keys else ""
        head = self.head(width, note)
        self._head_lines = len(head)
        if not self.keys:
            return [*head, *self.nothing(width)]
        room = max(1, height - len(head))
        self._top = max(self.cursor - room + 1, min(self._top, self.cursor, max(0, len(self.keys) - room)))
        shown = range(self._top, min(self._top + room, len(self.keys)))
        return [*head, *((self._mark(i), *self.row(i, width - 1)) for i in shown)]

    def _mark(self, index: int) -> Span:
        return ("▸" if index == self.cursor else " ", "accent")

    def selected_line(self) -> int | None:
        """Return the cursor's line on the screen."""
        return self._head_lines + self.cursor - self._top if self.keys else None

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        if not self.keys:
            return
        held = self.cursor
        self.cursor = max(0, min(self.cursor + rows, len(self.keys) - 1))
        if self.cursor != held:
            self.redraw()
            self.post_message(self.Moved(self, self.key))

    def action_page(self, pages: int) -> None:
        """Move the cursor by what fits on the screen."""
        self.action_move(pages * max(1, self.size.height - self._head_lines))

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.key is not None:
            self.post_message(self.Opened(self, self.key))

    def on_mouse_scroll_down(self) -> None:
        """Move with the wheel."""
        self.action_move(1)

    def on_mouse_scroll_up(self) -> None:
        """Move with the wheel."""
        self.action_move(-1)

    def on_click(self, event: events.Click) -> None:
        """Go to the row that was clicked; a double click opens it."""
        index = self._top + event.y - self._head_lines
        if event.y >= self._head_lines and index < len(self.keys):
            self.action_move(index - self.cursor)
            if event.chain > 1:
                self.action_open()
