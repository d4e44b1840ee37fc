"""What keeping the detectors' states costs: bytes of flash a day, and the time in which a restart judges rows again.

`python benchmarks/states.py`: a buffer on this disk, one stream of 20 signals. The states are saved as the agent does,
every hour or 20,000 rows, and as it would have to without judging stored rows again, every five seconds. Bytes are what
the kernel says that this process wrote (`/proc/self/io`), the write-ahead log included.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path[0] = str(Path(__file__).parents[1])  # this folder has an `agent.py` of its own

from agent.buffer import BufferConfig, open_buffer  # noqa: E402
from agent.clock import ManualClock  # noqa: E402
from agent.model import Block, Signal, Stream  # noqa: E402
from agent.monitor import SAVE_ROWS, StreamMonitor  # noqa: E402
from agent.wiring import Config, make_factories  # noqa: E402
from detectors.reference import ReferenceConfig  # noqa: E402

SIGNALS, RATE, SAVES = 20, 100, 60
STREAM = Stream(model="bench", sha256="ab" * 32)
NAMES = tuple(Signal(f"s{at}", "input") for at in range(SIGNALS))
DAY_S = 86_400


def written() -> int:
    """Bytes that this process has sent to storage."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))


def block(random: np.random.Generator, rows: int, start: int) -> Block:
    """Rows of a calm stream."""
    return Block(
        stream=STREAM,
        signals=NAMES,
        time_ns=1_790_000_000_000_000_000 + (start + np.arange(rows)) * (10**9 // RATE),
        latency_s=np.full(rows, 0.001),
        status=np.zeros(rows, np.uint8),
        values=random.normal(size=(rows, SIGNALS)).astype(np.float32),
    )


def main() -> None:
    """Measure, and print a table."""
    random = np.random.default_rng(0)
    factories = make_factories(Config(reference=ReferenceConfig(rows=1_000, seconds=0)))
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        buffer = open_buffer(Path(folder), ManualClock(1_790_000_000_000_000_000), BufferConfig())
        monitor = StreamMonitor(STREAM, factories, buffer, 1e6)
        monitor.process(block(random, 1_000, 0), 0)
        monitor.process(block(random, 5_000, 1_000), 0)
        buffer.commit()
        monitor.save(buffer.mark())
        size = len(monitor.store.get("monitor"))
        before = written()
        for at in range(SAVES):
            monitor.process(block(random, 8, 6_000 + 8 * at), 0)
            monitor.save(buffer.mark())
        each = (written() - before) / SAVES
        rows = block(random, SAVE_ROWS, 10_000)
        buffer.append([rows], [])
        buffer.commit()
        began = time.perf_counter()
        again = StreamMonitor(STREAM, factories, buffer, 1e6)
        took = time.perf_counter() - began
        judged = again.rows - monitor.rows
        buffer.close()
    print(f"one stream of {SIGNALS} signals: its states take {size:,} bytes, and a save writes {each:,.0f} to the disk")
    print("| states are saved | MB a day |\n|---|---|")
    for name, seconds in (
        (f"every {SAVE_ROWS / RATE:.0f} s, at {RATE} inferences a second", SAVE_ROWS / RATE),
        ("every hour, at 5 inferences a second or fewer", 3_600.0),
        ("every 5 s, where rows are not judged again", 5.0),
    ):
        print(f"| {name} | {each * DAY_S / seconds / 1e6:,.0f} |")
    print(f"a restart judged {judged:,} stored rows again in {took:.2f} s ({took / max(judged, 1) * 1e6:.0f} µs a row)")


if __name__ == "__main__":
    main()
