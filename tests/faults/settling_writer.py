"""Settles one slot after the other, each with a parcel that was rejected, and says how many are settled.

Run as: settling_writer.py DIRECTORY ACKS SLOTS. Each line of ACKS holds that number, twice.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from agent.buffer.outgoing.outbox import Outbox
from agent.outbound import Outcome
from tests.agent.buffer.outgoing.stores import DiskStore

MINUTES = 5  # of a slot, each a number


def settle(directory: Path, acks: int, slots: int) -> None:
    """Settle, and say so."""
    store = DiskStore(directory)
    outbox = Outbox(store)
    outbox.next("hq", 1)
    os.write(acks, b"0 0\n")
    store.run(slots * MINUTES)
    for done in range(1, slots + 1):
        batch = outbox.next("hq", 1)
        assert batch is not None
        rest = tuple(range(1, len(batch.parcels)))
        outbox.settle("hq", batch, Outcome(accepted=rest, rejected={0: "no"}, sent_bytes=done), "https://hq")
        os.write(acks, f"{done} {done}\n".encode())


if __name__ == "__main__":
    promises = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    settle(Path(sys.argv[1]), promises, int(sys.argv[3]))
    os._exit(0)
