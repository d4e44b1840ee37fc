# ruff: noqa: E402, S608  # the path is set first; what is put into statements are numbers
"""What reading costs the buffer and ingest, and how long a start takes. Used by `benchmarks/buffer.py`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[0] = str(Path(__file__).parents[1])  # this folder has an `agent.py` of its own

import numpy as np

from agent.buffer import BufferConfig, open_buffer
from agent.buffer.asking import Asking
from agent.clock import SystemClock
from benchmarks.buffer_peers import BATCH_ROWS, PERIOD_NS, START_NS, cut, make_block

if TYPE_CHECKING:
    from agent.buffer import Buffer
    from agent.model import Block

WINDOW_NS = 300 * 10**9
BESIDE_S = 0.05  # between batches of 500 rows: 10,000 rows a second, a hundred times what a device brings
LONG = "SELECT count(*), avg(signal_0 * b.range) FROM inferences, range(1000000) AS b"


class Feed:
    """Rows without end, in the order of their times."""

    def __init__(self) -> None:
        random = np.random.default_rng(2)
        self._blocks = [make_block(random, 0, noise=False) for _ in range(8)]
        self.rows = 0

    def batch(self) -> Block:
        """Give the next batch of 10,000."""
        block = self._blocks[self.rows // BATCH_ROWS % len(self._blocks)]
        first = self.rows
        self.rows += BATCH_ROWS
        return replace(block, time_ns=block.time_ns + first * PERIOD_NS, last_seq=self.rows)


def fill(buffer: Buffer, feed: Feed, rows: int) -> None:
    """Store so many rows, a batch a commit."""
    while feed.rows < rows:
        buffer.append([feed.batch()], [])
        buffer.commit()
    assert buffer.status().rows == feed.rows, buffer.status().notes


class Writer:
    """Stores rows as they come, and measures each commit, in seconds."""

    def __init__(self, buffer: Buffer, feed: Feed) -> None:
        self._buffer, self._feed = buffer, feed
        self._waiting: list[Block] = []

    def commit(self) -> float:
        """Store 500 rows."""
        if not self._waiting:
            self._waiting = cut(self._feed.batch(), 500)
        self._buffer.append([self._waiting.pop(0)], [])
        started = time.perf_counter()
        self._buffer.commit()
        return time.perf_counter() - started


def percentiles_by_second(buffer: Buffer, feed: Feed, rounds: int) -> list[float]:
    """Ask for the last five minutes, percentiles by second, while rows come in; return the seconds of each question."""
    asking, writer, done = Asking(buffer), Writer(buffer, feed), threading.Event()

    def write() -> None:
        while not done.wait(BESIDE_S):
            writer.commit()

    thread = threading.Thread(target=write)
    thread.start()
    taken = []
    try:
        for _ in range(rounds):
            since = START_NS + feed.rows * PERIOD_NS - WINDOW_NS
            sql = (
                "SELECT time_bucket(INTERVAL '1 second', time) AS second, quantile_cont(latency_s, [0.5, 0.9, 0.99]) "
                f"FROM inferences WHERE time >= make_timestamp_ns({since}) GROUP BY 1 ORDER BY 1"
            )
            started = time.perf_counter()
            answer = asking.query(sql, 1_000, 20.0)
            taken.append(time.perf_counter() - started)
            assert answer.count(b"Z") >= 200, answer[:200]
            time.sleep(0.1)
    finally:
        done.set()
        thread.join()
    return taken


def commits_beside_a_query(buffer: Buffer, feed: Feed, rounds: int, commits: int) -> tuple[list[float], list[float]]:
    """Measure commits of 500 rows alone and beside a query that never ends, in turns; return the seconds of each."""
    writer = Writer(buffer, feed)
    alone: list[float] = []
    beside: list[float] = []
    for _ in range(rounds):
        alone += _commits(writer, commits)
        asking = Asking(buffer)
        query = threading.Thread(target=lambda: list(asking.stream("rows", sql=LONG, time_limit_s=600.0)))  # noqa: B023  # joined below
        query.start()
        time.sleep(3.0)  # its process is started and has the files open
        beside += _commits(writer, commits)
        assert query.is_alive()
        asking.close()
        query.join()
    return alone, beside


def _commits(writer: Writer, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        taken.append(writer.commit())
        time.sleep(BESIDE_S)
    return taken


def start_with_a_long_log(folder: Path, mib: int) -> tuple[float, int, int]:
    """Start on what a kill leaves with so much in the log; return seconds, rows there, rows that were stored."""
    done = subprocess.run(
        [sys.executable, __file__, str(folder), str(mib)], check=False, capture_output=True, text=True
    )
    stored = int(done.stdout)
    started = time.perf_counter()
    buffer = open_buffer(folder, SystemClock(), BufferConfig())
    taken = time.perf_counter() - started
    rows = buffer.status().rows
    buffer.close()
    return taken, rows, stored


def spread(seconds: list[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile, in milliseconds."""
    return statistics.median(seconds) * 1e3, float(np.quantile(seconds, 0.99)) * 1e3


def _write_and_die(folder: Path, mib: int) -> None:
    import os  # noqa: PLC0415  # this process only

    config = BufferConfig(wal_mib=4.0 * mib, duckdb_memory_mib=16 * mib, segment_mib=4_096, limit_mib=1 << 16)
    buffer, feed = open_buffer(folder, SystemClock(), config), Feed()
    while sum(path.stat().st_size for path in folder.rglob("*.wal")) < mib << 20:
        fill(buffer, feed, feed.rows + BATCH_ROWS)
    print(feed.rows, flush=True)
    os._exit(9)


if __name__ == "__main__" and len(sys.argv) > 1:
    _write_and_die(Path(sys.argv[1]), int(sys.argv[2]))
