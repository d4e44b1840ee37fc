"""`driftline findings`, and what a person says to one: `ack`, `snooze` and `close`."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
import msgspec

from agent.clock import SystemClock, utc
from agent.commands.options import client, end_incomplete, fail, run_option, state_option
from agent.commands.spans import parse_seconds
from agent.ports import AgentAwayError, AgentRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.model import Finding, Verdict

_note_option = click.option("--note", default="", help="What you saw or did; kept with the finding.")


@click.group("findings", invoke_without_command=True)
@run_option
@state_option
@click.option("--all", "everything", is_flag=True, help="Closed findings too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def command(context: click.Context, run: str | None, state: str | None, everything: bool, as_json: bool) -> None:  # noqa: FBT001  # click passes flags by name
    """List the findings that are open or acknowledged, worst first.

    With --state, reads a buffer whose agent is not running; exits with 1 where some of it cannot be read.
    """
    context.obj = run
    if context.invoked_subcommand:
        return
    left_out: Sequence[str] = ()
    try:
        if state:
            found, left_out = _from_files(state, everything=everything)
        else:
            found = client(run).findings(everything=everything)
    except AgentAwayError as error:
        fail(f"{error}; to read the buffer of a stopped agent, give --state DIR")
    except AgentRefusedError as error:
        fail(str(error))
    if as_json:
        for finding in found:
            click.echo(msgspec.json.encode(finding))
    elif found or not left_out:  # "no open findings" is not what unreadable files say
        from tui.text import render_findings  # noqa: PLC0415

        # As `status` and `top` count: up to now; of an agent that is stopped, up to the last that it knew.
        now = None if state else utc(SystemClock().wall_ns())
        click.echo(render_findings(found, shutil.get_terminal_size((80, 24)).columns, now=now))
    end_incomplete(left_out)


@command.command("ack")
@click.argument("finding_id", metavar="ID")
@_note_option
@click.pass_obj
def acknowledge(run: str | None, finding_id: str, note: str) -> None:
    """Mark a finding as seen."""
    with _in_words():
        client(run).acknowledge(finding_id, note)
    click.echo(f"acknowledged {finding_id}")


@command.command("snooze")
@click.argument("finding_id", metavar="ID")
@click.option("--for", "span", default="4h", metavar="SPAN", help="How long: 90m, 4h (the default), 2d; at most 30d.")
@click.option("--wake", is_flag=True, help="Let it count again from now on.")
@_note_option
@click.pass_obj
def snooze(run: str | None, finding_id: str, span: str, wake: bool, note: str) -> None:  # noqa: FBT001  # click passes flags by name
    """Let a finding not count towards the state of the device for a while; one that gets worse counts again."""
    try:
        seconds = 0.0 if wake else parse_seconds(span)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--for'") from error
    with _in_words():
        client(run).snooze(finding_id, seconds, note)
    click.echo(f"{finding_id} counts again" if wake else f"{finding_id} does not count for {span}")


@command.command("close")
@click.argument("finding_id", metavar="ID")
@click.option(
    "--real",
    "verdict",
    flag_value="real",
    help="There was something to find. While it goes on, the state is a warning at most.",
)
@click.option("--false-alarm", "verdict", flag_value="false alarm", help="There was nothing.")
@_note_option
@click.pass_obj
def close(run: str | None, finding_id: str, verdict: Verdict | None, note: str) -> None:
    """Close a finding as what it was: --real or --false-alarm. It is kept, and the fleet is told.

    One that has ended by itself can be judged, too.
    """
    if verdict is None:
        raise click.UsageError("say what it was: --real or --false-alarm")
    with _in_words():
        client(run).judge(finding_id, verdict, note)
    click.echo(f"closed {finding_id}: {verdict}")


@contextmanager
def _in_words() -> Iterator[None]:
    """End with what the agent says to a decision that it does not take."""
    try:
        yield
    except (AgentAwayError, AgentRefusedError) as error:
        fail(str(error))
    except KeyError as error:
        fail(str(error.args[0]))


def _from_files(state: str, *, everything: bool) -> tuple[list[Finding], Sequence[str]]:
    from agent.commands.offline import open_stopped  # noqa: PLC0415

    with open_stopped(state) as buffer:
        return buffer.findings(everything=everything), buffer.notes
