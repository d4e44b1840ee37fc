# ruff: noqa: S608  # every name that is put into a statement here is of our own schema or goes through `quote`
"""What can be exported: each view as one table, and of the inferences one table for each set of signals.

Rows of one table keep the order in which they were written. Which column says when a row is from is found by its type;
a finding counts as from when it last changed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from agent.buffer import schema
from agent.buffer.columns import column_names, quote
from agent.buffer.copying import describe
from agent.buffer.portable import legal_names
from agent.buffer.query import QueryError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from agent.buffer.question import Question
    from agent.buffer.reader import Reader
    from agent.model import Signal

_INFERENCES = "inferences"
_CHANGED = {"findings": "updated", "finding_history": "updated"}
_ALWAYS = frozenset({"streams"})  # who they were is needed to read any of the others


class ExportColumn(msgspec.Struct, frozen=True, omit_defaults=True):
    """A column: its name in the file, and the signal that it holds."""

    name: str
    signal: str = ""


class ExportTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table that can be exported: `key` asks for it, `name` is what its file is called without the suffix."""

    key: str
    name: str
    rows: int
    columns: tuple[ExportColumn, ...]


def list_tables(reader: Reader, cursor: DuckDBPyConnection, since_ns: int) -> list[ExportTable]:
    """Describe every table that has rows since a moment."""
    found = []
    groups = _groups(reader)
    for number, (key, signals) in enumerate(groups.items(), 1):
        sql = _select_inferences(reader, signals, since_ns)
        name = _INFERENCES if len(groups) == 1 else f"{_INFERENCES}-{number}"
        found.append(_describe(cursor, key, name, sql, signals))
    others = [view for view in schema.VIEWS if view != _INFERENCES]
    found += [_describe(cursor, view, view, _select_view(cursor, view, since_ns), ()) for view in others]
    return [table for table in found if table.rows]


def select_table(reader: Reader, cursor: DuckDBPyConnection, question: Question) -> str:
    """Return the SELECT of one table. Raises QueryError where there is none of that key."""
    groups = _groups(reader)
    if question.table in groups:
        return _select_inferences(reader, groups[question.table], question.since_ns)
    if question.table in schema.VIEWS and question.table != _INFERENCES:
        return _select_view(cursor, question.table, question.since_ns)
    raise QueryError(f"there is no table {question.table!r} any more")


def _groups(reader: Reader) -> dict[str, tuple[Signal, ...]]:
    """Give every set of signals that has a table of rows, under a key that stays the same."""
    found: dict[str, tuple[Signal, ...]] = {}
    for segment in reader.segments:
        for signals in segment.tables.values():
            digest = hashlib.sha256(msgspec.json.encode(signals)).hexdigest()[:16]
            found.setdefault(f"{_INFERENCES}:{digest}", signals)
    return found


def _select_inferences(reader: Reader, signals: tuple[Signal, ...], since_ns: int) -> str:
    parts = [
        schema.select_rows(segment.source, number, since_ns)
        for segment in reader.segments
        for number, held in segment.tables.items()
        if held == signals
    ]
    return " UNION ALL BY NAME ".join(parts)


def _select_view(cursor: DuckDBPyConnection, view: str, since_ns: int) -> str:
    moment = _moment(cursor, view)
    condition = f" WHERE {quote(moment)} >= make_timestamp_ns({since_ns:d})" if moment and since_ns > 0 else ""
    return f"SELECT * FROM {view}{condition}"


def _moment(cursor: DuckDBPyConnection, view: str) -> str:
    if view in _ALWAYS:
        return ""
    times = [name for name, kind in describe(cursor, f"FROM {view}") if kind.startswith("TIMESTAMP")]
    return _CHANGED.get(view) or (times[0] if times else "")


def _describe(cursor: DuckDBPyConnection, key: str, name: str, sql: str, signals: tuple[Signal, ...]) -> ExportTable:
    rows: Any = cursor.execute(f"SELECT count(*) FROM (\n{sql}\n)").fetchall()[0][0]
    columns = [column for column, _ in describe(cursor, sql)]
    shown = column_names(signal.name for signal in signals)
    of = {column: signal.name for column, signal in zip(shown, signals, strict=True)}
    return ExportTable(
        key=key,
        name=name,
        rows=int(rows),
        columns=tuple(
            ExportColumn(legal, of.get(column, "")) for column, legal in zip(columns, legal_names(columns), strict=True)
        ),
    )
