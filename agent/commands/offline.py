"""Reading the buffer of an agent that is not running."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.buffer import BufferBusyError, BufferMissingError, SchemaTooNewError, open_readonly
from agent.buffer.asking import ask
from agent.buffer.query import run_query
from agent.buffer.question import Question
from agent.commands.options import fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.buffer import Reader
    from agent.frames import Verdict

__all__ = ["ask_stopped", "open_stopped", "run_query"]


def ask_stopped(state: str, **request: Any) -> Iterator[bytes | Verdict]:
    """Ask the files of a stopped agent in a process of its own; yields pieces of the answer, and last a verdict."""
    return ask(Question(directory=str(Path(state).absolute()), beside=False, **request))


@contextlib.contextmanager
def open_stopped(state: str) -> Iterator[Reader]:
    """Open a state directory for reading; ends the command with a clear line where it cannot be."""
    try:
        reader = open_readonly(Path(state))
    except BufferBusyError as error:
        fail(f"{error}; its agent is running: leave --state out")
    except (BufferMissingError, SchemaTooNewError) as error:
        fail(str(error))
    try:
        yield reader
    finally:
        reader.close()
