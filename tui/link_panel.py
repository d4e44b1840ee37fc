"""The links on the overview: a line a destination, those in trouble first."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from tui.lined import Page
from tui.link_lines import link_lines, links_text
from tui.spans import heading

if TYPE_CHECKING:
    from tui.spans import Line


class Link(Page):
    """A line a destination, or that there is none."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "app.go('link')", "all of it", key_display="enter")]

    DEFAULT_CSS = "Link { max-height: 4; min-height: 2; }"

    def head(self, width: int, note: str) -> Line:
        """Return the rule, with how many destinations there are, and how many are in trouble."""
        said = links_text(self.view.status.destinations) if self.view and self.view.status else ""
        return heading("6 link", width, f"{said} {note}".strip(), marked=self.has_focus)

    def body(self, width: int) -> list[Line]:
        """Return the destinations."""
        return link_lines(self.view.status, width) if self.view and self.view.status else []
