"""Reading the buffer of an agent that is not running."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from agent.buffer import BufferBusyError, BufferMissingError, SchemaTooNewError, open_readonly
from agent.buffer.query import run_query
from agent.commands.options import fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.buffer import Reader

__all__ = ["open_stopped", "run_query"]


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
