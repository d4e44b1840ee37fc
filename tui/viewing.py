"""A screen that shows a view: it hands the newest to its parts, and to those that are mounted later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message
from textual.screen import Screen

from tui.lined import Lined

if TYPE_CHECKING:
    from agent.model import Finding
    from tui.view import View


class Viewing(Screen[None]):
    """Base of the screens that follow the agent."""

    view: View | None = None

    class Resumed(Message):
        """A screen came to the top, and wants the newest view."""

        def __init__(self, viewing: Viewing) -> None:
            super().__init__()
            self.viewing = viewing

    @property
    def chosen_finding(self) -> Finding | None:
        """The finding that keys about findings mean here."""
        return None

    def on_screen_resume(self) -> None:
        """Ask for what happened while another screen was on top."""
        self.post_message(self.Resumed(self))

    def show(self, view: View) -> None:
        """Hand the news to every part that is there."""
        self.view = view
        for part in self.query(Lined):
            part.show(view)

    def on_lined_mounted(self, message: Lined.Mounted) -> None:
        """Hand the newest view to a part that came after it."""
        if self.view is not None and message.part.view is not self.view:
            message.part.show(self.view)
