"""One DuckDB instance, set up so that nothing that is asked of it can reach outside the buffer's directory.

The instance's own database is in memory and holds the views; every file is attached to it. All settings are locked.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import duckdb

from agent.buffer import schema
from agent.buffer.text import storable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection
    from numpy.typing import NDArray

    from agent.buffer.config import BufferConfig

_FULL = ("no space left", "disk quota")
_MEMORY = ("out of memory", "could not allocate block", "failed to allocate", "failed to pin block")
_READ_ONLY = "read-only file system"
# Messages of failures that are no fault of the file: they pass, or an operator can mend them.
_PASSING = (
    *_FULL,
    *_MEMORY,
    _READ_ONLY,
    "permission denied",
    "operation not permitted",
    "too many open files",
    "could not set lock",
    "conflicting lock",
    "interrupted",
    # A query still holds the file.
    "unique file handle",
    "resource in use",
    "resource busy",
)


# And of a disk that does not take what is written. DuckDB tells of a failed sync without the name of the file.
_FAILING = ("input/output error", "could not write file", "fsync")
_DISK = (*_FAILING, "invalidated")

STDOUT = "/dev/stdout"
_MOST_PARSED = 64  # statements that come again: of a commit there are some ten


class Commit(Protocol):
    """Ends the transaction that is open, and does `then` what is to be done once it is durable.

    Where either raises, the files are opened anew before anybody looks at them.
    """

    def __call__(self, then: Callable[[], None] = ..., /) -> None:
        """End it. Raises duckdb.Error, OSError."""
        ...


class Engine:
    """The instance, and what writes to it, one thread at a time. With `piped` it may write to /dev/stdout besides.

    A transaction has a connection of its own, whose statements are not optimized: to write some rows takes no plan,
    and a quarter of its time went into looking for a better one.
    """

    def __init__(self, directory: Path | None, config: BufferConfig, *, piped: bool = False) -> None:
        self.memory_mib = config.duckdb_memory_mib
        # Without the second of these DuckDB starts eight threads for what it would read over a network.
        memory = f"{config.duckdb_memory_mib}MiB"
        self.root = duckdb.connect(":memory:", config={"threads": 1, "async_threads": 1, "memory_limit": memory})
        settings = {
            "temp_directory": "",  # a spilling query would wear the card out
            "checkpoint_threshold": f"{config.wal_bytes // 1024}KiB",
            # Past it a commit is not logged but folds everything in at once: cut off, nothing would tell of that.
            "auto_checkpoint_skip_wal_threshold": str(1 << 40),
            # A file is detached when it is dropped or when its log could not be written: no time to fold the log in.
            "checkpoint_on_detach": "DISABLED",
            "TimeZone": "UTC",
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
            "python_enable_replacements": False,
            "allowed_directories": [f"{directory}/"] if directory else [],
            "allowed_paths": [STDOUT] if piped else [],
            "enable_external_access": False,
            "lock_configuration": True,
        }
        self._single, self._transaction = self.root.cursor(), self.root.cursor()
        self._writer = self._single
        self._transaction.execute("SET SESSION enable_optimizer = false")
        for name, value in settings.items():
            self.root.execute(f"SET GLOBAL {name} = {literal(value)}")
        self._parsed = lru_cache(_MOST_PARSED)(self._parse)

    def begin(self) -> None:
        """Begin a transaction: until it ends, everything is part of it."""
        self._writer = self._transaction
        self._writer.execute(self._parsed(schema.BEGIN))

    def commit(self) -> None:
        """End the transaction. Where this raises, it may be durable all the same."""
        try:
            self._transaction.execute(self._parsed(schema.COMMIT))
        finally:
            self._writer = self._single

    def run(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows."""
        # An open result would block the next `register`, so none is ever left open.
        values = [storable(value) if isinstance(value, str) else value for value in parameters]
        # What takes values comes again and again, and parsing is a quarter of the time of a small write.
        return self._writer.execute(self._parsed(sql) if values else sql, values).fetchall()

    def fetch(self, sql: str, parameters: Sequence[object] = ()) -> dict[str, NDArray[Any]]:
        """Run one question and return its columns, masked where they are NULL."""
        columns: dict[str, NDArray[Any]] = self._writer.execute(sql, parameters).fetchnumpy()
        return columns

    def insert(self, sql: str, columns: Mapping[str, object]) -> None:
        """Run an INSERT that selects from numpy columns."""
        insert(self._writer, self._parsed(sql), columns)

    def select(self, sql: str, columns: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Run a SELECT that reads registered numpy columns, and return all its rows."""
        with _registered(self._writer, columns):
            return self._writer.execute(sql).fetchall()

    def rollback(self) -> None:
        """Give a transaction up, if one is still open."""
        self._writer = self._single
        with suppress(duckdb.Error):
            self._transaction.execute(schema.ROLLBACK)

    def close(self) -> None:
        """Let go of everything. May be called twice."""
        self._parsed.cache_clear()
        self._transaction.close()
        self._single.close()
        self.root.close()

    def _parse(self, sql: str) -> duckdb.Statement:
        (statement,) = self._single.extract_statements(sql)
        return statement


def insert(connection: DuckDBPyConnection, insertion: str | duckdb.Statement, columns: Mapping[str, object]) -> None:
    """Run an INSERT that selects from numpy columns, on any connection."""
    with _registered(connection, columns):
        connection.execute(insertion)


@contextmanager
def _registered(connection: DuckDBPyConnection, columns: Mapping[str, object]) -> Iterator[None]:
    connection.register(schema.INCOMING, columns)
    try:
        yield
    except duckdb.Error:
        # A transaction that failed does not even let go of the name, and that would hide why it failed.
        with suppress(duckdb.Error):
            connection.execute(schema.ROLLBACK)
        raise
    finally:
        connection.unregister(schema.INCOMING)


def is_passing(error: BaseException | str) -> bool:
    """Whether a failure says nothing bad about the file: a full disk, no permission, no memory."""
    text = str(error).lower()
    return any(sign in text for sign in _PASSING)


def is_full(error: BaseException) -> bool:
    """Whether a failure is for want of room on the disk."""
    text = str(error).lower()
    return any(sign in text for sign in _FULL)


def is_of_memory(error: BaseException) -> bool:
    """Whether a failure is for want of memory."""
    text = str(error).lower()
    return any(sign in text for sign in _MEMORY)


def is_of_disk(error: BaseException) -> bool:
    """Whether a write failed for the sake of the disk, not of what was written."""
    text = str(error).lower()
    return any(sign in text for sign in _DISK)


def is_read_only(error: BaseException) -> bool:
    """Whether a failure is for the sake of a file system that takes no writes."""
    return _READ_ONLY in str(error).lower()


def is_failing(error: BaseException) -> bool:
    """Whether the disk itself fails: not for want of room, permission or memory."""
    text = str(error).lower()
    return not is_passing(error) and any(sign in text for sign in _FAILING)


def is_of_sync(error: BaseException) -> bool:
    """Whether a sync failed, so that what the files seem to hold may never reach the disk."""
    return "fsync" in str(error).lower()


def literal(value: object) -> str:
    """Write a value as SQL has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(literal(item) for item in value)}]"
    return "'" + str(value).replace("'", "''") + "'"
