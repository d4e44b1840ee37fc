"""`driftline status`."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

from agent.clock import SystemClock
from agent.commands.options import client, fail, run_option
from agent.ports import AgentAwayError

if TYPE_CHECKING:
    from agent.status import Status


@click.command("status")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print the whole status as JSON.")
@click.option("--watch", is_flag=True, help="Go on: all of it when something changes, a line every ten seconds.")
def command(run: str | None, as_json: bool, watch: bool) -> None:  # noqa: FBT001  # click passes flags by name
    """Print how the device and its models are. Exits 1 where no agent answers."""
    source, say = client(run), _print
    whole = _json if as_json else _text
    if not watch:
        try:
            say(whole(source.status()))
        except AgentAwayError as error:
            fail(str(error))
        return
    from agent.commands.watching import LOOK_S, Watcher  # noqa: PLC0415
    from tui.text import render_line  # noqa: PLC0415

    clock = SystemClock()
    line = _json if as_json else render_line
    watcher = Watcher(source, clock, whole, line, say, lambda text: click.echo(f"driftline: {text}", err=True))
    while True:
        watcher.look()
        clock.sleep(LOOK_S)


def _text(status: Status) -> str:
    from tui.text import render_status  # noqa: PLC0415

    return render_status(status, shutil.get_terminal_size((80, 24)).columns)


def _json(status: Status) -> str:
    import msgspec  # noqa: PLC0415

    return msgspec.json.encode(status).decode()


def _print(text: str) -> None:
    click.echo(text)
    sys.stdout.flush()
