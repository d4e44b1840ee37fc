"""The questions that open over a screen: a line of text, or a choice by one key. They tell nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from tui.spans import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult

_NOTE_CHARACTERS = 500


class Option(NamedTuple):
    """What one key chooses, and how that is said."""

    key: str
    text: str


class Dialog(ModalScreen[str | None]):
    """Base of the questions; None is the answer of a person who thought better of it."""

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical { width: 72; max-width: 95%; height: auto; padding: 0 1; }
    Dialog > Vertical { border: solid $accent; background: $background; }
    Dialog Label { width: 100%; }
    Dialog Input { background: $panel; }
    Dialog:ansi Input { background: ansi_default; text-style: underline; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "cancel")]


class TextDialog(Dialog):
    """Asks for a line of text, which may be empty.

    Parameters
    ----------
    lines
        What it is about, and what is asked for.
    keys
        What enter and esc do.
    check
        Says what is wrong with a text, empty where nothing is.

    """

    def __init__(self, lines: Sequence[str], keys: str, check: Callable[[str], str] | None = None) -> None:
        super().__init__()
        self._texts = [clean(line) for line in lines]
        self._keys = keys
        self._check = check

    def compose(self) -> ComposeResult:
        """Lay the question out."""
        with Vertical():
            for text in self._texts:
                yield Label(text, markup=False)
            yield Input(max_length=_NOTE_CHARACTERS, compact=True)
            yield Label(self._keys, markup=False, id="keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give the text, or say what is wrong with it."""
        text = clean(event.value).strip()
        wrong = self._check(text) if self._check else ""
        if wrong:
            self.query_one("#keys", Label).update(clean(wrong))
        else:
            self.dismiss(text)


class ChoiceDialog(Dialog):
    """Asks to choose one of a few; the answer is the option's key."""

    def __init__(self, lines: Sequence[str], options: Sequence[Option]) -> None:
        super().__init__()
        self._texts = [clean(line) for line in lines]
        self._options = options

    def compose(self) -> ComposeResult:
        """Lay the question out."""
        with Vertical():
            for text in self._texts:
                yield Label(text, markup=False)
            for option in self._options:
                yield Label(f"  {option.key}  {option.text}", markup=False)
            yield Label("esc leaves it", markup=False)

    def on_key(self, event: events.Key) -> None:
        """Take an option's key."""
        if any(option.key == event.key for option in self._options):
            event.stop()
            self.dismiss(event.key)
