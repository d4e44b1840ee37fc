"""One finding on a screen of its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from agent.screen import Around
from tui.asking import AskingScreen
from tui.finding_lines import part_lines, what_lines
from tui.header import Header
from tui.key_line import KeyLine
from tui.lined import Page
from tui.spans import beside, heading
from tui.words import block

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from agent.model import Finding
    from agent.screen import ScreenSource
    from tui.asking import Question
    from tui.spans import Line
    from tui.view import View

_TWO_COLUMNS = 124  # cells from which causes and times stand beside each other


class FindingPage(Page):
    """All that is known of a finding; when it closes while it is read, it stays in sight and says so."""

    DEFAULT_CSS = "FindingPage { height: 1fr; }"

    around: Around | None = None
    note = ""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding
        self.gone = False
        self.parts: list[int] = []  # the lines at which the parts begin

    def head(self, width: int, note: str) -> Line:
        """Return the severity and the model's name."""
        finding = self.finding
        ended = f"closed as {finding.verdict}" if finding.verdict else "closed meanwhile" if self.gone else "closed"
        known = self.view.status.known if self.view and self.view.status else ()
        ended += ", still going on" if any(one.id == finding.id for one in known) else ""
        title = f"{finding.stream.model}" + (f" ({ended})" if self.gone or finding.state == "closed" else "")
        word = f" {finding.severity.upper()} "
        return ((word, block(finding.severity)), *heading(title, width - len(word), note, marked=self.has_focus))

    def body(self, width: int) -> list[Line]:
        """Return everything about the finding, and remember where its parts begin."""
        if self.view is None or self.view.status is None:
            return []
        now = self.view.status.time
        lines = what_lines(self.finding, now, width)
        self.parts = [0]
        wide = width >= _TWO_COLUMNS and self.around is not None
        half = (width - 2) // 2
        parts = part_lines(self.finding, now, half if wide else width, self.around)
        if wide:
            self.parts += [len(lines) + 1] * 2
            left, right = ([heading(f"{at} {title}", half), *part] for at, (title, part) in enumerate(parts[:2], 2))
            lines += [(), *beside(left, right, half)]
            parts = part_lines(self.finding, now, width, self.around)[2:]
        for title, part in parts:
            self.parts.append(len(lines) + 1)
            lines += [(), heading(f"{len(self.parts)} {title}", width), *part]
        if self.around is None:
            lines += [(), ((f" what else happened then: {self.note or 'asking…'}", "quiet"),)]
        return lines

    def action_part(self, number: int) -> None:
        """Scroll to a part."""
        if number <= len(self.parts):
            self.top = self.parts[number - 1]
            self.redraw()


class FindingScreen(AskingScreen):
    """What happened, since when, why, what to do, and what was seen around it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "app.pop_screen", "back", key_display="esc"),
        Binding("a", "app.acknowledge", "seen"),
        Binding("s", "app.snooze", "snooze"),
        Binding("c", "app.close", "close"),
        *(Binding(str(n), f"part({n})", show=False) for n in range(1, 6)),
    ]

    def __init__(self, source: ScreenSource, finding: Finding) -> None:
        super().__init__()
        self._source = source
        self._first = finding

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        yield Header()
        yield FindingPage(self._first)
        yield KeyLine()

    def question(self) -> Question:
        """Ask what is stored around it."""
        return partial(self._source.around, self._first.id)

    def every_s(self) -> float:
        """Return after how many seconds an answer is old: what is stored of a past moment hardly changes."""
        return 30.0

    @property
    def chosen_finding(self) -> Finding:
        """The finding that is shown, as it is known to stand."""
        open_one = self.view.finding(self._first.id) if self.view else None
        told = self.answer.finding if isinstance(self.answer, Around) else self._first
        return open_one or told

    def renew(self) -> None:
        """Hand the page what is known."""
        for page in self.query(FindingPage):
            page.finding, page.note = self.chosen_finding, self.note
            if page.finding.state == "closed":
                self.refresh_bindings()  # there are fewer
            page.around = self.answer if isinstance(self.answer, Around) else None
            page.gone = (
                self._first.state != "closed" and self.view is not None and self.view.finding(self._first.id) is None
            )

    def show(self, view: View) -> None:
        """Take news in; what became of a finding that is no longer open is asked for at once."""
        was_open = self.view is not None and self.view.finding(self._first.id) is not None
        super().show(view)
        if was_open and view.finding(self._first.id) is None and not view.away:
            self.ask()

    def action_part(self, number: int) -> None:
        """Go to a part of the page."""
        self.query_one(FindingPage).action_part(number)
