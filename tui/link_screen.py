"""The links on a screen: what waits for each destination, what it refused, and what left the device."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.binding import Binding, BindingType

from tui.asking import AskingScreen
from tui.header import Header
from tui.key_line import KeyLine
from tui.lined import Page
from tui.link_lines import link_page_lines
from tui.spans import heading

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from agent.forwarded import EgressLine, OutboxView
    from agent.screen import ScreenSource
    from tui.asking import Question
    from tui.spans import Line

MOST_LINES = 500
_SPAN = timedelta(days=1)


class _Left(NamedTuple):
    outbox: OutboxView
    egress: list[EgressLine]


class LinkPage(Page):
    """Everything about what is sent."""

    DEFAULT_CSS = "LinkPage { height: 1fr; }"

    left: _Left | None = None
    said = ""

    def head(self, width: int, note: str) -> Line:
        """Return the rule."""
        return heading("link", width, note, marked=self.has_focus)

    def body(self, width: int) -> list[Line]:
        """Return everything about the links."""
        if self.view is None or self.view.status is None:
            return []
        outbox, egress = self.left or (None, [])
        return link_page_lines(self.view.status, outbox, egress, self.said, width)


class LinkScreen(AskingScreen):
    """What waits for each destination, what it refused, and what left the device in the last day."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,backspace", "app.pop_screen", "back", key_display="esc")]

    def __init__(self, source: ScreenSource) -> None:
        super().__init__()
        self.source = source

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        yield Header()
        yield LinkPage()
        yield KeyLine()

    def question(self) -> Question:
        """Return what to ask: the outbox, and the ledger of a day."""
        assert self.view is not None
        assert self.view.status is not None  # else nothing is asked
        since_ns = round((self.view.status.time - _SPAN).timestamp() * 1e9)
        return lambda: _Left(self.source.outbox(), self.source.egress(since_ns, MOST_LINES))

    def renew(self) -> None:
        """Hand what is known to the page."""
        for page in self.query(LinkPage):
            page.left = self.answer if isinstance(self.answer, _Left) else None
            page.said = self.note
