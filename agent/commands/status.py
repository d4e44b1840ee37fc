"""`driftline status`."""

from __future__ import annotations

import shutil
import sys

import click

from agent.clock import SystemClock
from agent.commands.options import client, fail, run_option
from agent.ports import AgentAwayError

WATCH_S = 2.0


@click.command("status")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print the whole status as JSON.")
@click.option("--watch", is_flag=True, help="Print it again every two seconds, for terminals without a dashboard.")
def command(run: str | None, as_json: bool, watch: bool) -> None:  # noqa: FBT001  # click passes flags by name
    """Print how the device and its models are. Exits 1 where no agent answers."""
    agent = client(run)
    while True:
        try:
            status = agent.status()
        except AgentAwayError as error:
            if not watch:
                fail(str(error))
            click.echo(f"driftline: {error}; trying again", err=True)
        else:
            if as_json:
                import msgspec  # noqa: PLC0415

                click.echo(msgspec.json.encode(status))
            else:
                from tui.text import render_status  # noqa: PLC0415

                click.echo(render_status(status, shutil.get_terminal_size((80, 24)).columns))
        if not watch:
            return
        sys.stdout.flush()
        SystemClock().sleep(WATCH_S)
