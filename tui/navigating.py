"""The ways through the dashboard: number keys, the command palette, the filter, and what enter opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from tui.findings import Findings
from tui.overview import Overview
from tui.places import PLACES
from tui.rows import Rows
from tui.streams import Streams

if TYPE_CHECKING:
    from types import ModuleType

    from textual.screen import Screen

    from agent.screen import ScreenSource
    from tui.commands import Command
    from tui.view import View

_NAMES = {place.name: place for place in PLACES}


class Navigating(App[None]):
    """What the dashboard needs to be walked through; a subclass has the source and the view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "help", key_display="?"),
        Binding("colon", "command", "go to", key_display=":"),
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("e", "export", "export"),
        *(Binding(place.key, f"place('{place.name}')", show=False) for place in PLACES),
    ]

    view: View
    _source: ScreenSource

    def get_default_screen(self) -> Screen[None]:
        """Return the overview."""
        return Overview()

    def home(self) -> Overview:
        """Go back to the overview."""
        while len(self.screen_stack) > 1 and not isinstance(self.screen, Overview):
            self.pop_screen()
        assert isinstance(self.screen, Overview)  # the first of the stack
        return self.screen

    def action_place(self, name: str) -> None:
        """Go to a panel of the overview, or to a screen that has no panel."""
        panel = _NAMES[name].panel
        if panel:
            self.home().action_panel(panel)
        else:
            self.action_go(name)

    def action_go(self, name: str) -> None:
        """Go to a screen by its name, once; to a panel where there is no screen of that name."""
        kind = self.doors.SCREENS.get(name)
        if kind is None:
            self.action_place(name)
        elif not isinstance(self.screen, kind):
            if name != "help":  # from which esc goes back to where it was asked for
                self.home()
            self.push_screen(self.doors.make(kind, self._source))

    def action_help(self) -> None:
        """Show the help page, once."""
        self.action_go("help")

    @property
    def doors(self) -> ModuleType:
        """The screens behind the overview; loading them is no part of the start."""
        from tui import doors  # noqa: PLC0415

        return doors

    def action_filter(self) -> None:
        """Filter the list that has the focus, or the first one on the screen."""
        from tui.filter_bar import FilterBar  # noqa: PLC0415  # no part of the start

        lists = [rows for rows in self.screen.query(Rows) if rows.display]
        rows = next((rows for rows in lists if rows.has_focus), lists[0] if lists else None)
        if rows is None:
            self.notify("there is no list here to filter", markup=False)
        elif not self.screen.query(FilterBar):
            self.screen.mount(FilterBar(rows))

    def action_command(self) -> None:
        """Ask where to go, or what to do."""
        self.push_screen(self.doors.CommandScreen(self.doors.commands(self), self.view), self._run)

    def _run(self, command: Command | None) -> None:
        if command is not None:
            self.call_later(command.run)

    def action_export(self) -> None:
        """Ask whether a list or the whole screen is to be written to a file."""
        self.doors.Export(self).ask()

    def on_rows_opened(self, message: Rows.Opened) -> None:
        """Open what the row under the cursor stands for."""
        rows = message.rows
        if isinstance(rows, Streams):
            self.open_stream(message.key)
        elif isinstance(rows, Findings):
            self.open_finding(message.key)
        elif isinstance(self.screen, self.doors.EventsScreen):
            self.doors.open_event(self, rows)

    def open_stream(self, row_key: str) -> None:
        """Open a stream by its row's key."""
        self.push_screen(self.doors.StreamScreen(self._source, row_key))

    def open_finding(self, finding_id: str) -> None:
        """Open a finding that is not closed."""
        finding = self.view.finding(finding_id)
        if finding is None:
            self.notify("this finding is closed", markup=False)
        else:
            self.push_screen(self.doors.FindingScreen(self._source, finding))
