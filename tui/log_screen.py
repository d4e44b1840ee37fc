"""The agent's log: what it says of itself, newest last."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from tui.record_screen import RecordScreen
from tui.records import Record, Records

if TYPE_CHECKING:
    from datetime import datetime

    from agent.screen import LogLine, ScreenSource
    from tui.asking import Question
    from tui.spans import Tone

MOST_LINES = 1000
_TONES: dict[str, Tone] = {"DEBUG": "quiet", "WARNING": "warning", "ERROR": "critical", "CRITICAL": "critical"}


class LogScreen(RecordScreen):
    """The newest lines; it stays at the end while the cursor is there."""

    EVERY_S: ClassVar[float] = 1.0

    def __init__(self, source: ScreenSource) -> None:
        super().__init__(source)
        self._lines: deque[LogLine] = deque(maxlen=MOST_LINES)
        self._of: datetime | None = None  # when the agent started whose lines these are: another one counts anew

    def list_of_records(self) -> Records:
        """Make the list."""
        return Records("log of the agent", "nothing was logged yet", word_cells=8, whose_cells=12, following=True)

    def question(self) -> Question:
        """Return what to ask: the lines after the last one that is known."""
        started = self.view.status.agent.started if self.view and self.view.status else None
        if started != self._of:
            self._lines.clear()
            self._of = started
        return partial(self._source_lines, self._lines[-1].number if self._lines else 0, started)

    def _source_lines(self, after: int, started: datetime | None) -> tuple[datetime | None, list[LogLine]]:
        return started, self.source.log(after)

    def records(self) -> list[Record]:
        """Return the lines that are known."""
        if isinstance(self.answer, tuple) and self.answer[0] == self._of:
            last = self._lines[-1].number if self._lines else 0
            self._lines.extend(line for line in self.answer[1] if line.number > last)
        return [_record(line) for line in self._lines]


def _record(line: LogLine) -> Record:
    whose = line.part.removeprefix("driftline.")
    return Record(f"{line.number}", line.time, line.text, line.level, whose, _TONES.get(line.level, "plain"))
