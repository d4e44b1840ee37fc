"""A list with a cursor: any number of rows, of which only those that can be seen are drawn.

The cursor stays on its row's key when rows come, go and change places. A filter leaves the rows that have every word
of it, in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from tui.lined import Lined
from tui.spans import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from tui.spans import Line, Span
    from tui.view import View

_FAR = 1_000_000
_WHOLE_ROW = 400  # cells at which a row says all it can, for a filter


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
        Binding("escape", "clear_filter", "all rows", key_display="esc"),
    ]

    LEAVING: ClassVar[str] = "esc shows all"  # said where a filter leaves no row

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
        self.filter = ""
        self._all: list[str] = []
        self._places: Sequence[int] = ()
        self._top = 0
        self._head_lines = 1

    def keys_of(self, view: View) -> list[str]:
        """Return one key a row, in order."""
        raise NotImplementedError

    def head(self, width: int, note: str) -> list[Line]:
        """Return the lines above the rows; `note` says where the cursor is."""
        raise NotImplementedError

    def row(self, index: int, width: int) -> Line:
        """Return one row; `index` is its place among all that `keys_of` gave."""
        raise NotImplementedError

    def words(self, index: int) -> str:
        """Return what a filter looks through; a long list gives something cheaper than its whole row."""
        return plain(self.row(index, _WHOLE_ROW))

    def nothing(self, width: int) -> list[Line]:
        """Return what is shown where there is no row."""
        raise NotImplementedError

    def table(self) -> list[tuple[object, ...]]:
        """Return the rows that are left by the filter as a table, its titles first; empty where there is none."""
        return []

    @property
    def places(self) -> Sequence[int]:
        """The places, among all that `keys_of` gave, of the rows that are left by the filter."""
        return self._places

    @property
    def key(self) -> str | None:
        """Key of the row under the cursor."""
        return self.keys[self.cursor] if self.keys else None

    def take(self, view: View) -> None:
        """Take news in; the cursor follows its row."""
        if view.status is None:
            return
        held, self._all = self.key, self.keys_of(view)
        self._choose(held)

    def filter_by(self, text: str) -> None:
        """Leave the rows that have every word of `text`; all of them where it is empty."""
        self.filter = text.strip()
        self._choose(self.key)
        self.refresh_bindings()
        self.refresh(layout=True)
        self.redraw(everything=True)

    def _choose(self, held: str | None) -> None:
        wanted = self.filter.lower().split()
        if wanted:
            texts = ((place, self.words(place).lower()) for place in range(len(self._all)))
            self._places = [place for place, text in texts if all(word in text for word in wanted)]
            self.keys = [self._all[place] for place in self._places]
        else:
            self._places, self.keys = range(len(self._all)), self._all
        if held is not None and held in self.keys:
            self.cursor = self.keys.index(held)
        self.cursor = max(0, min(self.cursor, len(self.keys) - 1))
        if self.key != held:
            self.post_message(self.Moved(self, self.key))

    def wanted_height(self, width: int) -> int:
        """Return the height with every row in sight."""
        if self.view is None:
            return 1
        below = len(self.keys) or (1 if self._all else len(self.nothing(width)))
        return len(self.head(width, "")) + below

    def draw(self, width: int, height: int) -> list[Line]:
        """Return head and the rows that can be seen."""
        head = self.head(width, self._note())
        self._head_lines = len(head)
        if not self.keys:
            none: Line = ((f' none of {len(self._all):,} has "{self.filter}"; {self.LEAVING}', "quiet"),)
            return [*head, none] if self._all else [*head, *self.nothing(width)]
        room = max(1, height - len(head))
        self._top = max(self.cursor - room + 1, min(self._top, self.cursor, max(0, len(self.keys) - room)))
        shown = range(self._top, min(self._top + room, len(self.keys)))
        return [*head, *((self._mark(i), *self.row(self._places[i], width - 1)) for i in shown)]

    def whole(self, width: int) -> list[Line]:
        """Return every row that the filter leaves."""
        rows = [self.row(place, width) for place in self._places]
        return [*self.head(width, f"/{self.filter}" if self.filter else ""), *(rows or self.nothing(width))]

    def _note(self) -> str:
        if self.filter:
            return f"/{self.filter} · {self.cursor + 1 if self.keys else 0} of {len(self.keys):,} in {len(self._all):,}"
        return f"{self.cursor + 1} of {len(self.keys):,}" if self.keys else ""

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

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # Textual's own
        """Leave esc to the screen where there is no filter to clear."""
        return action != "clear_filter" or bool(self.filter)

    def action_clear_filter(self) -> None:
        """Show all rows again."""
        self.filter_by("")

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
