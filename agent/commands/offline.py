"""Reading the buffer of an agent that is not running."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.buffer import BufferBusyError, BufferMissingError, SchemaTooNewError, open_readonly
from agent.buffer.asking import ask
from agent.buffer.outgoing.offline import OfflineOutbox
from agent.buffer.query import run_query
from agent.buffer.question import Question
from agent.buffer.repair import CORE_FILE
from agent.commands.options import fail
from agent.forwarded import OutboxView
from agent.paths import state_directory
from exporters.forwarding.lines import egress_line, letter_line, waiting_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.buffer import Reader
    from agent.forwarded import EgressLine
    from agent.frames import Verdict
    from agent.ports import AgentAwayError

__all__ = ["ask_stopped", "left_behind", "open_stopped", "run_query", "stored_egress", "stored_outbox"]


def ask_stopped(state: str, **request: Any) -> Iterator[bytes | Verdict]:
    """Ask the files of a stopped agent in a process of its own; yields pieces of the answer, and last a verdict."""
    return ask(Question(directory=str(Path(state).absolute()), beside=False, **request))


def stored_outbox(reader: Reader, destination: str) -> OutboxView:
    """Say what waits for a destination, or for all. Raises KeyError for one that has no place in the queue."""
    outbox = OfflineOutbox(reader)
    waiting = outbox.waiting()
    chosen = [one for one in waiting if destination in {"", one.destination}]
    if destination and not chosen:
        known = ", ".join(one.destination for one in waiting) or "there is none"
        raise KeyError(f"nothing was ever sent to {destination!r}: {known}")
    return OutboxView(
        destinations=tuple(waiting_status(one) for one in chosen),
        dead_letters=tuple(map(letter_line, outbox.dead_letters(destination))),
    )


def stored_egress(reader: Reader, since_ns: int, most: int) -> list[EgressLine]:
    """Return lines of the ledger, newest first."""
    return [egress_line(line) for line in OfflineOutbox(reader).egress(since_ns, most)]


def left_behind(away: AgentAwayError) -> str:
    """Return where an agent that does not answer keeps its state, and say so; ends the command where nothing is."""
    state = state_directory(None)
    if not (state / CORE_FILE).exists():
        fail(f"{away}; to read the buffer of a stopped agent, give --state DIR")
    click.echo(f"driftline: {away}; this is what it left in {state}", err=True)
    return str(state)


@contextlib.contextmanager
def open_stopped(state: str) -> Iterator[Reader]:
    """Open a state directory for reading; ends the command with a clear line where it cannot be."""
    try:
        reader = open_readonly(Path(state))
    except BufferBusyError as error:
        fail(f"{error}; its agent is running: leave --state out, or say with --run where its socket is")
    except (BufferMissingError, SchemaTooNewError) as error:
        fail(str(error))
    try:
        yield reader
    finally:
        reader.close()
