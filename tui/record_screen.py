"""A list of records with the selected one below it: the base of the screens for events and for the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.asking import AskingScreen
from tui.header import Header
from tui.key_line import KeyLine
from tui.records import RecordCard, Records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from agent.screen import ScreenSource
    from tui.asking import Question
    from tui.records import Record
    from tui.rows import Rows


class RecordScreen(AskingScreen):
    """Asks for records, and shows them.

    Parameters
    ----------
    source
        Whom to ask; called in a thread.

    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,backspace", "app.pop_screen", "back", key_display="esc")]

    def __init__(self, source: ScreenSource) -> None:
        super().__init__()
        self.source = source

    def list_of_records(self) -> Records:
        """Make the list."""
        raise NotImplementedError

    def question(self) -> Question:
        """Return what to ask."""
        raise NotImplementedError

    def records(self) -> Sequence[Record]:
        """Return what is known, in the order of the list."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        yield Header()
        yield self.list_of_records()
        yield RecordCard()
        yield KeyLine()

    def renew(self) -> None:
        """Hand the records to the list."""
        for shown in self.query(Records):
            shown.records, shown.trouble = self.records(), self.note

    def on_rows_moved(self, message: Rows.Moved) -> None:
        """Show the record that the cursor is on."""
        self._choose(message.rows)

    def _choose(self, rows: Rows) -> None:
        if isinstance(rows, Records):
            self.query_one(RecordCard).choose(rows.record)
