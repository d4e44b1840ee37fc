"""Folds a long log into its file beside the agent, in the process that replays logs (`agent.buffer.rehearsal`).

The process gives way to everything else, takes so much memory and no more (what does not fit lies on the disk
meanwhile), and ends with its parent. Ended at any moment it leaves what any stop leaves.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from agent.buffer import schema
from agent.buffer.rehearsal import SETTING, encode_question, memory_of, start_process
from agent.confine import yield_to_others

if TYPE_CHECKING:
    from pathlib import Path

NEEDED_MIB = 112  # its own pages, whatever the length of the log
_DUCKDB_MIB = 48
_DATA_MIB = 256
_PRIORITY = 10  # at 19 it might never end on a busy device


class Folding:
    """One log that is being folded in. Raises OSError where the process cannot be started."""

    def __init__(self, path: Path, alias: str) -> None:
        memory = memory_of(_DUCKDB_MIB, f"{path}.spill.tmp")
        statements = [SETTING, *memory, schema.attach(str(path), alias), schema.checkpoint(alias)]
        self._process = start_process()
        assert self._process.stdin
        # One that has ended already shows when its result is asked for.
        with suppress(BrokenPipeError, ProcessLookupError), self._process.stdin:
            yield_to_others(_DATA_MIB, _PRIORITY, self._process.pid)
            self._process.stdin.write(encode_question({"statements": statements}))

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return self._process.poll() is None

    def result(self) -> tuple[bool, str]:
        """Wait for its end; return whether the log is folded in, and what DuckDB said where it is not."""
        assert self._process.stdout
        with self._process.stdout:
            said = self._process.stdout.read()
        self._process.wait()
        why = str(json.loads(said)) if said else ""
        return bool(said) and not why, why

    def end(self) -> None:
        """End it, wherever it is."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
