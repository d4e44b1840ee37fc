"""One segment: an attached file that takes rows and readings, and can be read without any other file.

A batch goes in as one transaction, with its id and the positions of its sources: all of it is there, or nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from agent.buffer import era_schema, recorded_schema, row_schema, schema
from agent.buffer.answers import write_answers
from agent.buffer.columns import column_names
from agent.buffer.eras import Eras
from agent.buffer.errors import CorruptError
from agent.buffer.folders import size_of
from agent.buffer.labels import write_labels
from agent.buffer.row_table import MOST_WAITING_BYTES, RowTable
from agent.buffer.summaries import write_summaries
from agent.buffer.tables import prepare_tables, read_streams
from agent.buffer.text import encode
from agent.model import Signal, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from agent.buffer.crates import Columns
    from agent.buffer.engine import Commit, Engine
    from agent.buffer.packing import Packing
    from agent.buffer.pending import Batch
    from agent.model import Reading

Series = tuple[str, str, tuple[tuple[str, str], ...]]
Carried = tuple[int, "Mapping[str, int]"]  # the last batch of earlier segments, and their positions

# DuckDB keeps one block in memory for each column that is being filled: 1,000 columns did not fit into 48 MiB, 300 did.
MOST_SIGNALS = 300
_MOST_SOURCES = 256  # a ring file that was not among the last so many written is gone
_signals = msgspec.json.Decoder(tuple[Signal, ...])
_labels = msgspec.json.Decoder(dict[str, str])


class Segment:
    """A segment file, or with `path` None the same in memory. `number` orders them; the day is only a label."""

    def __init__(self, number: int, day: str, path: Path | None) -> None:
        self.number = number
        self.day = day
        self.path = path
        self.alias = f"segment_{number}"
        self.rows = 0
        self.last_written_ns = 0  # when the last batch was, by the clock of then
        self.last_batch = self.last_summary = 0
        self._schemas: dict[tuple[Signal, ...], int] = {}
        self._rows: dict[int, RowTable] = {}
        self.streams: dict[Stream, int] = {}
        self.positions: dict[str, int] = {}
        self._series: dict[Series, int] = {}
        self._memory_bytes = 0
        self.eras = Eras(self.alias)
        self.version = schema.VERSION
        self.names: frozenset[str] = frozenset()
        self.awaited = ""  # of when its rows are, while only what is known of them is here (`agent.buffer.lean`)
        self.expected = False  # whether they will be here soon

    @property
    def bytes(self) -> int:
        """What it takes, on disk or in memory."""
        return size_of(self.path) if self.path else self._memory_bytes

    @property
    def outdated(self) -> bool:
        """Whether a version of before wrote it: it is read as it is until it goes, and takes no more rows."""
        return self.version < schema.VERSION

    @property
    def takes_rows(self) -> bool:
        """Whether rows can be written to it."""
        return not (self.outdated or self.awaited or self.eras.full)

    @property
    def source(self) -> era_schema.Source:
        """What the views have to know of it."""
        return era_schema.Source(self.alias, self.schemas, self.names, self.eras.shifts)

    @property
    def schemas(self) -> range:
        """The numbers of its tables of rows."""
        return range(1, _next(self._schemas))

    @property
    def tables(self) -> dict[int, tuple[Signal, ...]]:
        """Its tables of rows, each with the signals that it holds."""
        return {number: signals for signals, number in self._schemas.items()}

    @property
    def waiting(self) -> bool:
        """Whether rows wait for one of its tables."""
        return any(table.waiting for table in self._rows.values())

    def load(self, engine: Engine, carried: Carried = (0, {})) -> None:
        """Make the tables where they are missing, and read what is known of earlier batches.

        A new file repeats the positions of `carried`, so that they outlive the segments that they are from.
        """
        batch, positions = carried
        insert = schema.INSERT_POSITION.format(db=self.alias)
        newest = list(positions.items())[-_MOST_SOURCES:]
        rows: list[schema.Statement] = [(insert, (batch, source, seq)) for source, seq in newest]
        self.version, self.names = prepare_tables(engine, self.alias, schema.SEGMENT_TABLES, self.path, rows)
        db = {"db": self.alias}
        self.last_batch, self.rows, self.last_written_ns = engine.run(schema.READ_BATCHES.format(**db))[0]
        if self.has(schema.SUMMARIES):
            self.last_summary = engine.run(recorded_schema.READ_LAST_SUMMARY.format(**db))[0][0]
        self.positions = dict(engine.run(schema.READ_POSITIONS.format(**db)))
        self.streams = read_streams(engine, self.alias)
        self.eras.load(engine, known=self.has(era_schema.ERAS_TABLE))
        try:
            tables = [(at, _signals.decode(text)) for at, text in engine.run(schema.READ_SCHEMAS.format(**db))]
            self._series = {
                (name, unit, tuple(_labels.decode(text).items())): at
                for at, name, unit, text in engine.run(schema.READ_SERIES.format(**db))
            }
        except msgspec.MsgspecError as error:
            raise CorruptError(str(error)) from error
        self._schemas = {signals: number for number, signals in tables}
        self._rows = {number: self._table(number, signals) for number, signals in tables}
        for number, table in self._rows.items():
            if self.has(row_schema.crates_of(number)):
                table.load(engine)

    def has(self, table: str) -> bool:
        """Whether there is such a table; one of a version before may lack it."""
        return table in self.names

    def newest_batch(self, engine: Engine, but_of: str = "") -> tuple[str, int, int, int] | None:
        """Return boot, time since boot, observed time and wall time of the newest batch that is not of a boot."""
        if not self.eras.known:
            return None
        found = engine.run(schema.READ_NEWEST_BATCH.format(db=self.alias), [but_of])
        if not found:
            return None
        boot, since_boot_ns, observed_ns, wall_ns, era = found[0]
        return boot, since_boot_ns, observed_ns, self.eras.moved(era, wall_ns)

    def observed(self, engine: Engine) -> tuple[int, int] | None:
        """Return the observed time of the first and of the last batch; None without one, or of a version without."""
        if not self.eras.known:
            return None
        first, last = engine.run(schema.READ_OBSERVED.format(db=self.alias))[0]
        return None if last is None else (first, last)

    def holds(self, engine: Engine, batch: int) -> bool:
        """Whether a batch was committed here."""
        return bool(engine.run(schema.READ_BATCH.format(db=self.alias), [batch])[0][0])

    def height(self, engine: Engine, number: int) -> int:
        """Return how many rows one of its tables holds, with what waits for it."""
        return self._rows[number].height(engine)

    def show(self, insert: Callable[[str, Columns], None]) -> None:
        """Let every committed row be read, by any thread; `insert` as in `agent.buffer.late`."""
        for table in self._rows.values():
            table.show(insert)

    def land(self, engine: Engine, commit: Commit) -> None:
        """Put what waits into its tables: no more rows come."""
        waiting = [table for table in self._rows.values() if table.waiting]
        if waiting:
            engine.begin()
            settle = [table.land(engine) for table in waiting]
            commit(lambda: _all(settle))
        for table in self._rows.values():
            table.let_go()

    def end(self, engine: Engine) -> None:
        """Give up what is in memory of it, once it is in no view."""
        for table in self._rows.values():
            table.end(engine)

    def write(
        self, engine: Engine, batch: Batch, number_of: Mapping[Stream, int], packing: Packing, commit: Commit
    ) -> bool:
        """Write a batch in one transaction, ended by `commit`; return whether a table was added."""
        schemas, streams, series = dict(self._schemas), dict(self.streams), dict(self._series)
        rows = dict(self._rows)
        engine.begin()
        known = self.eras.find(batch.stamp)
        era = known or self.eras.next(batch.stamp)
        if known is None:
            engine.run(*self.eras.insert(era))
        written = (batch.stamp.wall_ns, batch.rows, batch.stamp.boot, batch.stamp.since_boot_ns, era.number)
        engine.run(schema.INSERT_BATCH.format(db=self.alias), [batch.id, *written, batch.observed_ns])
        self._write_streams(engine, streams, {stream: number_of[stream] for stream in batch.streams})

        def number_of_signals(signals: tuple[Signal, ...]) -> int:
            return self._schema(engine, schemas, rows, signals)

        writing = []
        for signals in dict.fromkeys(block.signals for block in batch.blocks if len(block)):
            blocks = [block for block in batch.blocks if block.signals == signals and len(block)]
            table = rows[number_of_signals(signals)]
            writing.append(table.write(engine, batch.id, blocks, streams, era.number, packing))
        if batch.readings:
            self._write_readings(engine, series, batch.readings, era.number)
        write_summaries(engine, self.alias, batch.summaries, streams, number_of_signals, MOST_SIGNALS, era.number)
        write_answers(engine, self.alias, batch.answers, streams, era.number)
        for window in batch.windows:
            engine.run(recorded_schema.INSERT_WINDOW.format(db=self.alias), [*window, era.number])
        if batch.labels:
            write_labels(engine, self.alias, batch.labels, era.number)
        for source, seq in batch.positions.items():
            engine.run(schema.INSERT_POSITION.format(db=self.alias), [batch.id, source, seq])
        _all(one.finish for one in writing)
        made = [rows[number] for number in rows.keys() - self._rows.keys()]
        commit(lambda: _all([*(partial(table.begin, engine) for table in made), *(one.settle for one in writing)]))
        if known is None:
            self.eras.add(era)
        self.names |= {name for table in made for name in table.names}
        self._schemas, self._rows, self.streams, self._series = schemas, rows, streams, series
        self.last_batch, self.last_written_ns = batch.id, batch.stamp.wall_ns
        self.last_summary = batch.summaries[-1][0] if batch.summaries else self.last_summary
        self.rows += batch.rows
        self._memory_bytes += batch.bytes
        for source, seq in batch.positions.items():
            self.positions.pop(source, None)  # the order is that of the last use
            self.positions[source] = seq
        return bool(made)

    def _write_streams(self, engine: Engine, known: dict[Stream, int], wanted: Mapping[Stream, int]) -> None:
        for stream, wish in wanted.items():
            if stream not in known:
                # A core that was replaced may give out a number again that another identity has here.
                number = _next(known) if wish in known.values() else wish
                engine.run(schema.INSERT_STREAM.format(db=self.alias), [number, *_identity(stream)])
                known[stream] = number

    def _table(self, number: int, signals: tuple[Signal, ...]) -> RowTable:
        return RowTable(self.alias, number, column_names(signal.name for signal in signals[:MOST_SIGNALS]))

    def _schema(
        self, engine: Engine, schemas: dict[tuple[Signal, ...], int], rows: dict[int, RowTable],
        signals: tuple[Signal, ...],
    ) -> int:  # fmt: skip
        """Return the number of a set of signals, whose table is made where it is new."""
        number = schemas.get(signals)
        if number is None:
            number = schemas[signals] = _next(schemas)
            engine.run(schema.INSERT_SCHEMA.format(db=self.alias), [number, encode(signals)])
            left = MOST_WAITING_BYTES - sum(table.most_waiting_bytes for table in rows.values()) if self.path else 0
            rows[number] = self._table(number, signals)
            rows[number].create(engine, left)
        return number

    def _write_readings(self, engine: Engine, known: dict[Series, int], readings: list[Reading], era: int) -> None:
        for reading in readings:
            series = (reading.name, reading.unit, reading.labels)
            if series not in known:
                known[series] = _next(known)
                labels = encode(dict(reading.labels))
                engine.run(
                    schema.INSERT_SERIES.format(db=self.alias), [known[series], reading.name, reading.unit, labels]
                )
        columns = {
            "t": np.clip(np.array([reading.time_ns for reading in readings], np.int64), 0, schema.LATEST_NS),
            "i": np.array([known[r.name, r.unit, r.labels] for r in readings], np.int32),
            "v": np.array([reading.value for reading in readings], np.float64),
            "a": np.full(len(readings), era, np.uint8),
        }
        engine.insert(schema.INSERT_READINGS.format(db=self.alias), columns)


def _all(steps: Iterable[Callable[[], None]]) -> None:
    for step in steps:
        step()


def _next(numbers: Mapping[Any, int]) -> int:
    # Not the length: names that cannot be stored as they are may be one name when they are read back.
    return max(numbers.values(), default=0) + 1


def _identity(stream: Stream) -> tuple[object, ...]:
    return msgspec.structs.astuple(stream)
