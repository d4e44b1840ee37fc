"""`driftline egress`: what left this device, when, and where to."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import click

from agent.clock import SystemClock
from agent.commands.moment import now_ns
from agent.commands.options import client, end_incomplete, fail, run_option, state_option
from agent.commands.spans import parse_since
from agent.ports import AgentAwayError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.client import AgentClient
    from agent.forwarded import EgressLine

MOST = 10_000


@click.command("egress")
@run_option
@state_option
@click.option("--since", default="24h", show_default=True, help="How far back: 90m, 24h, 7d, or a moment.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, each with the fields that it held.")
def command(run: str | None, state: str | None, since: str, as_json: bool) -> None:  # noqa: FBT001  # click passes flags by name
    """Print the ledger of what left: when, where to, how many parcels and bytes, and the names of what was in them.

    With --state, or where no agent answers, reads a buffer whose agent is not running; exits with 1 where some of it
    cannot be read.
    """
    left_out: Sequence[str] = ()
    try:
        start_ns = parse_since(since, now_ns(SystemClock(), None if state else client(run))).start_ns
        lines, left_out = _from_files(state, start_ns) if state else _asked(client(run), start_ns)
    except ValueError as error:
        fail(str(error), 2)
    if as_json:
        import msgspec  # noqa: PLC0415

        for line in lines:
            click.echo(msgspec.json.encode(line))
    elif lines or not left_out:
        from tui.forwarding_lines import render_egress  # noqa: PLC0415

        click.echo(render_egress(lines, shutil.get_terminal_size((80, 24)).columns))
    if len(lines) == MOST:
        click.echo(f"driftline: only the newest {MOST:,} lines; a later --since shows all of its time", err=True)
    end_incomplete(left_out)


def _asked(agent: AgentClient, since_ns: int) -> tuple[list[EgressLine], Sequence[str]]:
    try:
        return agent.egress(since_ns, MOST), ()
    except AgentAwayError as error:
        from agent.commands.offline import left_behind  # noqa: PLC0415  # loads duckdb

        return _from_files(left_behind(error), since_ns)


def _from_files(state: str, since_ns: int) -> tuple[list[EgressLine], Sequence[str]]:
    from agent.commands.offline import open_stopped, stored_egress  # noqa: PLC0415  # loads duckdb

    with open_stopped(state) as buffer:
        return stored_egress(buffer, since_ns, MOST), buffer.notes
