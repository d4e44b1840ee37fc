# ruff: noqa: S608  # every name that is put into a statement here is a number of ours or goes through `quote`
"""Reads the rows of one stream back, in the order in which they were written, as the blocks that they came as.

A mark says how far the segments had been written at one moment: rows are only ever appended, so a number of rows for
each table of the newest segment is enough. Rows of one table come back in their order. Where a stream changed its
signals, rows of two tables are put together by their times. Rows of more than MOST_SIGNALS signals are not stored
whole, and do not come back.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import msgspec
import numpy as np

from agent.buffer import recorded_schema, schema
from agent.buffer.columns import column_names, quote
from agent.buffer.era_schema import moved_ns
from agent.buffer.errors import UnavailableError
from agent.buffer.flight import pick
from agent.buffer.segment import MOST_SIGNALS
from agent.model import Block

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from agent.buffer.engine import Engine
    from agent.buffer.files import Files
    from agent.buffer.segment import Segment

BLOCK_ROWS = 2_000


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """What had been written: everything in segments before `segment`, and so many rows of each of its tables."""

    segment: int = 0
    rows: dict[int, int] = {}
    frame: int = 0  # of the recorder's journal, where that keeps the rows
    summary: int = -1  # the last one closed; -1 where nobody noted it
    batch: int = -1  # the last one; the same


class StoredRows:
    """The rows in the segments of `files`. Reading raises OSError where DuckDB cannot, ValueError for no mark."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def mark(self) -> Mark:
        """Say how far the segments are written."""
        with _said_plainly():
            return self._files.read(self._mark)

    def since(self, key: str, after: Mark) -> Iterator[Block]:
        """Yield the rows of a stream that were written after a mark."""
        with _said_plainly():
            engine = self._files.ready()
            if engine is None:
                raise OSError(self._files.trouble)
            for segment in self._files.segments.opened:
                if segment.number < after.segment:
                    continue
                _check_here(segment)
                written = after.rows if segment.number == after.segment else {}
                spans = {table: (written.get(table, 0), segment.height(engine, table)) for table in segment.tables}
                yield from _read(engine, segment, key, spans)
            self._check_batches(engine, after)

    def last(self, key: str, count: int, before: Mark | None) -> list[Block]:
        """Return the newest `count` rows of a stream, or of those before a mark."""
        with _said_plainly():
            blocks = self._files.read(lambda engine: self._last(engine, key, count, before))
        surplus = sum(map(len, blocks)) - count  # where several tables were looked through
        while surplus > 0 and blocks:
            first = blocks.pop(0)
            if len(first) > surplus:
                blocks.insert(0, pick(first, slice(surplus, None)))
            surplus -= len(first)
        return blocks

    def summarised(self, key: str, after: int) -> int:
        """Count the inferences of a stream in the summaries after a number, but for the first: it began before."""
        with _said_plainly():
            return self._files.read(lambda engine: self._summarised(engine, key, after))

    def _summarised(self, engine: Engine, key: str, after: int) -> int:
        counts: list[tuple[int, int]] = []
        for segment in self._files.segments.opened:
            numbers = [number for stream, number in segment.streams.items() if stream.key == key]
            if numbers and segment.has(schema.SUMMARIES):
                counts += engine.run(recorded_schema.READ_COUNTS.format(db=segment.alias), [after, numbers])
        return sum(count for _, count in sorted(counts)[1:])

    def _mark(self, engine: Engine) -> Mark:
        segments = self._files.segments.opened
        last = self._files.witness.last_batch
        if not segments:
            return Mark(batch=last)
        newest = segments[-1]
        if newest.awaited:
            return Mark(newest.number + 1, batch=last)
        return Mark(newest.number, {table: newest.height(engine, table) for table in newest.tables}, batch=last)

    def _check_batches(self, engine: Engine, after: Mark) -> None:
        """Raise OSError where not every batch since a mark is there; its number tells of one that is not."""
        if after.batch < 0:
            return
        segments = [segment for segment in self._files.segments.opened if segment.last_batch > after.batch]
        counts = (engine.run(schema.COUNT_BATCHES.format(db=one.alias), [after.batch])[0][0] for one in segments)
        if missing := self._files.witness.last_batch - after.batch - sum(counts):
            raise OSError(f"{missing} batches since the last saved state are lost")

    def _last(self, engine: Engine, key: str, count: int, before: Mark | None) -> list[Block]:
        found: list[list[Block]] = []
        for segment in reversed(self._files.segments.opened):
            if count <= 0 or (before and segment.number > before.segment):
                continue
            _check_here(segment)
            spans = {}
            for table in segment.tables:
                top = segment.height(engine, table)
                if before and segment.number == before.segment:
                    top = min(top, before.rows.get(table, 0))
                spans[table] = (_start_of_last(engine, segment, table, key, count, top), top)
            found.append(list(_read(engine, segment, key, spans)))
            count -= sum(map(len, found[-1]))
        return [block for some in reversed(found) for block in some]


@contextmanager
def _said_plainly() -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, UnavailableError) as error:
        raise OSError(str(error).splitlines()[0]) from error


def _check_here(segment: Segment) -> None:
    if segment.awaited:
        raise OSError(f"rows of {segment.awaited} are still being read back")


def decode_mark(mark: bytes) -> Mark:
    """Read a mark. Raises ValueError."""
    try:
        return msgspec.msgpack.decode(mark, type=Mark) if mark else Mark()
    except msgspec.MsgspecError as error:
        raise ValueError(f"no mark of a buffer: {error}") from error


def _start_of_last(engine: Engine, segment: Segment, table: int, key: str, count: int, top: int) -> int:
    segment.show(engine.insert)
    sql = (
        f"SELECT min(rowid) FROM (SELECT rowid FROM ({segment.source.rows(table, placed=True)}) WHERE rowid < ? AND "
        "list_contains(?, stream) ORDER BY rowid DESC LIMIT ?)"
    )
    first = engine.run(sql, [top, _numbers(segment, key), count])[0][0]
    return top if first is None else int(first)


def _numbers(segment: Segment, key: str) -> list[int]:
    return [number for stream, number in segment.streams.items() if stream.key == key]


def _read(engine: Engine, segment: Segment, key: str, spans: dict[int, tuple[int, int]]) -> Iterator[Block]:
    filled = {
        table: span for table, span in spans.items() if span[1] > span[0] and len(segment.tables[table]) <= MOST_SIGNALS
    }
    if not _numbers(segment, key):
        return
    segment.show(engine.insert)
    if len(filled) <= 1:
        runs = [(table, start, stop) for table, (start, stop) in filled.items()]
    else:
        runs = _merged(engine, segment, key, filled)
    for table, start, stop in runs:
        for first in range(start, stop, BLOCK_ROWS):
            block = _fetch(engine, segment, key, table, first, min(first + BLOCK_ROWS, stop))
            if len(block):
                yield block


def _merged(
    engine: Engine, segment: Segment, key: str, spans: dict[int, tuple[int, int]]
) -> list[tuple[int, int, int]]:
    """Cut the spans of several tables into runs, in the order of their times."""
    rows, times, tables = [], [], []
    for table, (start, stop) in spans.items():
        sql = (
            f"SELECT rowid AS place, {_time_of(segment)} AS t FROM ({segment.source.rows(table, placed=True)}) "
            "WHERE rowid >= ? AND rowid < ? AND list_contains(?, stream) ORDER BY rowid"
        )
        found = engine.fetch(sql, [start, stop, _numbers(segment, key)])
        rows.append(np.asarray(found["place"], np.int64))
        # Within a table the order of writing holds, whatever the clock did.
        times.append(np.maximum.accumulate(np.asarray(found["t"], np.int64)) if len(found["t"]) else found["t"])
        tables.append(np.full(len(rows[-1]), table))
    order = np.argsort(np.concatenate(times), kind="stable")
    row, of = np.concatenate(rows)[order], np.concatenate(tables)[order]
    if not len(row):
        return []
    begins = np.flatnonzero(np.concatenate(([True], of[1:] != of[:-1])))
    ends = np.concatenate((begins[1:], [len(row)])) - 1
    return [(int(of[b]), int(row[b]), int(row[e]) + 1) for b, e in zip(begins.tolist(), ends.tolist(), strict=True)]


def _fetch(engine: Engine, segment: Segment, key: str, table: int, start: int, stop: int) -> Block:
    signals = segment.tables[table]
    columns = column_names(signal.name for signal in signals)
    names = "".join(f", {quote(column)} AS c{at}" for at, column in enumerate(columns))
    weight = "weight" if segment.has(schema.SUMMARIES) else "1::REAL"
    sql = (
        f"SELECT {_time_of(segment)} AS t, stream AS s, latency_s AS l, status AS e, {weight} AS w{names} "
        f"FROM ({segment.source.rows(table, placed=True)}) WHERE rowid >= ? AND rowid < ? AND list_contains(?, stream) "
        "ORDER BY rowid"
    )
    found = engine.fetch(sql, [start, stop, _numbers(segment, key)])
    count = len(found["t"])
    weights = np.asarray(found["w"], np.float32)
    streams = {number: stream for stream, number in segment.streams.items()}
    last = int(found["s"][-1]) if count else 0
    return Block(
        stream=streams[last] if count else next(iter(segment.streams)),
        signals=signals,
        time_ns=np.asarray(found["t"], np.int64),
        latency_s=_filled(found["l"]).astype(np.float64),
        status=np.asarray(found["e"], np.uint8),
        values=np.column_stack([_filled(found[f"c{at}"]) for at in range(len(columns))]).astype(np.float32)
        if columns
        else np.empty((count, 0), np.float32),
        weights=None if (weights == 1).all() else weights,
    )


def _time_of(segment: Segment) -> str:
    return moved_ns("time", segment.eras.shifts)


def _filled(column: NDArray[np.float32]) -> NDArray[np.float32]:
    """Missing values are NaN again."""
    return np.ma.filled(np.ma.asarray(column, np.float32), np.nan)
