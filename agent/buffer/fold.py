"""Folds a long log into its file in a process of its own: `python -m agent.buffer.fold FILE MIB`.

DuckDB replays a log into memory, and the agent's has no room for more than its own settings let a log grow to. A longer
one (other settings, an older version) would not open, and its rows would be missing. The process takes the memory that
it needs, and gives it back by ending.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb

from agent.buffer import schema
from agent.buffer.config import MIB
from agent.buffer.folders import wal_of

_BESIDE_MIB = 128  # what folding takes beside the rows of the log
_LONGEST_S = 600.0


def is_long(path: Path, memory_mib: int) -> bool:
    """Whether the log of a file is longer than an instance with so much memory can be sure to replay."""
    wal = wal_of(path)
    return wal.exists() and wal.stat().st_size > memory_mib * MIB // 2


def fold(path: Path) -> bool:
    """Fold the log of `path` in; return whether that worked. Where it did not, nothing is lost."""
    needed = _BESIDE_MIB + wal_of(path).stat().st_size // MIB
    isolation = "-I" if sys.flags.isolated else "-P"
    command = [sys.executable, isolation, "-m", "agent.buffer.fold", str(path), str(needed)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=_LONGEST_S)  # noqa: S603  # our own
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def main(path: Path, memory_mib: int) -> int:
    """Fold in; return the exit code."""
    with duckdb.connect(":memory:", config={"threads": 1, "memory_limit": f"{memory_mib}MiB"}) as engine:
        engine.execute("SET temp_directory = ''")
        engine.execute(schema.attach(str(path), "long"))
        engine.execute(schema.checkpoint("long"))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
