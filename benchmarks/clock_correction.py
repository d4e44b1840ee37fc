"""What it costs to correct stored times when the clock is set: eras in a real buffer, beside an UPDATE of those rows.

A device boots in 1970, stores `--rows` rows of 20 signals, and has its clock set. Bytes are those that the kernel
counts for this process (`write_bytes`). The query is the 99th percentile of the latency by second, over the last five
minutes of the rows, before and after the correction. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np

sys.path[0] = str(Path(__file__).parents[1])  # this folder has an `agent.py` of its own

from agent.buffer import BufferConfig, open_buffer  # noqa: E402
from agent.buffer.query import run_query  # noqa: E402
from agent.clock import ManualClock  # noqa: E402
from agent.steady import RELEASED_NS, SteadyClock  # noqa: E402
from benchmarks.buffer_peers import BATCH_ROWS, PERIOD_NS, make_block  # noqa: E402

if TYPE_CHECKING:
    from agent.buffer import Buffer
    from agent.model import Block

MINUTES_5_NS = 300 * 10**9
CHUNK = 100_000  # rows that are updated in one transaction


def written() -> float:
    """Megabytes that this process has had written to block devices."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes"):
            return int(line.split()[1]) / 1e6
    raise OSError("/proc/self/io has no write_bytes")


def blocks(rows: int) -> list[Block]:
    """Rows of a device that was switched on in 1970."""
    random = np.random.default_rng(1)
    made = [make_block(random, first, noise=False) for first in range(0, rows, BATCH_ROWS)]
    began = int(made[0].time_ns[0])
    for block in made:
        block.time_ns[:] -= began
    return made


def ask(buffer: Buffer, end_ns: int) -> float:
    """Milliseconds that the query takes, the best of five."""
    sql = (
        "SELECT epoch_ns(time) // 1000000000, quantile_cont(latency_s, .99) FROM inferences "  # noqa: S608  # a number
        f"WHERE time > make_timestamp_ns({end_ns - MINUTES_5_NS}) GROUP BY 1"
    )
    times = []
    for _ in range(5):
        began = time.perf_counter()
        run_query(buffer, sql, 1_000, 60.0)
        times.append(time.perf_counter() - began)
    return 1e3 * min(times)


def update(directory: Path, step_ns: int) -> tuple[float, float]:
    """Correct the rows of a copy of the segments in place; return the megabytes and the seconds that it takes."""
    before, began = written(), time.perf_counter()
    with duckdb.connect(config={"threads": 1, "memory_limit": "48MiB"}) as connection:
        for path in sorted((directory / "segments").glob("*.duckdb")):
            connection.execute(f"ATTACH '{path}' AS segment")
            (rows,) = connection.execute("SELECT count(*) FROM segment.rows_1").fetchall()[0]
            for first in range(0, rows, CHUNK):
                connection.execute(
                    f"UPDATE segment.rows_1 SET time = make_timestamp_ns(epoch_ns(time) + {step_ns}) "  # noqa: S608  # numbers
                    f"WHERE rowid >= {first} AND rowid < {first + CHUNK}"
                )
            connection.execute("CHECKPOINT segment")
            connection.execute("DETACH segment")
    return written() - before, time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="driftline-clock-", dir=Path.cwd()) as folder:  # /tmp may be in memory
        state, copy = Path(folder) / "state", Path(folder) / "copy"
        device = ManualClock(0)
        clock = SteadyClock(device)
        buffer = open_buffer(state, clock, BufferConfig(capture="all"))
        for block in blocks(rows):
            buffer.append([block], [])
            device.advance(BATCH_ROWS * PERIOD_NS / 1e9)
            buffer.commit()
        buffer.close()
        shutil.copytree(state, copy)
        buffer = open_buffer(state, clock, BufferConfig(capture="all"))
        plain_ms = ask(buffer, clock.wall_ns())
        device.set_wall(RELEASED_NS + 10**17)
        step = clock.look()
        assert step is not None
        before, began = written(), time.perf_counter()
        buffer.rebase(step)
        era_mb, era_s = written() - before, time.perf_counter() - began
        off_ms = ask(buffer, clock.wall_ns())
        buffer.close()
        update_mb, update_s = update(copy, step.by_ns)
    print(f"| {rows:,} rows | eras | `UPDATE` in transactions of {CHUNK:,} rows |\n|---|---|---|")
    print(f"| written by the correction | {era_mb:.2f} MB | {update_mb:.1f} MB |")
    print(f"| time | {era_s:.2f} s | {update_s:.2f} s |")
    print(f"| query over five minutes, before / after | {plain_ms:.1f} / {off_ms:.1f} ms | {plain_ms:.1f} ms |")


if __name__ == "__main__":
    main()
