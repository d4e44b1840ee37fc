"""Rows that are durable in crates and wait for their table: in memory, so that they can be read like the others."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from agent.buffer import row_schema
from agent.buffer.crates import join

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.buffer.crates import Columns
    from agent.buffer.engine import Engine


class Late:
    """What waits for one table. One thread writes; any may `show`.

    `first` is the place of the first row that waits, or of the next one; `rows` is how many wait, in `parts`.
    """

    def __init__(self, alias: str, number: int, columns: Sequence[str]) -> None:
        self._alias, self._number, self._columns = alias, number, tuple(columns)
        self._lock = threading.Lock()
        self._open = False
        self._shown = self._shown_rows = 0  # so many parts, and their rows, are in the table in memory
        self.parts: list[Columns] = []
        self.first = self.rows = 0

    def start(self, engine: Engine, first: int, parts: Sequence[Columns] = ()) -> None:
        """Begin anew at a place, outside of any transaction."""
        with self._lock:
            if self._shown or not self._open:
                engine.run(row_schema.create_late(self._alias, self._number, self._columns))
            self._open = True
            self._shown = self._shown_rows = 0
            self.parts = list(parts)
            self.first, self.rows = first, sum(len(part["t"]) for part in parts)

    def add(self, part: Columns) -> None:
        """Take in what is durable."""
        with self._lock:
            self.parts.append(part)
            self.rows += len(part["t"])

    def show(self, insert: Callable[[str, Columns], None]) -> None:
        """Let what waits be read. `insert` runs a statement over columns, on a connection of the caller's thread."""
        with self._lock:
            if not self._open or self._shown == len(self.parts):
                return
            columns = join(self.parts[self._shown :])
            rows = len(columns["t"])
            columns["p"] = np.arange(rows) + (self.first + self._shown_rows)
            insert(row_schema.insert_late(self._alias, self._number, len(self._columns)), columns)
            self._shown, self._shown_rows = len(self.parts), self._shown_rows + rows

    def end(self, engine: Engine) -> None:
        """Give it up, with its segment."""
        with self._lock:
            self._open = False
            engine.run(row_schema.drop_late(self._alias, self._number))
