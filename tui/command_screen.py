"""The command palette: type a few letters of a place, a model or a finding, and enter goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from tui.commands import Command, Commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from tui.lined import Lined
    from tui.rows import Rows
    from tui.view import View

_MOST_CHARACTERS = 80


class CommandScreen(ModalScreen[Command | None]):
    """Gives the command that was chosen, or None.

    Parameters
    ----------
    commands
        What there is to choose from, the most useful first.
    view
        What the dashboard shows; tells the terminal's marks.

    """

    DEFAULT_CSS = """
    CommandScreen { align: center top; }
    CommandScreen > Vertical { width: 76; max-width: 95%; height: auto; margin-top: 2; }
    CommandScreen > Vertical { border: solid $accent; background: $background; }
    CommandScreen Horizontal { height: 1; }
    CommandScreen Label { width: auto; color: $accent; }
    CommandScreen Input { width: 1fr; background: $panel; }
    CommandScreen Input:ansi { background: ansi_default; text-style: underline; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "leave"),
        Binding("enter", "choose", "go", priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
    ]

    def __init__(self, commands: Sequence[Command], view: View) -> None:
        super().__init__()
        self._commands, self._view = commands, view

    def compose(self) -> ComposeResult:
        """Lay it out."""
        with Vertical():
            with Horizontal():
                yield Label(" : ", markup=False)
                yield Input(max_length=_MOST_CHARACTERS, compact=True)
            yield Commands(self._commands)

    def on_mount(self) -> None:
        """Take the keys."""
        self.query_one(Input).focus()

    def on_lined_mounted(self, message: Lined.Mounted) -> None:
        """Offer the commands."""
        message.part.show(self._view)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Leave what has every word."""
        self.query_one(Commands).narrow(event.value)

    def on_rows_opened(self, message: Rows.Opened) -> None:
        """Take the one that was clicked twice."""
        message.stop()
        self.action_choose()

    def action_move(self, rows: int) -> None:
        """Move in the list."""
        self.query_one(Commands).action_move(rows)

    def action_choose(self) -> None:
        """Give the command under the cursor; with none, stay."""
        chosen = self.query_one(Commands).command
        if chosen is not None:
            self.dismiss(chosen)
