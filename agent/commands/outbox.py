"""`driftline outbox`: what waits for each destination, and what they refused."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import click

from agent.clock import SystemClock, utc
from agent.commands.options import client, end_incomplete, fail, run_option, state_option
from agent.ports import AgentAwayError, AgentRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.forwarded import OutboxView

ALL = "*"


@click.command("outbox")
@click.argument("destination", required=False, default="")
@run_option
@state_option
@click.option(
    "--retry-dead", is_flag=False, flag_value=ALL, metavar="[DESTINATION]",
    help="Send once more what was refused for good, by one destination or by all.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def command(destination: str, run: str | None, state: str | None, retry_dead: str | None, as_json: bool) -> None:  # noqa: FBT001  # click passes flags by name
    """Say what waits for DESTINATION, or for each, what it refused for good and why.

    With --state, or where no agent answers, reads a buffer whose agent is not running; exits with 1 where some of it
    cannot be read.
    """
    if retry_dead is not None and state:
        raise click.UsageError("--retry-dead needs the running agent: leave --state out")
    left_out: Sequence[str] = ()
    try:
        if retry_dead is not None:
            queued = client(run).retry_dead("" if retry_dead == ALL else retry_dead)
            click.echo(f"{queued} parcel{'' if queued == 1 else 's'} will be sent once more")
            return
        view, left_out = _from_files(state, destination) if state else _asked(run, destination)
    except AgentAwayError as error:
        fail(f"{error}; a running agent alone sends once more: start it (systemctl start driftline), then repeat this")
    except AgentRefusedError as error:
        fail(str(error))
    except KeyError as error:
        fail(str(error.args[0]))
    if as_json:
        import msgspec  # noqa: PLC0415

        click.echo(msgspec.json.encode(view))
    else:
        from tui.forwarding_lines import render_outbox  # noqa: PLC0415

        now = utc(SystemClock().wall_ns())
        click.echo(render_outbox(view, shutil.get_terminal_size((80, 24)).columns, now))
    end_incomplete(left_out)


def _asked(run: str | None, destination: str) -> tuple[OutboxView, Sequence[str]]:
    try:
        return client(run).outbox(destination), ()
    except AgentAwayError as error:
        from agent.commands.offline import left_behind  # noqa: PLC0415  # loads duckdb

        return _from_files(left_behind(error), destination)


def _from_files(state: str, destination: str) -> tuple[OutboxView, Sequence[str]]:
    from agent.commands.offline import open_stopped, stored_outbox  # noqa: PLC0415  # loads duckdb

    with open_stopped(state) as buffer:
        return stored_outbox(buffer, destination), buffer.notes
