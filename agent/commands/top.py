"""`driftline top`."""

from __future__ import annotations

import click

from agent.commands.options import client, run_option


@click.command("top")
@run_option
@click.option("--interval", default=1.0, show_default=True, metavar="SECONDS", help="How often to ask the agent.")
@click.option("--slow", is_flag=True, help="For a slow line: ask every five seconds, sixteen colours.")
def command(run: str | None, interval: float, slow: bool) -> None:  # noqa: FBT001  # click passes flags by name
    """Open the dashboard. It waits for the agent where none is running, and finds it again after a restart."""
    from tui.app import Dashboard  # noqa: PLC0415  # textual takes a fifth of a second to load

    Dashboard(client(run), interval_seconds=interval, slow=slow).run()
