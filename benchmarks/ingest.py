"""Rows stored a second and bytes kept a row: the buffer beside SQLite (WAL, synchronous=FULL), interleaved in one run.

Both store the same batches durably: one transaction, one fsync and one batch each. The signals are what a camera gives:
continuous measures at the resolution of 8-bit images, a confidence, class numbers, flags. `--noise` fills all of them
with float32 noise instead, which nothing can compress. Prints a Markdown table; exit status 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent.buffer import BufferConfig, open_buffer
from agent.clock import SystemClock
from agent.model import Block, Signal, Stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.buffer import Buffer

BATCH_ROWS = 10_000
SIGNALS = 20
SPEED_GOAL = 1.8
SIZE_GOAL = 0.45
PERIOD_NS = 10_000_000  # 100 inferences a second
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
        time_ns=1_795_000_000_000_000_000 + (first + np.arange(BATCH_ROWS)) * PERIOD_NS + jitter,
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
        columns = [block.time_ns, np.ones(len(block), np.int64), block.latency_s, block.status, *block.values.T]
        rows = zip(*(column.tolist() for column in columns), strict=True)
        with self._connection:
            self._connection.executemany(self._insert, rows)

    def close(self) -> int:
        """Fold the log in; return the bytes kept."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        return self.path.stat().st_size


def store(buffer: Buffer, block: Block) -> None:
    """Store a batch durably in the buffer."""
    buffer.append([block], [])
    buffer.commit()


def main() -> int:
    """Measure, print the table, and say whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="rounds of which the median counts")
    parser.add_argument("--batches", type=int, default=5, help="batches a round")
    parser.add_argument("--noise", action="store_true", help="signals that cannot be compressed")
    options = parser.parse_args()
    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        buffer = open_buffer(Path(folder) / "state", SystemClock(), BufferConfig())
        sqlite = Sqlite(Path(folder) / "peer.sqlite")
        ours: list[float] = []
        theirs: list[float] = []
        first = 0
        for _ in range(options.rounds):
            blocks = [make_block(random, first + at * BATCH_ROWS, noise=options.noise) for at in range(options.batches)]
            first += options.batches * BATCH_ROWS
            started = time.perf_counter()
            for block in blocks:
                store(buffer, block)
            between = time.perf_counter()
            for block in blocks:
                sqlite.store(block)
            ended = time.perf_counter()
            ours.append((between - started) / (options.batches * BATCH_ROWS))
            theirs.append((ended - between) / (options.batches * BATCH_ROWS))
        assert buffer.status().rows == first
        buffer.close()
        our_bytes = sum(path.stat().st_size for path in (Path(folder) / "state" / "segments").iterdir()) / first
        their_bytes = sqlite.close() / first
    speed = statistics.median(theirs) / statistics.median(ours)
    size = our_bytes / their_bytes
    print(
        f"{first:,} rows, {SIGNALS} signals, batches of {BATCH_ROWS:,}, median of {options.rounds} interleaved rounds\n"
    )
    print("| | rows/s | bytes/row |\n|---|---:|---:|")
    print(f"| Driftline buffer | {1 / statistics.median(ours):,.0f} | {our_bytes:.1f} |")
    print(f"| SQLite, WAL, synchronous=FULL | {1 / statistics.median(theirs):,.0f} | {their_bytes:.1f} |")
    print(f"| ratio | {speed:.2f} (goal ≥ {SPEED_GOAL}) | {size:.3f} (goal ≤ {SIZE_GOAL}) |")
    return 0 if speed >= SPEED_GOAL and size <= SIZE_GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
