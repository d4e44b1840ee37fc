# ruff: noqa: E402  # the path is set first
"""The buffer's figures: ingest and bytes beside SQLite and executemany, questions beside ingest, a start after a crash.

Everything that is compared runs in turns in one run; medians count. Prints a Markdown table; exit status 1 where a goal
is missed. `--quick` takes half a minute and a fraction of the rows. Bytes written to flash: `benchmarks/flash.py`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[0] = str(Path(__file__).parents[1])  # this folder has an `agent.py` of its own

import numpy as np

from agent.buffer import BufferConfig, open_buffer
from agent.clock import SystemClock
from benchmarks.buffer_peers import BATCH_ROWS, SIGNALS, ExecuteMany, Sqlite, cut, make_block
from benchmarks.buffer_reading import (
    Commits,
    Feed,
    Start,
    commits_beside_a_query,
    fill,
    percentiles_by_second,
    spread,
    start_with_a_long_log,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffer import Buffer
    from agent.model import Block

SPEED_GOAL, EXECUTEMANY_GOAL, SIZE_GOAL = 1.8, 100.0, 0.45
QUESTION_GOAL_MS, START_GOAL_S = 100.0, 2.0
DELAY_GOAL, WORST_DELAY_GOAL = 1.25, 1.5  # of a commit beside a long query against alone, median and p99
EXECUTEMANY_ROWS = 200  # of each batch: it takes milliseconds a row
LOG_MIB = 200

Row = tuple[str, str, str, bool | None]


def main() -> int:
    """Measure, print the table, and say whether the goals are met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds of which the median counts")
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows that are asked")
    parser.add_argument("--noise", action="store_true", help="signals that cannot be compressed")
    parser.add_argument("--quick", action="store_true", help="a smoke test: few rounds, few rows")
    options = parser.parse_args()
    rounds, rows = (2, 200_000) if options.quick else (options.rounds, options.rows)
    table: list[Row] = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        table += _ingest(folder, rounds, noise=options.noise)
        table += _reading(folder / "read", rows, rounds)
        table.append(_start(folder / "crashed", 20 if options.quick else LOG_MIB, 1 if options.quick else 3))
    print(f"{SIGNALS} signals, median of {rounds} interleaved rounds\n")
    print("| what | result | goal |\n|---|---:|---:|")
    for what, result, goal, met in table:
        print(f"| {what} | {result} | {goal}{' **missed**' if met is False else ''} |")
    return 1 if any(met is False for *_, met in table) else 0


def _ingest(folder: Path, rounds: int, *, noise: bool) -> list[Row]:
    random = np.random.default_rng(1)
    buffer = open_buffer(folder / "state", SystemClock(), BufferConfig())
    sqlite, slow = Sqlite(folder / "peer.sqlite"), ExecuteMany(folder / "peer.duckdb")
    ours: dict[int, list[float]] = {1_000: [], BATCH_ROWS: []}
    theirs: dict[int, list[float]] = {1_000: [], BATCH_ROWS: []}
    slowly: list[float] = []
    first = 0
    for _ in range(rounds):
        for rows, taken in ours.items():
            blocks = [make_block(random, first + at * BATCH_ROWS, noise=noise) for at in range(3)]
            first += 3 * BATCH_ROWS
            batches = [batch for block in blocks for batch in cut(block, rows)]
            taken.append(_seconds_a_row(_storing(buffer), batches))
            theirs[rows].append(_seconds_a_row(sqlite.store, batches))
        slowly.append(_seconds_a_row(slow.store, cut(blocks[0], EXECUTEMANY_ROWS)[:1]))
    slow.close()
    assert buffer.status().rows == first
    buffer.close()
    our_bytes = sum(path.stat().st_size for path in (folder / "state" / "segments").iterdir()) / first
    their_bytes = sqlite.close() / first
    table: list[Row] = []
    for rows, taken in ours.items():
        mine, other = statistics.median(taken), statistics.median(theirs[rows])
        goal = f"≥ {SPEED_GOAL}" if rows == BATCH_ROWS else ""
        met = other / mine >= SPEED_GOAL if goal else None
        table.append((f"batches of {rows:,}: rows a second", f"{1 / mine:,.0f}", "", None))
        table.append((f"batches of {rows:,}: SQLite, WAL, synchronous=FULL", f"{1 / other:,.0f}", "", None))
        table.append((f"batches of {rows:,}: times SQLite", f"{other / mine:.2f}", goal, met))
    ratio = statistics.median(slowly) / statistics.median(ours[BATCH_ROWS])
    met = ratio >= EXECUTEMANY_GOAL
    table.append(("times DuckDB's executemany", f"{ratio:.0f}", f"≥ {EXECUTEMANY_GOAL:.0f}", met))
    table.append(("bytes a row, and SQLite's", f"{our_bytes:.1f}, {their_bytes:.1f}", "", None))
    size = our_bytes / their_bytes
    table.append(("bytes a row against SQLite's", f"{size:.3f}", f"≤ {SIZE_GOAL}", size <= SIZE_GOAL))
    return table


def _reading(folder: Path, rows: int, rounds: int) -> list[Row]:
    buffer, feed = open_buffer(folder, SystemClock(), BufferConfig()), Feed()
    fill(buffer, feed, rows)
    median, worst = spread(percentiles_by_second(buffer, feed, 10 * rounds))
    alone, beside, counting = commits_beside_a_query(buffer, feed, rounds, 120)
    assert buffer.status().notes == (), buffer.status().notes
    buffer.close()
    (mine, mine_worst), (other, other_worst) = spread(alone.plain), spread(beside.plain)
    delay, worst_delay = other / mine, other_worst / mine_worst
    return [
        (
            f"the last 5 minutes by second, of {rows:,} rows, beside 10,000 rows a second: p50, p99",
            f"{median:.0f} ms, {worst:.0f} ms", f"≤ {QUESTION_GOAL_MS:.0f} ms", median <= QUESTION_GOAL_MS,
        ),
        ("commit of 500 rows alone: p50, p99", _said(alone), "", None),
        ("the same beside a query that never ends", _said(beside), "", None),
        ("the same beside a process of that priority that only counts", _said(counting), "", None),
        ("beside a query against alone: p50", f"{delay:.2f}", f"≤ {DELAY_GOAL}", delay <= DELAY_GOAL),
        ("and p99", f"{worst_delay:.2f}", f"≤ {WORST_DELAY_GOAL}", worst_delay <= WORST_DELAY_GOAL),
    ]  # fmt: skip


def _said(commits: Commits) -> str:
    folding = f"{statistics.median(commits.folding) * 1e3:.0f} ms" if commits.folding else "none"
    median, worst = spread(commits.plain)
    return f"{median:.1f} ms, {worst:.1f} ms (while the log is folded in: {folding})"


def _start(folder: Path, mib: int, rounds: int) -> Row:
    results = [start_with_a_long_log(folder / str(at), mib) for at in range(rounds)]
    ready, whole, theirs = (statistics.median(getattr(one, name) for one in results) for name in Start._fields[:3])
    lost = sum(one.lost for one in results)
    what = f"start after a kill with {mib} MiB of log (all rows back; DuckDB's own replay)"
    said = f"{ready:.2f} s ({whole:.1f} s, {lost:,} rows missing; {theirs:.2f} s)"
    return what, said, f"≤ {START_GOAL_S:.0f} s, 0 rows", ready <= START_GOAL_S and not lost


def _storing(buffer: Buffer) -> Callable[[Block], None]:
    def store(block: Block) -> None:
        buffer.append([block], [])
        buffer.commit()

    return store


def _seconds_a_row(store: Callable[[Block], None], batches: list[Block]) -> float:
    started = time.perf_counter()
    for batch in batches:
        store(batch)
    return (time.perf_counter() - started) / sum(map(len, batches))


if __name__ == "__main__":
    sys.exit(main())
