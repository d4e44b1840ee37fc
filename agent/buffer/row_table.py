"""One table of rows of a segment. New rows go to the log as crates, and into the table by whole row groups.

DuckDB writes a whole row group straight to the file, compressed, with no more than its place in the log: a row is
written once as part of a crate and once as part of its table. Rows go to the table as they come where crates would
save nothing (a few), or would have to wait in too much memory (many signals).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from agent.buffer import row_schema, schema
from agent.buffer.crates import cut, decode, join, row_bytes
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
MOST_WAITING_BYTES = 16 << 20  # of all tables of a segment, in memory, when each is just short of a row group


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
            self._late.start(engine, 0)

    def load(self, engine: Engine) -> None:
        """Read what waits in a file that has crates. Raises CorruptError."""
        try:
            parts = [
                decode(payload, rows, len(self._columns))
                for rows, payload in engine.run(row_schema.read_crates(self._alias, self.number))
            ]
        except ValueError as error:
            raise CorruptError(str(error)) from error
        self._late = Late(self._alias, self.number, self._columns)
        self._late.start(engine, self._count(engine), parts)

    def height(self, engine: Engine) -> int:
        """Return how many rows it holds, with what waits."""
        return self._count(engine) if self._late is None else self._late.first + self._late.rows

    def write(self, engine: Engine, batch: int, columns: Columns, packing: Packing) -> Writing:
        """Write rows inside the transaction that is open."""
        late, rows = self._late, len(columns["t"])
        if late is None:
            self._insert(engine, columns)
            return Writing()
        if not late.rows and rows < LEAST_ROWS:
            self._insert(engine, columns)
            return Writing(settle=lambda: late.start(engine, late.first + rows))
        landing = (late.rows + rows) // GROUP_ROWS * GROUP_ROWS
        if not landing and len(late.parts) >= MOST_CRATES:
            landing = late.rows + rows
        head = max(landing - late.rows, 0)
        rest = [(part := cut(columns, slice(head, None)), packing.begin(part, self.signals))] if head < rows else []
        if landing:
            self._land(engine, [*late.parts, cut(columns, slice(head))])

        def finish() -> None:
            for _, crate in rest:
                engine.run(row_schema.insert_crate(self._alias, self.number), [batch, rows - head, crate()])

        def settle() -> None:
            if landing:
                late.start(engine, late.first + landing)
            for part, _ in rest:
                late.add(part)

        return Writing(finish, settle)

    def land(self, engine: Engine) -> Callable[[], None]:
        """Put all that waits into the table, inside the transaction that is open; return its `settle`."""
        late = self._late
        if late is None or not late.rows:
            return _nothing
        self._land(engine, late.parts)
        return lambda: late.start(engine, late.first + late.rows)

    def show(self, insert: Callable[[str, Columns], None]) -> None:
        """Let what waits be read, by any thread; `insert` as in `Late.show`."""
        if self._late is not None:
            self._late.show(insert)

    def end(self, engine: Engine) -> None:
        """Give up what is in memory: the segment is let go."""
        if self._late is not None:
            self._late.end(engine)

    def _land(self, engine: Engine, parts: Sequence[Columns]) -> None:
        self._insert(engine, join(parts))
        if self._late is not None and self._late.rows:
            engine.run(row_schema.create_crates(self._alias, self.number))

    def _insert(self, engine: Engine, columns: Columns) -> None:
        engine.insert(row_schema.insert_rows(self._alias, self.number, len(self._columns)), columns)

    def _count(self, engine: Engine) -> int:
        return int(engine.run(row_schema.count_rows(self._alias, self.number))[0][0])


def gather(blocks: Sequence[Block], signals: int, number_of: Mapping[Stream, int], era: int) -> Columns:
    """Put the rows of blocks of the same signals, of which `signals` are kept, into the columns of their table."""
    rows = sum(map(len, blocks))
    by_column = np.empty((signals, rows), np.float32)
    np.concatenate([block.values[:, :signals].T for block in blocks], 1, by_column, casting="same_kind")
    return {f"c{index}": by_column[index] for index in range(signals)} | {
        "t": np.clip(np.concatenate([block.time_ns for block in blocks]), 0, schema.LATEST_NS),
        "s": np.repeat(
            np.array([number_of[block.stream] for block in blocks], np.int32), [len(block) for block in blocks]
        ),
        "l": np.concatenate([block.latency_s for block in blocks]).astype(np.float32),
        "e": np.concatenate([block.status for block in blocks]).astype(np.uint8, copy=False),
        "i": np.concatenate([np.zeros(len(b), np.uint64) if b.ids is None else b.ids for b in blocks]),
        "a": np.full(rows, era, np.uint8),
        "w": np.concatenate([np.ones(len(b), np.float32) if b.weights is None else b.weights for b in blocks]),
    }
