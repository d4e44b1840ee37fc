"""What lies behind the overview: every other screen, and what the command palette offers. Loaded when first needed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tui import palette
from tui.command_screen import CommandScreen
from tui.commands import Command
from tui.events_screen import EventsScreen, finding_of
from tui.export import Export
from tui.finding_screen import FindingScreen
from tui.help_screen import HelpScreen
from tui.host_screen import HostScreen
from tui.link_screen import LinkScreen
from tui.log_screen import LogScreen
from tui.places import PLACES
from tui.record_screen import RecordScreen
from tui.records import Records
from tui.stream_screen import StreamScreen
from tui.streams import stream_row_key

if TYPE_CHECKING:
    from agent.screen import ScreenSource
    from tui.navigating import Navigating
    from tui.rows import Rows
    from tui.viewing import Viewing

__all__ = [
    "SCREENS",
    "CommandScreen",
    "EventsScreen",
    "Export",
    "FindingScreen",
    "StreamScreen",
    "commands",
    "make",
    "open_event",
]

# By the names of `tui.places`.
SCREENS: dict[str, type[Viewing]] = {
    "device": HostScreen,
    "link": LinkScreen,
    "events": EventsScreen,
    "log": LogScreen,
    "help": HelpScreen,
}
_ACTIONS = (
    ("help", "every key, and what the words mean", "help"),
    ("export", "write the list as CSV, or this screen as text, to a file", "export"),
    ("filter", "leave the rows of a list that have some words", "filter"),
    ("pause", "hold the screen still, and go on", "pause"),
    ("quit", "leave the dashboard; the agent goes on", "quit"),
)
_THEMES = (
    ("dark", "light letters on dark", palette.DARK),
    ("light", "dark letters on light", palette.LIGHT),
    ("16", "the terminal's own sixteen colours", palette.SIXTEEN),
)


def make(kind: type[Viewing], source: ScreenSource) -> Viewing:
    """Make a screen, with the source where it asks for more than the status."""
    return kind(source) if issubclass(kind, RecordScreen | LinkScreen) else kind()


def commands(app: Navigating) -> list[Command]:
    """Return what can be chosen by name now: places, actions, colours, streams, findings."""
    status = app.view.status
    streams = status.streams if status else ()
    return [
        *(Command(place.name, place.what, partial(app.action_go, place.name)) for place in PLACES),
        *(Command(name, what, partial(app.run_action, action)) for name, what, action in _ACTIONS),
        *(Command(f"theme {name}", what, partial(setattr, app, "theme", theme)) for name, what, theme in _THEMES),
        *(
            Command(one.stream.model, f"stream, {one.state}", partial(app.open_stream, stream_row_key(one)))
            for one in streams
        ),
        *(
            Command(one.id, f"finding of {one.stream.model}: {one.sentence}", partial(app.open_finding, one.id))
            for one in app.view.findings
        ),
    ]


def open_event(app: Navigating, rows: Rows) -> None:
    """Open what the selected event tells of: an open finding, or else a stream that runs."""
    status, record = app.view.status, rows.record if isinstance(rows, Records) else None
    if status is None or record is None:
        return
    finding = finding_of(record, app.view.findings)
    stream = next((one for one in status.streams if record.text.startswith(f"{one.stream.model}:")), None)
    if finding is not None:
        app.open_finding(finding.id)
    elif stream is not None:
        app.open_stream(stream_row_key(stream))
    else:
        app.notify("this event tells of no model that runs now, and of no open finding", markup=False)
