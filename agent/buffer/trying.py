"""Opens a directory as the start of an agent does, in a process of its own, and says whether that gave a store on disk.

Nothing less shows that it can be used. What was broken there is repaired by that, and told to whoever asked.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from agent.buffer.config import BufferConfig  # noqa: TC001  # msgspec resolves the annotations at run time
from agent.buffer.errors import BufferBusyError, SchemaTooNewError
from agent.buffer.opening import open_buffer
from agent.clock import SystemClock
from agent.confine import end_with, yield_to_others
from agent.status import Repair  # noqa: TC001

NEEDED_MIB = 64  # its own pages: 34, and more where logs are replayed
_DATA_MIB = 512
_PRIORITY = 10  # at 19 it might never end on a busy device


class Question(msgspec.Struct, kw_only=True):
    """Which directory, and how its buffer is to be set up."""

    directory: str
    config: BufferConfig


class Answer(msgspec.Struct, kw_only=True):
    """Why it cannot be used, empty where it can; and what was repaired."""

    why: str = ""
    repairs: list[Repair] = []


def try_directory(question: Question) -> Answer:
    """Open it, and close it again."""
    try:
        buffer = open_buffer(Path(question.directory), SystemClock(), question.config)
    except (BufferBusyError, SchemaTooNewError) as error:
        return Answer(why=str(error))
    try:
        status = buffer.status()
        return Answer(why="" if status.mode == "disk" else status.notes[0], repairs=list(buffer.repairs))
    finally:
        buffer.close()


def main() -> None:
    """Answer the question on stdin; it ends with its parent, whose number is the argument."""
    end_with(int(sys.argv[1]))
    yield_to_others(_DATA_MIB, _PRIORITY)
    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    sys.stdout.buffer.write(msgspec.json.encode(try_directory(question)))


if __name__ == "__main__":
    main()
