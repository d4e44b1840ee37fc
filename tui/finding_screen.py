"""One finding on a screen of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.detail import Detail
from tui.finding_lines import page_lines
from tui.lined import Page
from tui.spans import heading
from tui.words import block

if TYPE_CHECKING:
    from agent.model import Finding
    from tui.spans import Line


class FindingPage(Page):
    """All that is known of a finding; when it closes while it is read, it stays in sight and says so."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self._finding = finding
        self._gone = False

    def head(self, width: int, note: str) -> Line:
        """Return the severity and the model's name."""
        finding = self._finding
        title = f"{finding.stream.model}" + (" (closed meanwhile)" if self._gone else "")
        word = f" {finding.severity.upper()} "
        return ((word, block(finding.severity)), *heading(title, width - len(word), note, marked=self.has_focus))

    def body(self, width: int) -> list[Line]:
        """Return everything about the finding."""
        if self.view is None or self.view.status is None:
            return []
        found = self.view.finding(self._finding.id)
        self._gone = found is None
        self._finding = found or self._finding
        return page_lines(self._finding, self.view.status.time, width)


class FindingScreen(Detail):
    """What happened, since when, why, and what to do."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "app.acknowledge", "seen")]

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self._finding = finding

    def page(self) -> Page:
        """Make the page."""
        return FindingPage(self._finding)

    @property
    def finding_id(self) -> str:
        """The finding that is shown."""
        return self._finding.id
