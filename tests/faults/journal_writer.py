"""Stores rows and findings with checkpoints, new segments and retention all the while, and says what was promised.

Run as: journal_writer.py DIRECTORY ACKS ROUNDS [folding]. With `folding`, batches so large that every other one folds
the log in, all into one segment. Each line of ACKS says how many batches and findings are durable, as
far as the buffer says so; batch `n` (from 0) holds rows `n * ROWS` to `(n + 1) * ROWS - 1`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from agent.buffer import BufferConfig, open_buffer
from agent.clock import ManualClock
from tests.agent.buffer.blocks import DAY_NS, NOW_NS, make_block, make_finding, make_reading

ROWS = 40
FOLDED_ROWS = 300
NAMES = ("n", "brightness", "contrast", "sharpness")
# Small logs and segments, so that everything that happens in a year happens in a second.
CONFIG = BufferConfig(wal_mib=0.02, segment_mib=0.75, limit_mib=64, daily_segment_mib=0)
FOLDING = BufferConfig(wal_mib=0.02, segment_mib=16, limit_mib=64)


def write(directory: Path, acks: int, rounds: int, *, folding: bool) -> None:
    """Write, and say so."""
    rows, config = (FOLDED_ROWS, FOLDING) if folding else (ROWS, CONFIG)
    buffer = open_buffer(directory, ManualClock(NOW_NS), config)
    findings = promised = found = 0
    for batch in range(rounds):
        # A new day every fourth batch: segments start while it runs.
        time_ns = NOW_NS + (0 if folding else batch // 4 * DAY_NS)
        buffer.append([make_block(rows, first=batch * rows, names=NAMES, time_ns=time_ns)], [make_reading(batch)])
        buffer.commit()
        if batch % 3 == 0:
            buffer.save_finding(make_finding(f"f-{findings}"))
            findings += 1
            buffer.put_state("key", "part", bytes([batch]) * 500)
        assert buffer.status().discarded_rows == 0
        if buffer.settled:
            promised = batch + 1
        if not buffer._files.ledger.waiting:
            found = findings
        os.write(acks, f"{promised} {found}\n".encode())


if __name__ == "__main__":
    promises = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    write(Path(sys.argv[1]), promises, int(sys.argv[3]), folding="folding" in sys.argv[4:])
    os._exit(0)
