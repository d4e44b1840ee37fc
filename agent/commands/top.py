"""`driftline top`."""

from __future__ import annotations

import click

from agent.commands.options import client, run_option


@click.command("top")
@run_option
@click.option("--interval", default=1.0, show_default=True, metavar="SECONDS", help="How often to ask the agent.")
def command(run: str | None, interval: float) -> None:
    """Open the dashboard. It waits for the agent where none is running, and finds it again after a restart."""
    from tui.app import Dashboard  # noqa: PLC0415  # textual takes a fifth of a second to load

    Dashboard(client(run), interval_seconds=interval).run()
