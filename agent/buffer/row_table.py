"""One table of rows of a segment. New rows go to the log as crates, and into the table by whole row groups.

DuckDB writes a whole row group straight to the file, compressed, with no more than its place in the log: a row is
written once as part of a crate and once as part of its table. Rows go to the table as they come where crates would
save nothing (a few), or would have to wait in too much memory (many signals).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agent.buffer import row_schema, schema
from agent.buffer.crates import Arrays, decode, row_bytes
from agent.buffer.errors import CorruptError
from agent.buffer.late import Late
from agent.buffer.row_schema import GROUP_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent.buffer.crates import Columns
    from agent.buffer.engine import Engine
    from agent.buffer.packing import Packing
    from agent.model import Block, Stream

LEAST_ROWS = 100  # of a crate, while none waits: fewer take less as they are
MOST_CRATES = 256  # that wait: a start, and each question of a process of its own, has to open them
MOST_WAITING_BYTES = 16 << 20  # of all tables of a segment, in memory, when each is just short of a row group; as
# much again is kept where batches are as large


def _nothing() -> None:
    pass


class Writing(NamedTuple):
    """Rows on their way: `finish` ends their writing, inside its transaction; `settle` is for once that is durable."""

    finish: Callable[[], None] = _nothing
    settle: Callable[[], None] = _nothing


class RowTable:
    """The rows of one set of signals in the segment that is attached as `alias`."""

    def __init__(self, alias: str, number: int, columns: Sequence[str]) -> None:
        self._alias, self.number, self._columns = alias, number, tuple(columns)
        self._late: Late | None = None

    @property
    def signals(self) -> int:
        """How many it keeps of each row."""
        return len(self._columns)

    @property
    def names(self) -> tuple[str, ...]:
        """What its tables in the file are called."""
        rows = row_schema.rows_of(self.number)
        return (rows,) if self._late is None else (rows, row_schema.crates_of(self.number))

    @property
    def waiting(self) -> bool:
        """Whether rows wait for it."""
        return self._late is not None and self._late.rows > 0

    @property
    def most_waiting_bytes(self) -> int:
        """What may wait in memory; nothing where rows are not put into crates."""
        return 0 if self._late is None else self._group_bytes

    @property
    def _group_bytes(self) -> int:
        return GROUP_ROWS * row_bytes(len(self._columns))

    def create(self, engine: Engine, left_bytes: int) -> None:
        """Make it, inside the transaction that is open; `left_bytes` more may wait in memory."""
        engine.run(row_schema.create_rows(self._alias, self.number, self._columns))
        if self._group_bytes <= left_bytes:
            engine.run(row_schema.create_crates(self._alias, self.number))
            self._late = Late(self._alias, self.number, self._columns)

    def begin(self, engine: Engine) -> None:
        """Make what is in memory of it, once it was created."""
        if self._late is not None:
            self._late.open(engine, 0)

    def load(self, engine: Engine) -> None:
        """Read what waits in a file that has crates. Raises CorruptError."""
        try:
            parts = [
                decode(payload, rows, len(self._columns))
                for rows, payload in engine.run(row_schema.read_crates(self._alias, self.number))
            ]
        except ValueError as error:
            raise CorruptError(str(error)) from error
        late = self._late = Late(self._alias, self.number, self._columns)
        late.open(engine, self._count(engine))
        for part in parts:
            rows = len(part["t"])
            late.reserve(rows).put(late.rows, part)
            late.add(rows)

    def height(self, engine: Engine) -> int:
        """Return how many rows it holds, with what waits."""
        return self._count(engine) if self._late is None else self._late.first + self._late.rows

    def write(
        self, engine: Engine, batch: int, blocks: Sequence[Block], number_of: Mapping[Stream, int], era: int,
        packing: Packing,
    ) -> Writing:  # fmt: skip
        """Write the rows of blocks of the same signals, inside the transaction that is open."""
        late, rows = self._late, sum(map(len, blocks))
        if late is None or (not late.rows and rows < LEAST_ROWS):
            arrays = Arrays(self.signals, rows)
            _gather(blocks, arrays, slice(rows), number_of, era)
            self._insert(engine, arrays.cut(slice(rows)))
            return Writing() if late is None else Writing(settle=lambda: late.start(engine, late.first + rows))
        first, arrays = late.rows, late.reserve(rows)
        assert first < GROUP_ROWS, "a whole row group waits"
        _gather(blocks, arrays, slice(first, first + rows), number_of, era)
        landing = (first + rows) // GROUP_ROWS * GROUP_ROWS
        if not landing and late.crates >= MOST_CRATES:
            landing = first + rows
        rest = slice(max(landing, first), first + rows)
        crate = packing.begin(arrays.cut(rest), self.signals) if rest.start < rest.stop else None
        if landing:
            self._land(engine, arrays.cut(slice(landing)))

        def finish() -> None:
            if crate:
                count = rest.stop - rest.start
                engine.run(row_schema.insert_crate(self._alias, self.number), [batch, count, crate()])

        def settle() -> None:
            if landing:
                late.start(engine, late.first + landing, rest)
            else:
                late.add(rows)

        return Writing(finish, settle)

    def land(self, engine: Engine) -> Callable[[], None]:
        """Put all that waits into the table, inside the transaction that is open; return its `settle`."""
        late = self._late
        if late is None or not late.rows:
            return _nothing
        self._land(engine, late.reserve(0).cut(slice(late.rows)))
        return lambda: late.start(engine, late.first + late.rows)

    def let_go(self) -> None:
        """Let go of the memory for rows: none wait, and no more come."""
        if self._late is not None:
            self._late.let_go()

    def show(self, insert: Callable[[str, Columns], None]) -> None:
        """Let what waits be read, by any thread; `insert` as in `Late.show`."""
        if self._late is not None:
            self._late.show(insert)

    def end(self, engine: Engine) -> None:
        """Give up what is in memory: the segment is let go."""
        if self._late is not None:
            self._late.end(engine)

    def _land(self, engine: Engine, columns: Columns) -> None:
        """Put what waits into the table, with what is written behind it."""
        self._insert(engine, columns)
        if self._late is not None and self._late.rows:
            engine.run(row_schema.create_crates(self._alias, self.number))

    def _insert(self, engine: Engine, columns: Columns) -> None:
        engine.insert(row_schema.insert_rows(self._alias, self.number, len(self._columns)), columns)

    def _count(self, engine: Engine) -> int:
        return int(engine.run(row_schema.count_rows(self._alias, self.number))[0][0])


def _gather(blocks: Sequence[Block], arrays: Arrays, rows: slice, number_of: Mapping[Stream, int], era: int) -> None:
    """Put the rows of blocks of the same signals into the columns of their table, of the first signals of each."""
    columns, values = arrays.cut(rows), arrays.values[:, rows]
    np.concatenate([block.values[:, : len(values)].T for block in blocks], 1, values, casting="same_kind")
    np.concatenate([block.time_ns for block in blocks], out=columns["t"])
    np.clip(columns["t"], 0, schema.LATEST_NS, out=columns["t"])
    np.concatenate([block.latency_s for block in blocks], out=columns["l"], casting="same_kind")
    np.concatenate([block.status for block in blocks], out=columns["e"], casting="unsafe")
    columns["a"][:] = era
    at = 0
    for block in blocks:
        end = at + len(block)
        columns["s"][at:end] = number_of[block.stream]
        columns["i"][at:end] = 0 if block.ids is None else block.ids
        columns["w"][at:end] = 1 if block.weights is None else block.weights
        at = end
