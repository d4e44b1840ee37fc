"""Lines with a time each, in a list, and below it the selected one in full: the device's history, the agent's log."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tui.format import between, local_time, short_time
from tui.lined import Page
from tui.rows import Rows
from tui.spans import clip, fit, heading, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tui.spans import Line, Tone
    from tui.view import View

_TIME_CELLS = 12
_CARD_LINES = 6


class Record(NamedTuple):
    """One line: its key, when, a word for its kind with a tone, whose it is, and the text. Word and whose may be ""."""

    key: str
    time: datetime
    text: str
    word: str = ""
    whose: str = ""
    tone: Tone = "plain"


class Records(Rows):
    """The list. `told` replaces what is in it; `following` keeps the cursor on the last line when more come.

    Parameters
    ----------
    title
        What the records are.
    whose_cells, word_cells
        Cells for both columns; 0 leaves one out.
    following
        Whether the newest is the last one, and to be seen.
    none
        What is said where there is none.

    """

    DEFAULT_CSS = "Records { height: 1fr; }"

    def __init__(self, title: str, none: str, *, word_cells: int = 0, whose_cells: int = 0, following: bool = False):  # noqa: ANN204
        super().__init__()
        self.records: Sequence[Record] = ()
        self.trouble = ""
        self._title, self._none = title, none
        self._cells = word_cells, whose_cells
        self._following = following

    def take(self, view: View) -> None:
        """Take news in; at the end of a list that is followed the cursor goes with it."""
        at_end = self._following and self.cursor >= len(self.keys) - 1
        super().take(view)
        if at_end and self.keys and self.cursor != len(self.keys) - 1:
            self.cursor = len(self.keys) - 1
            self.post_message(self.Moved(self, self.key))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to open nothing in a log."""
        return not (action == "open" and self._following) and super().check_action(action, parameters)

    def keys_of(self, view: View) -> list[str]:  # noqa: ARG002  # they come by a question of their own
        """Return the records' keys."""
        return [record.key for record in self.records]

    def head(self, width: int, note: str) -> list[Line]:
        """Return the rule."""
        return [heading(self._title, width, self.trouble or note, marked=self.has_focus)]

    def words(self, index: int) -> str:
        """Return kind, whose and text."""
        record = self.records[index]
        return f"{record.word} {record.whose} {record.text}"

    def row(self, index: int, width: int) -> Line:
        """Return one record's line."""
        assert self.view is not None
        assert self.view.status is not None  # else there is no row
        record, (word, whose) = self.records[index], self._cells
        return clip(
            (
                (fit(short_time(record.time, self.view.status.time), _TIME_CELLS) + " ", "quiet"),
                (fit(record.word, word) + " " if word else "", record.tone),
                (fit(record.whose, whose) + " " if whose else "", "strong"),
                (record.text, record.tone if record.tone in {"critical", "warning"} else "plain"),
            ),
            width,
        )

    def nothing(self, width: int) -> list[Line]:  # noqa: ARG002  # the line is short
        """Say that there is none, or why that is not known."""
        return [((f" {self.trouble or self._none}", "quiet"),)]

    @property
    def record(self) -> Record | None:
        """The record under the cursor."""
        return self.records[self.places[self.cursor]] if self.keys else None

    def table(self) -> list[tuple[object, ...]]:
        """Return time (RFC 3339), kind, whose, text."""
        shown = (self.records[place] for place in self.places)
        rows = ((one.time.isoformat(), one.word, one.whose, one.text) for one in shown)
        return [("time", "kind", "of", "text"), *rows]


class RecordCard(Page):
    """The selected record, whole."""

    DEFAULT_CSS = f"RecordCard {{ height: auto; min-height: 3; max-height: {_CARD_LINES}; }}"

    record: Record | None = None

    def choose(self, record: Record | None) -> None:
        """Show another record."""
        if record != self.record:
            self.record, self.top = record, 0
            self.refresh(layout=True)
            self.redraw(everything=True)

    def head(self, width: int, note: str) -> Line:
        """Return the rule, with the time in full."""
        if self.record is None or self.view is None or self.view.status is None:
            return heading("in full", width, note, marked=self.has_focus)
        now = self.view.status.time
        title = f"{local_time(self.record.time)}, {between(self.record.time, now)} ago"
        return heading(title, width, note, marked=self.has_focus)

    def body(self, width: int) -> list[Line]:
        """Return the text."""
        if self.record is None:
            return []
        said = ": ".join(filter(None, (self.record.word, self.record.whose, self.record.text)))
        return [((f" {line}", "plain"),) for line in wrap(said, width - 2)]
