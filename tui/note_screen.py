"""Asks for a note when a finding is marked as seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from tui.spans import clean

if TYPE_CHECKING:
    from textual.app import ComposeResult

_NOTE_CHARACTERS = 500


class NoteScreen(ModalScreen[str | None]):
    """Gives the note, which may be empty, or None where the person thought better of it."""

    DEFAULT_CSS = """
    NoteScreen { align: center middle; background: $background 60%; }
    NoteScreen > Vertical { width: 72; max-width: 95%; height: auto; padding: 0 1; }
    NoteScreen > Vertical { border: solid $accent; background: $background; }
    NoteScreen Label { width: 100%; }
    NoteScreen Input { background: $panel; }
    NoteScreen:ansi Input { background: ansi_default; text-style: underline; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "cancel")]

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = clean(what)

    def compose(self) -> ComposeResult:
        """Lay the question out."""
        with Vertical():
            yield Label(f"Seen: {self._what}", markup=False)
            yield Label("A note for whoever comes next (may stay empty):", markup=False)
            yield Input(max_length=_NOTE_CHARACTERS, compact=True)
            yield Label("enter marks it as seen, esc leaves it", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give the note."""
        self.dismiss(clean(event.value).strip())
