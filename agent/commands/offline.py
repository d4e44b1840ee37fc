"""Reading the buffer of an agent that is not running."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from agent.buffer import BufferBusyError, SchemaTooNewError, open_readonly
from agent.buffer.query import run_query
from agent.commands.options import fail

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.buffer import Buffer

__all__ = ["open_stopped", "run_query"]


@contextlib.contextmanager
def open_stopped(state: str) -> Iterator[Buffer]:
    """Open a state directory for reading; ends the command with a clear line where it cannot be."""
    directory = Path(state)
    if not directory.is_dir():
        fail(f"{state}: no such directory")
    try:
        buffer = open_readonly(directory)
    except BufferBusyError as error:
        fail(f"{error}; its agent is running: leave --state out")
    except SchemaTooNewError as error:
        fail(str(error))
    try:
        yield buffer
    finally:
        buffer.close()
