"""Appends and commits until it is killed, and says on stdout which batch it has been promised.

Batch `n` holds rows `n * ROWS` to `(n + 1) * ROWS - 1`. Run as: buffer_writer.py DIRECTORY; it
waits for the number of its first batch on stdin, so that it can be started ahead of time.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from agent.buffer import BufferConfig, open_buffer
from agent.clock import SystemClock
from agent.model import Block, Signal, Stream

ROWS = 50
# A small log, so that kills also hit the moments at which it is folded into the file.
CONFIG = BufferConfig(wal_mib=0.125, segment_mib=4, daily_segment_mib=0)


def write(directory: Path, batch: int) -> None:
    """Write for ever."""
    clock = SystemClock()
    buffer = open_buffer(directory, clock, CONFIG)
    signals = tuple(Signal(f"s{at}", "input") for at in range(20))
    while True:
        values = np.zeros((ROWS, len(signals)), np.float32)
        values[:, 0] = np.arange(batch * ROWS, (batch + 1) * ROWS)
        rows = np.zeros(ROWS, np.int64)
        # A day a hundred batches: segments start while it runs.
        rows += clock.wall_ns() + batch // 100 * 86_400 * 10**9
        stream = Stream(model="camera")
        latency_s = np.zeros(ROWS)
        block = Block(stream, signals, rows, latency_s, rows.astype(np.uint8), values, "a.ring", (batch + 1) * ROWS)
        buffer.append([block], [])
        buffer.commit()
        os.write(1, f"{batch}\n".encode())
        batch += 1


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.stdin.readline()))
