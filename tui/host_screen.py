"""The device on a screen of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.detail import Detail
from tui.host_page import host_page_lines
from tui.lined import Page
from tui.spans import heading

if TYPE_CHECKING:
    from tui.spans import Line


class HostPage(Page):
    """All readings, storage and services."""

    def head(self, width: int, note: str) -> Line:
        """Return the rule; graphs begin when the dashboard was opened."""
        return heading("device, as it ran since you opened the dashboard", width, note, marked=self.has_focus)

    def body(self, width: int) -> list[Line]:
        """Return everything about the device."""
        if self.view is None or self.view.status is None:
            return []
        return host_page_lines(self.view.status, self.view.trends, width)


class HostScreen(Detail):
    """Processor, memory, temperatures, power, storage and its wear, services, and the agent."""

    def page(self) -> Page:
        """Make the page."""
        return HostPage()
