"""The ways through the dashboard: number keys, the command palette, the filter, and what enter opens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from tui import palette
from tui.command_screen import CommandScreen
from tui.commands import Command
from tui.events_screen import EventsScreen, finding_of
from tui.filter_bar import FilterBar
from tui.finding_screen import FindingScreen
from tui.findings import Findings
from tui.help_screen import HelpScreen
from tui.host_screen import HostScreen
from tui.link_screen import LinkScreen
from tui.log_screen import LogScreen
from tui.overview import Overview
from tui.places import PLACES
from tui.records import Records
from tui.rows import Rows
from tui.stream_screen import StreamScreen
from tui.streams import Streams, stream_row_key

if TYPE_CHECKING:
    from textual.screen import Screen

    from agent.screen import ScreenSource
    from tui.view import View

_NAMES = {place.name: place for place in PLACES}


class Navigating(App[None]):
    """What the dashboard needs to be walked through; a subclass has the source and the view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("colon", "command", "go to", key_display=":"),
        Binding("slash", "filter", "filter", key_display="/"),
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
        screens: dict[str, type[HostScreen | LinkScreen | EventsScreen | LogScreen | HelpScreen]] = {
            "device": HostScreen, "link": LinkScreen, "events": EventsScreen, "log": LogScreen, "help": HelpScreen,
        }  # fmt: skip
        kind = screens.get(name)
        if kind is None:
            self.action_place(name)
        elif not isinstance(self.screen, kind):
            self.home()
            self.push_screen(kind() if issubclass(kind, HostScreen | HelpScreen) else kind(self._source))

    def action_help(self) -> None:
        """Show the help page, once; esc goes back to where it was asked for."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())

    def action_filter(self) -> None:
        """Filter the list that has the focus, or the first one on the screen."""
        lists = [rows for rows in self.screen.query(Rows) if rows.display]
        rows = next((rows for rows in lists if rows.has_focus), lists[0] if lists else None)
        if rows is None:
            self.notify("there is no list here to filter", markup=False)
        elif not self.screen.query(FilterBar):
            self.screen.mount(FilterBar(rows))

    def action_command(self) -> None:
        """Ask where to go, or what to do."""
        self.push_screen(CommandScreen(self.commands(), self.view), self._run)

    def _run(self, command: Command | None) -> None:
        if command is not None:
            self.call_later(command.run)

    def commands(self) -> list[Command]:
        """Return what can be chosen by name now."""
        places = [Command(place.name, place.what, partial(self.action_go, place.name)) for place in PLACES]
        actions = [
            Command(name, what, partial(self.run_action, action))
            for name, what, action in (
                ("help", "every key, and what the words mean", "help"),
                ("filter", "leave the rows of a list that have some words", "filter"),
                ("pause", "hold the screen still, and go on", "pause"),
                ("quit", "leave the dashboard; the agent goes on", "quit"),
            )
        ]
        themes = [
            Command(f"theme {name}", what, partial(setattr, self, "theme", theme))
            for name, what, theme in (
                ("dark", "light letters on dark", palette.DARK),
                ("light", "dark letters on light", palette.LIGHT),
                ("16", "the terminal's own sixteen colours", palette.SIXTEEN),
            )
        ]
        status = self.view.status
        streams = [
            Command(one.stream.model, f"stream, {one.state}", partial(self._open_stream, stream_row_key(one)))
            for one in (status.streams if status else ())
        ]
        findings = [
            Command(one.id, f"finding of {one.stream.model}: {one.sentence}", partial(self._open_finding, one.id))
            for one in (status.findings if status else ())
        ]
        return [*places, *actions, *themes, *streams, *findings]

    def on_rows_opened(self, message: Rows.Opened) -> None:
        """Open what the row under the cursor stands for."""
        rows = message.rows
        if isinstance(rows, Streams):
            self._open_stream(message.key)
        elif isinstance(rows, Findings):
            self._open_finding(message.key)
        elif isinstance(rows, Records) and isinstance(self.screen, EventsScreen):
            self._open_event(rows)

    def _open_stream(self, row_key: str) -> None:
        self.push_screen(StreamScreen(self._source, row_key))

    def _open_finding(self, finding_id: str) -> None:
        finding = self.view.finding(finding_id)
        if finding is None:
            self.notify("this finding is closed", markup=False)
        else:
            self.push_screen(FindingScreen(self._source, finding))

    def _open_event(self, rows: Records) -> None:
        status, record = self.view.status, rows.record
        if status is None or record is None:
            return
        finding = finding_of(record, status.findings)
        stream = next((one for one in status.streams if record.text.startswith(f"{one.stream.model}:")), None)
        if finding is not None:
            self._open_finding(finding.id)
        elif stream is not None:
            self._open_stream(stream_row_key(stream))
        else:
            self.notify("this event tells of no model that runs now, and of no open finding", markup=False)
