"""Start after an unclean stop: how long the buffer takes to open with 200 MB of log, and in how much memory.

Run: python benchmarks/start.py [MB]. A child writes that much without a checkpoint and is killed; a fresh process
opens what it left, takes rows, and has the old ones read back beside it. Another has DuckDB alone replay the log.
Rows of 20 signals, float32 noise. The budget is 2 s with 200 MB; exit status 1 where it is passed.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np

sys.path[0] = str(Path(__file__).parents[1])  # a script beside this one is called agent

from agent.buffer import BufferConfig, open_buffer  # noqa: E402
from agent.buffer.query import run_query  # noqa: E402
from agent.clock import SystemClock  # noqa: E402
from agent.model import Block, Signal, Stream  # noqa: E402

BUDGET_S = 2.0


def leave(directory: Path, megabytes: int) -> None:
    """Write until the log is so long, and be killed."""
    # What is in a log is in memory too, so that with the usual 48 MiB it could not become so long.
    config = BufferConfig(wal_mib=1024, segment_mib=4096, limit_mib=65_536, duckdb_memory_mib=4096)
    buffer = open_buffer(directory, SystemClock(), config)
    signals = tuple(Signal(f"s{at}", "input") for at in range(20))
    noise = np.random.default_rng(7)
    rows = 0
    while sum(path.stat().st_size for path in directory.rglob("*.wal")) < megabytes * 1_000_000:
        values = noise.normal(size=(5_000, 20)).astype(np.float32)
        time_ns = np.arange(rows, rows + 5_000, dtype=np.int64)
        block = Block(Stream(model="m"), signals, time_ns, np.zeros(5_000), np.zeros(5_000, np.uint8), values)
        buffer.append([block], [])
        buffer.commit()
        rows += 5_000
    print(rows, flush=True)
    os.kill(os.getpid(), 9)


def start(directory: Path) -> None:
    """Open what was left, with the configuration as it comes."""
    began, cpu = time.perf_counter(), time.process_time()
    buffer = open_buffer(directory, SystemClock(), BufferConfig(limit_mib=65_536))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    known = buffer.status().rows
    while buffer.awaited:
        buffer.commit(everything=False)
        time.sleep(0.05)
    whole = time.perf_counter() - began
    (rows,) = run_query(buffer, "SELECT count(*) FROM inferences", 1, 60.0).rows[0]
    assert rows == known, f"{known} rows are known of, {rows} are there"
    peak, child = (
        resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(f"{rows} {wall:.2f} {cpu:.2f} {whole:.2f} {peak} {child}", flush=True)
    buffer.close()


def replay(directory: Path) -> None:
    """Have DuckDB open the segment by itself, with all the memory it likes."""
    (file,) = (directory / "segments").glob("*.duckdb")
    with duckdb.connect(":memory:", config={"threads": 1}) as engine:
        began = time.perf_counter()
        engine.execute(f"ATTACH '{file}' AS segment_1 (READ_ONLY)")
        print(f"{time.perf_counter() - began:.2f}", flush=True)


def main() -> int:
    """Print one line for each length of log."""
    sizes = [int(sys.argv[1])] if len(sys.argv) > 1 else [0, 16, 200]
    heads = (
        "log MB",
        "rows",
        "open s",
        "CPU s",
        "all back s",
        "peak MB",
        "beside MB",
        "DuckDB s",
        f"of {BUDGET_S:g} s",
    )
    print(" ".join(f"{head:>10}" for head in heads))
    met = True
    for megabytes in sizes:
        with tempfile.TemporaryDirectory() as folder:
            written = _child("leave", folder, str(megabytes))
            theirs = _child("replay", folder) if megabytes else "-"
            rows, wall, *others = _child("start", folder).split()
            assert int(rows) == int(written), f"{written} rows were written, {rows} found"
            share = float(wall) / BUDGET_S
            met = met and share <= 1
            print(" ".join(f"{said:>10}" for said in (megabytes, rows, wall, *others, theirs, f"{share:.2f}")))
    return 0 if met else 1


def _child(*arguments: str) -> str:
    done = subprocess.run([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["leave", where, size]:
            leave(Path(where), int(size))
        case ["start", where]:
            start(Path(where))
        case ["replay", where]:
            replay(Path(where))
        case _:
            sys.exit(main())
