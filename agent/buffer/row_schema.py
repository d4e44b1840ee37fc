# ruff: noqa: S608  # every name that is put into a statement here is a number of ours or goes through `quote`
"""SQL of rows: the table of each set of signals, the crates in which new rows wait for it, and both read as one.

A row's place, its `rowid`, is how many rows of its table came before it. One that waits is in a table in memory, too,
to be read there under the place that it will have; once it is in its own table, what is in memory of it is passed over.
A question looks at memory first, and so sees each row once, whatever is written beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.columns import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

INCOMING = "incoming"
GROUP_ROWS = 30_720  # of a row group, a quarter of DuckDB's own


def rows_of(number: int) -> str:
    """Name the table of one set of signals."""
    return f"rows_{number}"


def crates_of(number: int) -> str:
    """Name the table of the crates of one set of signals; a segment without it has none."""
    return f"crates_{number}"


def create_rows(alias: str, number: int, columns: Sequence[str]) -> str:
    """Statement that makes the table of one set of signals."""
    return f"CREATE TABLE {alias}.{rows_of(number)} ({_fields(columns)})"


def create_crates(alias: str, number: int) -> str:
    """Statement that makes the table of crates, in place of one that has had its time.

    Deleted from, it would be written whole at the next checkpoint; dropped, it is not.
    """
    return f"CREATE OR REPLACE TABLE {alias}.{crates_of(number)} (batch BIGINT, rows INTEGER, payload BLOB)"


def create_late(alias: str, number: int, columns: Sequence[str]) -> str:
    """Statement that makes the table in memory, in place of one that has had its time."""
    return f"CREATE OR REPLACE TABLE {_late(alias, number)} (rowid BIGINT, {_fields(columns)})"


def drop_late(alias: str, number: int) -> str:
    """Statement that gives up the table in memory."""
    return f"DROP TABLE IF EXISTS {_late(alias, number)}"


def insert_rows(alias: str, number: int, columns: int) -> str:
    """Statement that appends the registered columns t, s, l, e, c0, c1, …, i (0: none), w and a to a table."""
    return f"INSERT INTO {alias}.{rows_of(number)} SELECT {_incoming(columns)} FROM {INCOMING}"


def insert_late(alias: str, number: int, columns: int) -> str:
    """Statement that appends them to the table in memory, with their places p."""
    return f"INSERT INTO {_late(alias, number)} SELECT p, {_incoming(columns)} FROM {INCOMING}"


def insert_crate(alias: str, number: int) -> str:
    """Statement that appends a crate: of which batch, how many rows, and what they are."""
    return f"INSERT INTO {alias}.{crates_of(number)} VALUES (?, ?, ?)"


def read_crates(alias: str, number: int) -> str:
    """Statement that reads the crates in their order."""
    return f"SELECT rows, payload FROM {alias}.{crates_of(number)} ORDER BY rowid"


def count_rows(alias: str, number: int) -> str:
    """Statement that counts the rows of a table, without what waits for it."""
    return f"SELECT count(*) FROM {alias}.{rows_of(number)}"


def all_rows(alias: str, number: int, *, crated: bool, placed: bool = False) -> str:
    """Select the rows of a table with what waits for it; `placed`: with their places, in the column `rowid`."""
    rows = f"SELECT {'rowid, ' if placed else ''}* FROM {alias}.{rows_of(number)}"
    if not crated:
        return rows
    late = "*" if placed else "* EXCLUDE (rowid)"
    return f"{rows} UNION ALL SELECT {late} FROM {_late(alias, number)} WHERE rowid >= ({count_rows(alias, number)})"


def _late(alias: str, number: int) -> str:
    return f"memory.main.late_{alias}_{number}"


def _fields(columns: Sequence[str]) -> str:
    signals = "".join(f", {quote(column)} REAL" for column in columns)
    return (
        f"time TIMESTAMP_NS, stream INTEGER, latency_s REAL, status UTINYINT{signals}, inference_id UBIGINT, "
        "weight REAL, era UTINYINT"
    )


def _incoming(columns: int) -> str:
    signals = "".join(f", c{index}" for index in range(columns))
    return f"make_timestamp_ns(t), s, l, e{signals}, nullif(i, 0), w, a"
