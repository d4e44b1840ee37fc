"""Asks the buffer a question in SQL, without a way to write, to read other files, or to hold ingest up.

The query runs on a connection of its own in the caller's thread, in a read-only transaction, with a watchdog that
interrupts it. Results are plain values that JSON can carry: times in RFC 3339 UTC, durations in seconds.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import msgspec

from agent.buffer import schema
from agent.buffer.errors import UnavailableError
from agent.buffer.guard import RefusedQueryError, check
from agent.buffer.plain import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from duckdb import DuckDBPyConnection

_INTERRUPT_EVERY_S = 0.05
_FETCH_ROWS = 1_000


class Source(Protocol):
    """Where a query can run: an open buffer or the files of a stopped agent."""

    def cursor(self) -> AbstractContextManager[DuckDBPyConnection]:
        """Give a connection for one query."""
        ...

    def suspect(self) -> None:
        """Hear that damaged data was met."""
        ...


class QueryResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: at most as many rows as were asked for, whether there were more, and what files are not in it."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[list[Any]]
    truncated: bool
    notes: tuple[str, ...] = ()


class QueryError(ValueError):
    """The query could not be answered; the message says why, for a person."""


class TooLargeError(QueryError):
    """It took longer or more memory than it may."""


class ClosedError(QueryError):
    """The files are not open in this process."""


def run_query(buffer: Source, sql: str, row_limit: int, time_limit_s: float, *, walled: bool = False) -> QueryResult:
    """Answer one SELECT over the views, with at most `row_limit` rows, within `time_limit_s` seconds.

    `walled` says that this process can be spared: the functions that take memory past every limit are let through.

    Raises
    ------
    ValueError
        QueryError: the query is refused, wrong, too slow or too large, or a limit makes no sense.
    """
    if row_limit < 1 or not time_limit_s > 0:
        raise QueryError(f"row limit {row_limit} and time limit {time_limit_s} s: both must be more than 0")
    with reading(buffer, time_limit_s) as cursor:
        check(cursor, sql, walled=walled)
        return answer(cursor, sql, row_limit)


@contextmanager
def reading(buffer: Source, time_limit_s: float) -> Iterator[DuckDBPyConnection]:
    """Give a connection in a read-only transaction for so long. Raises QueryError in place of DuckDB's errors."""
    try:
        with buffer.cursor() as cursor, _time_limit(cursor, time_limit_s) as expired:
            try:
                cursor.execute(schema.BEGIN_READING)
                yield cursor
            except duckdb.Error as error:
                if "corrupt" in str(error).lower():
                    buffer.suspect()
                too_large = isinstance(error, (duckdb.InterruptException, duckdb.OutOfMemoryException))
                kind = TooLargeError if too_large else QueryError
                raise kind(_explain(error, time_limit_s, expired=expired.is_set())) from error
    except UnavailableError as error:
        raise ClosedError(str(error)) from error
    except RefusedQueryError as error:
        raise QueryError(str(error)) from error


def answer(cursor: DuckDBPyConnection, sql: str, row_limit: int) -> QueryResult:
    """Run a SELECT that was looked at, on a connection that `reading` gave. Raises QueryError, duckdb.Error."""
    cursor.execute(sql)
    described = cursor.description or []
    for name, kind, *_ in described:
        if "TIME ZONE" in str(kind):
            raise QueryError(f"column {name} is a {kind}; times here are UTC without a zone: write {name}::TIMESTAMP")
    rows: list[list[Any]] = []
    while len(rows) <= row_limit and (some := cursor.fetchmany(min(_FETCH_ROWS, row_limit + 1 - len(rows)))):
        rows += [[plain(cell) for cell in row] for row in some]
    return QueryResult(
        columns=tuple(str(column[0]) for column in described),
        types=tuple(str(column[1]) for column in described),
        rows=rows[:row_limit],
        truncated=len(rows) > row_limit,
    )


@contextmanager
def _time_limit(cursor: DuckDBPyConnection, seconds: float) -> Iterator[threading.Event]:
    done, expired = threading.Event(), threading.Event()

    def watch() -> None:
        if not done.wait(seconds):
            expired.set()
            # An interrupt between two steps of the query is lost, so it is repeated until the query has ended.
            while not done.is_set():
                cursor.interrupt()
                done.wait(_INTERRUPT_EVERY_S)

    watchdog = threading.Thread(target=watch, name="query-watchdog", daemon=True)
    watchdog.start()
    try:
        yield expired
    finally:
        done.set()
        watchdog.join()


def _explain(error: duckdb.Error, time_limit_s: float, *, expired: bool) -> str:
    if isinstance(error, duckdb.InterruptException):
        if expired:
            return f"the query took longer than {time_limit_s:g} s and was stopped; ask for less, or for a shorter time"
        return "the query was stopped because the agent needed the files or the memory; ask again"
    if isinstance(error, duckdb.OutOfMemoryException):
        return "the query needs more memory than the agent may use; ask for less at once"
    if "TIMESTAMP WITH TIME ZONE" in str(error):
        return f"{error}\ntimes here are UTC without a zone: write now()::TIMESTAMP, for example"
    return str(error)
