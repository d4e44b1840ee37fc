"""The `driftline` command: a table of commands, each loaded only when it is called.

`driftline status` must answer within 150 ms, so nothing here imports what one command alone needs.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from agent import __version__

EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_CONFIG = 78  # sysexits.h EX_CONFIG: a supervisor should not try again

COMMANDS = {
    "demo": ("agent.commands.demo", "Watch a meter-reading camera whose lens fouls, for a minute."),
    "agent": ("agent.commands.run_agent", "Run the agent on this device."),
    "top": ("agent.commands.top", "Open the dashboard."),
    "status": ("agent.commands.status", "Print how the device and its models are."),
    "findings": ("agent.commands.findings", "List findings; acknowledge, snooze or close one."),
    "baseline": ("agent.commands.baseline", "Show, accept, reset, export or import what a healthy model looks like."),
    "label": ("agent.commands.label", "Tell what an inference, or a file of them, should have said."),
    "query": ("agent.commands.query", "Ask the buffer in SQL, reading only."),
    "export": ("agent.commands.export", "Write what the buffer keeps as Parquet or CSV."),
    "bundle": ("agent.commands.bundle", "Carry what waits for the fleet by hand, in a signed file."),
    "replay": ("agent.commands.replay", "Say what Driftline would have said on a CSV or Parquet file."),
    "report": ("agent.commands.report", "Write what happened as HTML and JSON, with Evidently's second opinion."),
    "outbox": ("agent.commands.outbox", "Say what waits for each destination, and what it refused."),
    "egress": ("agent.commands.egress", "Print what left this device, when and where to."),
    "link": ("agent.commands.link", "Try the ways to the destinations."),
    "doctor": ("agent.commands.doctor", "Check this installation, and say what to mend."),
    "config": ("agent.commands.config", "Check a configuration file."),
    "completion": ("agent.commands.completion", "Print shell completion for bash, zsh or fish."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called; the list and its help cost nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's interface
        """Return the commands in the order of the table: what a newcomer needs first."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # the same
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # the same
        """List the commands from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command; for a word that is none, name the nearest."""
        import difflib  # noqa: PLC0415  # only a typing error needs it

        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and near:
            ctx.fail(f"no such command {args[0]!r}. Did you mean {near[0]}?")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="driftline")
def group() -> None:
    """Driftline watches machine-learning models where they run.

    Start with `driftline demo`. On a device, run `driftline agent` and look at it with `driftline top`.
    """


def main() -> None:
    """Run the command line; a reader that has gone away (`driftline findings | head`) is no error."""
    try:
        group.main(prog_name="driftline")
    except BrokenPipeError:
        # the interpreter would complain again when it flushes stdout at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILURE)
