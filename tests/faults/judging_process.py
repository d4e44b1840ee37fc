"""A pipeline on a real buffer, fed rows that are the same every time; it can kill its own process in mid-stream.

Run as `judging_process.py DIRECTORY LAST CAPTURE`: judges up to row LAST, and is killed by SIGKILL there.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent.budget import AlarmsConfig
from agent.buffer import BufferConfig, CaptureConfig, open_buffer
from agent.clock import ManualClock
from agent.model import Block, Signal, Stream, StreamChange
from agent.pipeline import Pipeline
from agent.wiring import Config, make_factories
from detectors.cause import CauseExplainer
from detectors.reference import ReferenceConfig

if TYPE_CHECKING:
    from agent.buffer import Buffer, Capture
    from agent.ports import Item

ROWS, BLOCK = 3_000, 50
STREAM = Stream(model="pump", sha256="cd" * 32, pid=5)
SIGNALS = (Signal("flow", "input"), Signal("prediction", "output", "categorical"), Signal("latency", "runtime"))
SHIFT = 2_000  # from this row on flow is another


def rows(first: int, stop: int) -> Block:
    """The rows [first, stop): noise with a memory, and from SHIFT on a change."""
    random = np.random.default_rng(1)
    noise = random.normal(size=ROWS)
    flow = noise + 0.4 * np.concatenate(([0.0], noise[:-1]))
    flow[SHIFT:] += 1.0
    values = np.column_stack((flow, random.integers(0, 3, ROWS), random.uniform(0.001, 0.002, ROWS)))[first:stop]
    return Block(
        stream=STREAM,
        signals=SIGNALS,
        time_ns=1_790_000_000_000_000_000 + np.arange(first, stop, dtype=np.int64) * 20_000_000,
        latency_s=values[:, 2].astype(np.float64),
        status=np.zeros(stop - first, np.uint8),
        values=values.astype(np.float32),
        source="ring-1",
        last_seq=stop,
    )


class Feed:
    """Hands out a block a call, from the first row that was not committed, up to row `last`."""

    name = "feed"

    def __init__(self, start: int, last: int) -> None:
        self.at, self._last = start, last
        self._new = True

    def collect(self) -> list[Item]:
        """Return the next block."""
        opened: list[Item] = [StreamChange(stream=STREAM, kind="opened", time_ns=0, source="ring-1")]
        first, self.at = self.at, min(self.at + BLOCK, self._last)
        items = [*(opened if self._new else []), *([rows(first, self.at)] if self.at > first else [])]
        self._new = False
        return items

    def close(self) -> None:
        """Nothing is held."""


def judge(directory: Path, last: int, capture: Capture = "flight-recorder") -> tuple[Pipeline, Buffer]:
    """Judge from where the buffer stands up to row `last`, a second a tick, a commit every five."""
    clock = ManualClock(wall_ns=1_790_000_000_000_000_000)
    run_dir = directory / "run"
    run_dir.mkdir(exist_ok=True)
    config = BufferConfig(capture=capture, recorder=CaptureConfig(learning_rows=200))
    buffer = open_buffer(directory, clock, config, run_dir)
    feed = Feed(buffer.positions().get("ring-1", 0), last)
    pipeline = Pipeline(
        collectors=[feed], store=buffer, explainer=CauseExplainer(), clock=clock, alarms=AlarmsConfig(),
        factories=make_factories(Config(reference=ReferenceConfig(rows=500, seconds=0))), commit_seconds=5.0,
    )  # fmt: skip
    # The rate that an agent has seen depends on when it was started, and with it the row at which a shift alarms.
    pipeline._share_budget = lambda: None  # type: ignore[method-assign]
    while feed.at < last:
        pipeline.tick()
        clock.advance(1)
    return pipeline, buffer


if __name__ == "__main__":
    judge(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])  # type: ignore[arg-type]
    os.kill(os.getpid(), signal.SIGKILL)
