# ruff: noqa: S608  # a statement that was looked at, and numbers
"""Writes the answer to a question to this process's stdout, as Parquet or CSV; used only in a process of its own.

DuckDB writes both from beginning to end, so a pipe will do, and the memory holds one row group, never the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.engine import STDOUT
from agent.buffer.portable import portable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# DuckDB keeps the row group that it writes in memory, next to what it reads: at most so many values of it.
_GROUP_VALUES = 2_000_000
_GROUP_ROWS = (2_048, 122_880)


def copy_out(cursor: DuckDBPyConnection, sql: str, form: str) -> int:
    """Write the answer to the SELECT `sql`; return the number of its rows."""
    columns = describe(cursor, sql)
    if form == "csv":
        options = "FORMAT csv, HEADER"
    else:
        least, most = _GROUP_ROWS
        rows = max(least, min(most, _GROUP_VALUES // max(1, len(columns))))
        options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows}"
    (written,) = cursor.execute(f"COPY (\n{portable(sql, columns)}\n) TO '{STDOUT}' ({options})").fetchall()[0]
    return int(written)


def has_more(cursor: DuckDBPyConnection, sql: str, rows: int) -> bool:
    """Whether an answer goes on after so many rows."""
    return bool(
        cursor.execute(f"SELECT count(*) FROM (SELECT 1 FROM (\n{sql}\n) LIMIT 1 OFFSET {rows})").fetchall()[0][0]
    )


def describe(cursor: DuckDBPyConnection, sql: str) -> list[tuple[str, str]]:
    """Return the names and types of the columns of an answer."""
    cursor.execute(f"SELECT * FROM (\n{sql}\n) LIMIT 0")
    found = [(str(name), str(kind)) for name, kind, *_ in cursor.description or []]
    cursor.fetchall()
    return found
