"""Stores rows, findings and places of destinations, with checkpoints and new segments all the while.

Run as: journal_writer.py DIRECTORY ACKS ROUNDS [folding]. With `folding`, batches so large that every other one folds
the log in, all into one segment. Each line of ACKS says how many batches and findings and which place
are durable, as far as the buffer says so; batch `n` (from 0) holds rows `n * ROWS` to `(n + 1) * ROWS - 1`. But for
`folding` the clock is set forward by a day after every fourth batch: all that was stored is corrected.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from agent.buffer import BufferConfig, open_buffer
from agent.buffer.errors import UnavailableError
from agent.buffer.outgoing.kept import Kept
from agent.buffer.outgoing.stored import Sent
from agent.clock import ManualClock
from agent.steady import SteadyClock
from tests.agent.buffer.blocks import DAY_NS, NOW_NS, make_block, make_finding, make_reading

ROWS = 40
FOLDED_ROWS = 300
PLACE = "cursor", "otlp"
NAMES = ("n", "brightness", "contrast", "sharpness")
# Small logs and segments, so that everything that happens in a year happens in a second.
CONFIG = BufferConfig(wal_mib=0.02, segment_mib=0.75, limit_mib=64, daily_segment_mib=0)
FOLDING = BufferConfig(wal_mib=0.02, segment_mib=16, limit_mib=64)


def write(directory: Path, acks: int, rounds: int, *, folding: bool) -> None:
    """Write, and say so."""
    rows, config = (FOLDED_ROWS, FOLDING) if folding else (ROWS, CONFIG)
    device = ManualClock(NOW_NS)
    clock = SteadyClock(device)
    buffer = open_buffer(directory, clock, config)
    kept = Kept(buffer._files, buffer.dating)
    findings = promised = found = place = 0
    for batch in range(rounds):
        block = make_block(rows, first=batch * rows, names=NAMES, time_ns=clock.wall_ns())
        buffer.append([block], [make_reading(batch, time_ns=clock.wall_ns())])
        buffer.commit()
        device.advance(1)
        with suppress(UnavailableError):
            kept.keep(Sent(places=[(*PLACE, str(batch).encode())]), lambda _: [])
            place = batch
        if batch % 4 == 3 and not folding:  # a new day: segments start while it runs
            device.set_wall(device.wall_ns() + DAY_NS)
            step = clock.look()
            assert step is not None
            buffer.rebase(step)
        if batch % 3 == 0:
            buffer.save_finding(make_finding(f"f-{findings}"))
            findings += 1
            buffer.put_state("key", "part", bytes([batch]) * 500)
        assert buffer.status().discarded_rows == 0
        if buffer.settled:
            promised = batch + 1
        if not buffer._files.ledger.waiting:
            found = findings
        os.write(acks, f"{promised} {found} {place}\n".encode())


if __name__ == "__main__":
    promises = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    write(Path(sys.argv[1]), promises, int(sys.argv[3]), folding="folding" in sys.argv[4:])
    os._exit(0)
