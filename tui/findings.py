"""The list of findings that are not closed, worst first, and beside it what the selected one says."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.finding_lines import card_lines, page_lines
from tui.format import local_time
from tui.lined import Page
from tui.rows import Rows
from tui.spans import heading, wrap
from tui.tables import GOES_ON, finding_line
from tui.words import headline

if TYPE_CHECKING:
    from agent.model import Finding
    from agent.status import Status
    from tui.spans import Line
    from tui.view import View

_ROOMY = 20  # lines from which the card shows all that the finding's own screen would


class Findings(Rows):
    """One line a finding, in the agent's order."""

    DEFAULT_CSS = "Findings { max-height: 50%; min-height: 2; }"

    _findings: tuple[Finding, ...] = ()

    def keys_of(self, view: View) -> list[str]:
        """Return the findings' ids."""
        self._findings = view.findings
        return [f.id for f in self._findings]

    def head(self, width: int, note: str) -> list[Line]:
        """Return the rule."""
        return [heading("2 findings", width, note, marked=self.has_focus)]

    def row(self, index: int, width: int) -> Line:
        """Return one finding's line."""
        assert self.view is not None
        assert self.view.status is not None
        return finding_line(self._findings[index], self.view.status.time, width)

    def words(self, index: int) -> str:
        """Return how bad it is, whose, and what happened."""
        one = self._findings[index]
        seen = "seen" if one.state == "acknowledged" else GOES_ON if one.state == "closed" else one.state
        return f"{one.severity} {seen} {one.stream.model} {one.kind} {one.sentence} {one.id}"

    def table(self) -> list[tuple[object, ...]]:
        """Return each finding with its likeliest cause; times are RFC 3339."""
        titles = ("id", "severity", "state", "model", "kind", "onset", "opened", "sentence", "cause", "advice", "note")
        rows = []
        for one in (self._findings[place] for place in self.places):
            cause = one.causes[0].name if one.causes else None
            rows.append((
                one.id, one.severity, one.state, one.stream.model, one.kind, one.onset.isoformat(),
                one.opened.isoformat(), one.sentence, cause, one.advice, one.note,
            ))  # fmt: skip
        return [titles, *rows]

    def nothing(self, width: int) -> list[Line]:  # noqa: ARG002  # the same for all
        """Say that nothing is open, where that is known."""
        return [] if self.view is None or self.view.status is None else [((" nothing is open", "quiet"),)]


class FindingCard(Page):
    """What the selected finding says; with no finding, what happened lately."""

    DEFAULT_CSS = "FindingCard { height: 1fr; }"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "screen.open_card", "open", key_display="enter")]

    finding_id: str | None = None

    def choose(self, finding_id: str | None) -> None:
        """Show another finding."""
        self.finding_id, self.top = finding_id, 0
        self.redraw()

    def _finding(self) -> Finding | None:
        return self.view.finding(self.finding_id) if self.view and self.finding_id else None

    def head(self, width: int, note: str) -> Line:
        """Return the rule."""
        return heading("3 what to do" if self._finding() else "3 lately", width, note, marked=self.has_focus)

    def body(self, width: int) -> list[Line]:
        """Return the card's text."""
        if self.view is None or self.view.status is None:
            return []
        finding = self._finding()
        status = self.view.status
        if finding is None:
            return _events(status, width) or [((f" {headline(status)}", "quiet"),)]
        if self.size.height < _ROOMY:
            return card_lines(finding, status.time, width)
        return [*page_lines(finding, status.time, width), (), heading("lately", width), *_events(status, width)]


def _events(status: Status, width: int) -> list[Line]:
    lines: list[Line] = []
    for event in status.events:
        first, *rest = wrap(event.text, width - 12)
        lines.append(((f" {local_time(event.time, status.time)}  ", "quiet"), (first, "plain")))
        lines += [((" " * 11 + line, "plain"),) for line in rest]
    return lines
