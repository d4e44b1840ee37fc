"""Stores rows, findings and places of destinations, with checkpoints and new segments all the while.

Run as: journal_writer.py DIRECTORY ACKS ROUNDS MANNER. Each line of ACKS says how many batches and findings and which
place are durable, as far as the buffer says so; batch `n` (from 0) holds rows `n * rows` to `(n + 1) * rows - 1`. Where
days begin the clock is set forward by one: all that was stored is corrected.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from agent.buffer import BufferConfig, open_buffer
from agent.buffer.errors import UnavailableError
from agent.buffer.outgoing.kept import Kept
from agent.buffer.outgoing.stored import Sent
from agent.clock import ManualClock
from agent.steady import SteadyClock
from tests.agent.buffer.blocks import DAY_NS, NOW_NS, make_block, make_finding, make_reading

PLACE = "cursor", "otlp"
NAMES = ("n", "brightness", "contrast", "sharpness")


class Manner(NamedTuple):
    """How many rows a batch has, how the buffer is set up, and after how many batches a new day begins, 0 for never.

    Small logs and segments, so that everything that happens in a year happens in a second.
    """

    rows: int
    config: BufferConfig
    batches_a_day: int


SEGMENTS = BufferConfig(wal_mib=0.02, segment_mib=0.75, limit_mib=64, daily_segment_mib=0)
MANNERS = {
    "few": Manner(40, SEGMENTS, 4),  # they go to their table as they come; segments start while it runs
    "crates": Manner(8_000, SEGMENTS, 4),  # they wait in crates, and every fourth batch fills a row group
    # Every other batch folds the log in, all into one segment, and every third fills a row group.
    "folding": Manner(12_000, BufferConfig(wal_mib=0.004, segment_mib=16, limit_mib=64), 0),
}


def write(directory: Path, acks: int, rounds: int, manner: Manner) -> None:
    """Write, and say so."""
    rows, config, batches_a_day = manner
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
        if batches_a_day and (batch + 1) % batches_a_day == 0:  # segments start while it runs
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
    write(Path(sys.argv[1]), promises, int(sys.argv[3]), MANNERS[sys.argv[4]])
    os._exit(0)
