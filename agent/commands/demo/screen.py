"""The dashboard as the demo opens it: told what is being shown, and closed by Ctrl-C too. Loads Textual."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.app import Dashboard


class DemoDashboard(Dashboard):
    """A dashboard with a line about the demo below its header."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "quit", show=False, priority=True)]

    def tell(self, note: str) -> None:
        """Change the line; it shows with the next status."""
        self.view = self.view._replace(note=note)

    async def run_until(self, over: asyncio.Event) -> None:
        """Stay until `over` is set, or until somebody closes it."""
        closing = asyncio.create_task(over.wait())
        closing.add_done_callback(lambda task: None if task.cancelled() else self.exit())
        try:
            await self.run_async()
        finally:
            closing.cancel()
