"""Where `/` is typed: a line at the bottom of the screen that filters a list with each character."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Label

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui.rows import Rows

_MOST_CHARACTERS = 80


class FilterBar(Horizontal):
    """Filters one list while something is typed; enter keeps the filter, esc clears it."""

    DEFAULT_CSS = """
    FilterBar { dock: bottom; height: 1; margin-bottom: 1; background: $background; }
    FilterBar Label { width: auto; color: $accent; }
    FilterBar Input { width: 1fr; background: $panel; }
    FilterBar Input:ansi { background: ansi_default; text-style: underline; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "keep", "keep the filter", priority=True),
        Binding("escape", "clear", "all rows", priority=True, key_display="esc"),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
    ]

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self.rows = rows

    def compose(self) -> ComposeResult:
        """Lay the line out."""
        yield Label(" / ", markup=False)
        yield Input(self.rows.filter, max_length=_MOST_CHARACTERS, compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        """Take the keys."""
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter by what stands there now."""
        self.rows.filter_by(event.value)

    def on_descendant_blur(self) -> None:
        """Go when the keys go elsewhere."""
        self.remove()

    def action_move(self, rows: int) -> None:
        """Move the list's cursor."""
        self.rows.action_move(rows)

    def action_keep(self) -> None:
        """Go back to the list as it is."""
        self.rows.focus()

    def action_clear(self) -> None:
        """Show all rows, and go back to the list."""
        self.rows.filter_by("")
        self.rows.focus()
