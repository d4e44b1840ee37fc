"""Kills a migration at each of its steps in turn: each time a child of this process, on a copy of its own.

A step is a statement that DuckDB is given, or a call of Python's that opens, copies, links, renames or removes a file.
Run as: migrating_process.py VERSION_1_DIRECTORY WORK STRIDE, to kill before every STRIDE-th step; it prints the first
such number before which nothing was left to do. WORK/n is what was left by a kill before step n.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.buffer import BufferConfig, engine, files, migrate, open_buffer
from agent.clock import ManualClock
from tests.agent.buffer.blocks import NOW_NS

if TYPE_CHECKING:
    from collections.abc import Sequence

WATCHED = {"open", "os.rename", "os.link", "os.remove", "os.truncate", "os.mkdir", "os.chmod", "shutil.copyfile"}


class Steps:
    """Counts the steps of a migration, and ends the process before one of them, or right after the last."""

    def __init__(self, fatal: int) -> None:
        self.count = 0
        self.fatal = fatal
        self.begun = False

    def step(self) -> None:
        """Take one."""
        if self.begun and self.count == self.fatal:
            os._exit(9)
        self.count += self.begun


def start_and_die(directory: Path, fatal: int) -> None:
    """Open the buffer of a directory, and end before step `fatal` or, where there is none, afterwards."""
    steps = Steps(fatal)
    migrate_core = migrate.migrate_core

    def migrating(opened: engine.Engine, path: Path, version: int) -> str:
        steps.begun = True
        try:
            return migrate_core(opened, path, version)
        finally:
            steps.step()
            steps.begun = False

    class Watched(engine.Engine):
        """Takes a step before each statement."""

        def run(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
            steps.step()
            return super().run(sql, parameters)

        def begin(self) -> None:
            steps.step()
            super().begin()

        def commit(self) -> None:
            steps.step()
            super().commit()

    migrate.migrate_core = migrating  # type: ignore[assignment]
    files.Engine = Watched  # type: ignore[attr-defined]
    sys.addaudithook(lambda event, _: steps.step() if event in WATCHED else None)
    open_buffer(directory, ManualClock(NOW_NS), BufferConfig())
    os._exit(0)


def main(left: Path, work: Path, stride: int) -> None:
    """Kill at one step after the other until a start gets through."""
    for fatal in range(0, 10_000, stride):
        directory = work / str(fatal)
        shutil.copytree(left, directory)
        child = os.fork()
        if child == 0:
            start_and_die(directory, fatal)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code not in {0, 9}:
            raise SystemExit(f"step {fatal} ended with {code}")
        if code == 0:
            break
    os.write(1, f"{fatal}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
