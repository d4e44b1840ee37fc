"""What the buffer is measured beside: SQLite (WAL, synchronous=FULL) and DuckDB's `executemany`; and the rows for it.

All store the same batches durably: one transaction and one fsync each. The signals are what a camera gives: continuous
measures at the resolution of 8-bit images, a confidence, class numbers, flags. Used by `benchmarks/buffer.py`.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from agent.model import Block, Signal, Stream

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BATCH_ROWS = 10_000
SIGNALS = 20
PERIOD_NS = 10_000_000  # 100 inferences a second
START_NS = 1_794_960_000_000_000_000  # midnight: twelve hours of rows are in one segment
NAMES = tuple(f"signal_{at}" for at in range(SIGNALS))


def make_values(random: np.random.Generator, *, noise: bool) -> NDArray[np.float32]:
    """One batch of signals."""
    values = random.normal(size=(BATCH_ROWS, SIGNALS)).astype(np.float32)
    if not noise:
        values[:, :12] = np.round((values[:, :12] * 8 + 120) * 784) / 784  # the mean of 784 pixels of 8 bits
        values[:, 12:14] = 1 / (1 + np.exp(-values[:, 12:14]))  # confidence, margin: full float32
        values[:, 14] = random.integers(0, 10, BATCH_ROWS)
        values[:, 15:] = random.random((BATCH_ROWS, 5)) < 0.001
    return values


def make_block(random: np.random.Generator, first: int, *, noise: bool) -> Block:
    """One batch, in order of time, with jitter."""
    jitter = random.integers(0, PERIOD_NS // 10, BATCH_ROWS)
    return Block(
        stream=Stream(model="meter-reader", sha256="ab" * 32),
        signals=tuple(Signal(name, "input") for name in NAMES),
        time_ns=START_NS + (first + np.arange(BATCH_ROWS)) * PERIOD_NS + jitter,
        latency_s=random.gamma(20, 0.0005, BATCH_ROWS),
        status=np.zeros(BATCH_ROWS, np.uint8),
        values=make_values(random, noise=noise),
        source="bench.ring",
        last_seq=first + BATCH_ROWS,
    )


class Sqlite:
    """The usual way to store rows on a device."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = sqlite3.connect(path)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        columns = ", ".join(f"{name} REAL" for name in NAMES)
        self._connection.execute(
            f"CREATE TABLE inferences (time_ns INTEGER, stream INTEGER, latency_s REAL, status INTEGER, {columns})"
        )
        self._insert = f"INSERT INTO inferences VALUES ({', '.join('?' * (SIGNALS + 4))})"  # noqa: S608  # no input

    def store(self, block: Block) -> None:
        """Store a batch durably."""
        with self._connection:
            self._connection.executemany(self._insert, rows_of(block))

    def close(self) -> int:
        """Fold the log in; return the bytes kept."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        return self.path.stat().st_size


class ExecuteMany:
    """Rows in DuckDB as a Python programmer first writes them."""

    def __init__(self, path: Path) -> None:
        self._connection = duckdb.connect(str(path), config={"threads": 1})
        columns = ", ".join(f"{name} REAL" for name in NAMES)
        self._connection.execute(
            f"CREATE TABLE inferences (time_ns BIGINT, stream INTEGER, latency_s REAL, status UTINYINT, {columns})"
        )
        self._insert = f"INSERT INTO inferences VALUES ({', '.join('?' * (SIGNALS + 4))})"  # noqa: S608  # no input

    def store(self, block: Block) -> None:
        """Store a batch durably."""
        self._connection.execute("BEGIN")
        self._connection.executemany(self._insert, rows_of(block))
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def rows_of(block: Block) -> list[tuple[float, ...]]:
    """Give a block as rows."""
    columns = [block.time_ns, np.ones(len(block), np.int64), block.latency_s, block.status, *block.values.T]
    return list(zip(*(column.tolist() for column in columns), strict=True))


def cut(block: Block, rows: int) -> list[Block]:
    """Cut a batch into smaller ones."""
    slices = [slice(first, first + rows) for first in range(0, len(block), rows)]
    return [
        replace(
            block, time_ns=block.time_ns[each], latency_s=block.latency_s[each], status=block.status[each],
            values=block.values[each], last_seq=block.last_seq - len(block) + each.stop,
        )
        for each in slices
    ]  # fmt: skip
