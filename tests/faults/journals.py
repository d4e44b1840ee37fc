"""Records what a buffer does to its disk, and starts on what is left of it."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.buffer.outgoing.kept import Kept
from agent.clock import ManualClock
from tests.agent.buffer.blocks import DAY_NS, NOW_NS, ask, make_block, opened
from tests.faults import journal_writer
from tests.faults.journal_writer import NAMES, PLACE
from tests.faults.shim import Operation, environment, make_rules, read_journal

if TYPE_CHECKING:
    from agent.buffer import Buffer, BufferConfig

SECOND = 10**9
LATER_S = 3_000.0  # after the start of the boot, and less than an hour after the clock was set
ROOT = Path(__file__).parents[2]


def record(tmp_path: Path, rounds: int, *, manner: str = "few", sync_every: int = 0) -> tuple[Path, list[Operation]]:
    """Have a process store, and return where and what it did; with `sync_every` its disk fails one sync in so many."""
    root, rules_path = tmp_path / "root", tmp_path / "rules"
    root.mkdir()
    rules = make_rules(rules_path)
    if sync_every:
        rules.sync_error, rules.sync_every = errno.EIO, sync_every
    command = [sys.executable, journal_writer.__file__, str(root / "state"), str(root / "acks"), str(rounds), manner]
    around = environment(root, rules=rules_path, journal=tmp_path / "journal") | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=around, cwd=ROOT, check=True, timeout=600)
    return root, list(read_journal(tmp_path / "journal"))


def start(
    state: Path, config: BufferConfig, batch: int, *, days: int = 0, unharmed: bool = False
) -> tuple[int, int, int] | str:
    """Start the buffer and store a batch: how many whole batches from the first and findings there were, which place.

    Or what is wrong. `days`: by how many the clock was set, in all. `unharmed`: nothing may have been left that has to
    be told.
    """
    device = ManualClock(NOW_NS)
    device.advance(LATER_S)
    device.set_wall(device.wall_ns() + days * DAY_NS)
    began_ns = device.wall_ns() - device.since_boot_ns()
    with opened(state, config, device) as buffer:
        rows = buffer.status().rows
        if buffer.status().mode != "disk":
            return f"refused: {buffer.status().notes}"
        if unharmed and buffer.repairs:
            return f"repaired: {buffer.repairs}"
        if rows and (wrong := _what_is_wrong(buffer, rows, batch, began_ns)):
            return wrong
        place = Kept(buffer._files, buffer.dating).place(*PLACE) or b"0"
        if buffer.positions() != ({"a.ring": rows} if rows else {}):
            return f"{rows} rows, positions {buffer.positions()}"
        moment = began_ns + rows // batch * SECOND
        buffer.append([make_block(batch, first=rows, names=NAMES, time_ns=moment)], [])
        buffer.commit()
        if not buffer.settled or buffer.status().rows != rows + batch:
            return f"takes no rows: {buffer.status().notes}"
        return rows // batch, len(buffer.findings(everything=True)), int(place)


def _what_is_wrong(buffer: Buffer, rows: int, batch: int, began_ns: int) -> str:
    """Rows are whole batches from the first on, each once, with the times that the last clock gives them."""
    count, distinct, last = ask(buffer, "SELECT count(*), count(DISTINCT n), max(n) FROM inferences")[0]
    if not (count == distinct == rows and last == rows - 1 and rows % batch == 0):
        return f"{count} rows, {distinct} of them distinct, the last {last}"
    right = f"{began_ns} + n::BIGINT // {batch} * {SECOND} + n::BIGINT % {batch}"
    ((wrong, first),) = ask(buffer, f"SELECT count(*), min(n) FROM inferences WHERE epoch_ns(time) <> {right}")
    return f"{wrong} rows have wrong times, from {first} on" if wrong else ""
