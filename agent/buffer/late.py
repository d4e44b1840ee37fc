"""Rows that are durable in crates and wait for their table: in memory, so that they can be read like the others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from agent.buffer import row_schema
from agent.buffer.crates import Arrays
from agent.buffer.row_schema import GROUP_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.buffer.crates import Columns
    from agent.buffer.engine import Engine

_MOST_KEPT = 2 * GROUP_ROWS
_NONE = slice(0, 0)


class Late:
    """What waits for one table. One thread writes; any may `show`.

    `first` is the place of the first row that waits, or of the next one; `rows` is how many wait, of `crates`.
    """

    def __init__(self, alias: str, number: int, columns: Sequence[str]) -> None:
        self._alias, self._number, self._columns = alias, number, tuple(columns)
        self._lock = threading.Lock()
        self._open = False
        self._arrays = Arrays(
            len(self._columns), 0
        )  # kept for others: to touch new pages takes longer than to fill them
        self._shown = 0  # so many rows are in the table in memory
        self.first = self.rows = self.crates = 0

    def open(self, engine: Engine, first: int) -> None:
        """Begin at a place, outside of any transaction."""
        with self._lock:
            engine.run(row_schema.create_late(self._alias, self._number, self._columns))
            self._open, self.first = True, first

    def start(self, engine: Engine, first: int, rest: slice = _NONE) -> None:
        """Begin anew at a place, outside of any transaction; what was written to some rows of `reserve` waits then."""
        with self._lock:
            if self._shown:
                engine.run(row_schema.create_late(self._alias, self._number, self._columns))
            rows, columns = rest.stop - rest.start, self._arrays.cut(rest)
            assert len(columns["t"]) == rows, "rows wait that nobody has"
            if self._arrays.rows > _MOST_KEPT:
                self._arrays = Arrays(len(self._columns), rows)
            self._arrays.put(0, columns)
            self.first, self.rows, self.crates, self._shown = first, rows, min(rows, 1), 0

    def reserve(self, rows: int) -> Arrays:
        """Return memory in which so many rows can be written, behind all that wait; they are where they are counted."""
        end = self.rows + rows
        with self._lock:
            if end > self._arrays.rows:
                larger = Arrays(len(self._columns), max(end, GROUP_ROWS))
                larger.put(0, self._arrays.cut(slice(self.rows)))
                self._arrays = larger
            return self._arrays

    def add(self, rows: int) -> None:
        """Take in what is durable: rows that were written to what `reserve` gave, and are in a crate."""
        with self._lock:
            self.rows += rows
            self.crates += 1

    def let_go(self) -> None:
        """Let go of the memory that is kept, where nothing waits."""
        with self._lock:
            if not self.rows:
                self._arrays = Arrays(len(self._columns), 0)

    def show(self, insert: Callable[[str, Columns], None]) -> None:
        """Let what waits be read. `insert` runs a statement over columns, on a connection of the caller's thread."""
        with self._lock:
            if not self._open or self._shown == self.rows:
                return
            columns = self._arrays.cut(slice(self._shown, self.rows))
            columns["p"] = np.arange(self.first + self._shown, self.first + self.rows)
            insert(row_schema.insert_late(self._alias, self._number, len(self._columns)), columns)
            self._shown = self.rows

    def end(self, engine: Engine) -> None:
        """Give it up, with its segment."""
        with self._lock:
            self._open = False
            engine.run(row_schema.drop_late(self._alias, self._number))
