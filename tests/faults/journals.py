"""Records what a buffer does to its disk, and starts on what is left of it."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.agent.buffer.blocks import ask, make_block, opened
from tests.faults import journal_writer
from tests.faults.journal_writer import NAMES
from tests.faults.shim import Operation, environment, make_rules, read_journal

if TYPE_CHECKING:
    from agent.buffer import BufferConfig

ROOT = Path(__file__).parents[2]


def record(tmp_path: Path, rounds: int, *, sync_every: int = 0, folding: bool = False) -> tuple[Path, list[Operation]]:
    """Have a process store, and return where and what it did; with `sync_every` its disk fails one sync in so many."""
    root, rules_path = tmp_path / "root", tmp_path / "rules"
    root.mkdir()
    rules = make_rules(rules_path)
    if sync_every:
        rules.sync_error, rules.sync_every = errno.EIO, sync_every
    command = [sys.executable, journal_writer.__file__, str(root / "state"), str(root / "acks"), str(rounds)]
    command += ["folding"] if folding else []
    around = environment(root, rules=rules_path, journal=tmp_path / "journal") | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=around, cwd=ROOT, check=True, timeout=120)
    return root, list(read_journal(tmp_path / "journal"))


def start(state: Path, config: BufferConfig, batch: int, *, unharmed: bool = False) -> tuple[int, int] | str:
    """Start the buffer and store a batch: how many whole batches from the first and findings there were.

    Or what is wrong. `unharmed`: nothing may have been left that has to be told.
    """
    with opened(state, config) as buffer:
        rows = buffer.status().rows
        if buffer.status().mode != "disk":
            return f"refused: {buffer.status().notes}"
        if unharmed and buffer.repairs:
            return f"repaired: {buffer.repairs}"
        if rows:
            count, distinct, last = ask(buffer, "SELECT count(*), count(DISTINCT n), max(n) FROM inferences")[0]
            if not (count == distinct == rows and last == rows - 1 and rows % batch == 0):
                return f"{count} rows, {distinct} of them distinct, the last {last}"
        if buffer.positions() != ({"a.ring": rows} if rows else {}):
            return f"{rows} rows, positions {buffer.positions()}"
        buffer.append([make_block(batch, first=rows, names=NAMES)], [])
        buffer.commit()
        if not buffer.settled or buffer.status().rows != rows + batch:
            return f"takes no rows: {buffer.status().notes}"
        return rows // batch, len(buffer.findings(everything=True))
