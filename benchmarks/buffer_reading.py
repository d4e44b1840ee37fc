# ruff: noqa: E402, S608  # the path is set first; what is put into statements are numbers
"""What reading costs the buffer and ingest, and how long a start takes. Used by `benchmarks/buffer.py`."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path[0] = str(Path(__file__).parents[1])  # this folder has an `agent.py` of its own

import duckdb
import numpy as np

from agent.buffer import BufferConfig, open_buffer
from agent.buffer.asking import Asking
from agent.clock import SystemClock
from benchmarks.buffer_peers import BATCH_ROWS, PERIOD_NS, START_NS, cut, make_block

if TYPE_CHECKING:
    from agent.buffer import Buffer
    from agent.model import Block

WINDOW_NS = 300 * 10**9
COUNTING = "import os\nos.nice(10)\nwhile True: pass"  # the priority that a query has
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

    @property
    def log_bytes(self) -> int:
        """How long the log of the rows is."""
        return sum(path.stat().st_size for path in Path(self._buffer.status().path).glob("segments/*.wal"))

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


class Commits(NamedTuple):
    """Seconds of commits of 500 rows, and apart from them those of commits within which the log was folded in."""

    plain: list[float]
    folding: list[float]


def commits_beside_a_query(buffer: Buffer, feed: Feed, rounds: int, commits: int) -> tuple[Commits, Commits, Commits]:
    """Measure commits alone, beside a query that never ends, and beside a process that only counts, in turns."""
    writer = Writer(buffer, feed)
    alone, beside, counting = Commits([], []), Commits([], []), Commits([], [])
    for _ in range(rounds):
        _measure(writer, commits, alone)
        asking = Asking(buffer)
        query = threading.Thread(target=lambda: list(asking.stream("rows", sql=LONG, time_limit_s=600.0)))  # noqa: B023  # joined below
        query.start()
        time.sleep(3.0)  # its process is started and has the files open
        _measure(writer, commits, beside)
        assert query.is_alive()
        asking.close()
        query.join()
        with subprocess.Popen([sys.executable, "-c", COUNTING]) as process:
            _measure(writer, commits, counting)
            process.kill()
    return alone, beside, counting


def _measure(writer: Writer, count: int, taken: Commits) -> None:
    for _ in range(count):
        logged = writer.log_bytes
        seconds = writer.commit()
        (taken.folding if writer.log_bytes < logged else taken.plain).append(seconds)
        time.sleep(BESIDE_S)


class Start(NamedTuple):
    """Seconds: until the buffer takes rows and is asked, until all old rows are there, and what DuckDB takes to replay.

    lost: rows that were stored and are not there in the end.
    """

    ready: float
    whole: float
    duckdb: float
    lost: int


def start_with_a_long_log(folder: Path, mib: int) -> Start:
    """Start on what a kill leaves with so much in the log."""
    done = subprocess.run(
        [sys.executable, __file__, str(folder), str(mib)], check=False, capture_output=True, text=True
    )
    stored = int(done.stdout)
    copy = shutil.copytree(folder, folder.with_name(folder.name + "-copy"))
    (file,) = (copy / "segments").glob("*.duckdb")
    with duckdb.connect(":memory:", config={"threads": 1, "memory_limit": f"{4 * mib + 64}MiB"}) as peer:
        started = time.perf_counter()
        peer.execute(f"ATTACH '{file}' AS segment_1 (READ_ONLY)")
        theirs = time.perf_counter() - started
    shutil.rmtree(copy)
    started = time.perf_counter()
    buffer = open_buffer(folder, SystemClock(), BufferConfig())
    ready = time.perf_counter() - started
    assert buffer.status().rows == stored, "not every row is known of"
    while buffer.awaited:
        buffer.commit(everything=False)
        time.sleep(BESIDE_S)
    whole = time.perf_counter() - started
    (rows,) = json.loads(Asking(buffer).query("SELECT count(*) FROM inferences", 1, 60.0))["rows"][0]
    buffer.close()
    return Start(ready, whole, theirs, stored - rows)


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
