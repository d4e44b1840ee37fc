"""Keeps the log of the core short: what is in it is in memory, too, and folded in it takes a third of the room.

Where the disk is full it is kept shorter still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer import schema
from agent.buffer.config import MIB
from agent.buffer.folders import length_of, wal_of

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer.engine import Engine
    from agent.buffer.reserve import Reserve

_RESERVE_SHARE = 16  # of the reserve, what the log may take before it is folded in
_MEMORY_SHARE = 12  # of DuckDB's memory, what it may take there
_LEAST_LOG = 128 * 1024


class CoreLog:
    """The log of the core at `path`, None in memory; `reserve` says whether the disk is full."""

    def __init__(self, path: Path | None, reserve: Reserve) -> None:
        self._path = path
        self._reserve = reserve
        self._fold_at = _LEAST_LOG

    def fold(self, engine: Engine) -> None:
        """Fold it in where it is long. Raises duckdb.Error, OSError."""
        path, reserve = self._path, self._reserve
        if path is None:
            return
        path.stat()  # raises where it is gone: what is written to it still goes somewhere, and would be told as stored
        size = reserve.size // _RESERVE_SHARE if reserve.in_use else engine.memory_mib * MIB // _MEMORY_SHARE
        usual = max(_LEAST_LOG, size)
        if not reserve.in_use:
            self._fold_at = usual
        if length_of(wal_of(path)) > self._fold_at:
            if reserve.in_use and not reserve.held:
                self._fold_at *= 2  # there may be no room even for that: not with every finding
            engine.run(schema.checkpoint(schema.CORE))
            self._fold_at = usual
