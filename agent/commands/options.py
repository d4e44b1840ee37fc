"""Options that several commands share, and how a command ends when the agent cannot be asked."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import click

from agent.client import AgentClient, socket_path

if TYPE_CHECKING:
    from collections.abc import Iterable

INCOMPLETE = "this is not all that is stored; the agent's next start repairs what it can and says what was lost"

run_option = click.option(
    "--run",
    envvar="DRIFTLINE_RUN",
    metavar="DIR",
    help="Directory of the rings and of the agent's socket (default: /run/driftline or the user's own).",
)
state_option = click.option(
    "--state",
    metavar="DIR",
    help="Directory of the buffer (default: /var/lib/driftline or the user's own).",
)
config_option = click.option(
    "--config",
    metavar="FILE",
    help="Configuration file (default: $DRIFTLINE_CONFIG, /etc/driftline/driftline.toml, the user's own).",
)


def client(run: str | None) -> AgentClient:
    """Return a client of the agent whose socket lies in `run`, or wherever one is found."""
    return AgentClient(socket_path(run))


def fail(message: str, code: int = 1) -> NoReturn:
    """Print one line on stderr and exit."""
    click.echo(f"driftline: {message}", err=True)
    sys.exit(code)


def end_incomplete(notes: Iterable[str]) -> None:
    """Say what was left out of an answer that is written, and exit with 1; nothing where nothing was left out."""
    told = list(notes)
    if told:
        warn(told)
        fail(INCOMPLETE)


def warn(notes: Iterable[str]) -> None:
    """Print each note on stderr."""
    for note in notes:
        click.echo(f"driftline: {note}", err=True)
