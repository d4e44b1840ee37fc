"""A run directory for tests: a clock, a /proc and a collector, and the rings that the test writes into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from agent.clock import ManualClock
from agent.model import Block, StreamChange
from collectors.rings import RingCollector
from tests.collectors.fake_proc import FakeProc
from tests.collectors.ring_writer import RingWriter, part, placed

if TYPE_CHECKING:
    from pathlib import Path

    from agent.ports import Item

PID = 1_234
WALL_NS = 1_700_000_000_000_000_000
TABLE = placed(part("x", np.zeros((1, 2), np.float32)), part("y", np.zeros((1, 1), np.float32), "output"))


class RingBench:
    """One run directory, at 100 s after boot."""

    def __init__(self, path: Path) -> None:
        self.directory = path / "run"
        self.directory.mkdir()
        self.clock = ManualClock(WALL_NS)
        self.clock.advance(100)
        self.proc = FakeProc(path)
        self.proc.start(PID)

    def writer(self, name: str = "a.ring", **more: Any) -> RingWriter:
        """Return a new ring of the living process; its calls are of two features and a value unless said otherwise."""
        more = {"signatures": [TABLE], "namespace": self.proc.namespace, **more}
        return RingWriter(self.directory / name, **more)

    def collector(self, positions: dict[str, int] | None = None) -> RingCollector:
        """Return a collector, as after a start of the agent."""
        return RingCollector([self.directory], self.clock, positions, self.proc.processes)

    def write(self, writer: RingWriter, values: list[float]) -> None:
        """Write a record for each value, one a millisecond; the last is old enough to be read."""
        for value in values:
            self.clock.advance(0.001)
            call = [np.full((1, 2), value, np.float32), np.full((1, 1), value, np.float32)]
            writer.record(*call, end_ns=self.clock.monotonic_ns())
        self.clock.advance(0.010)


def blocks(items: list[Item]) -> list[Block]:
    """Return the blocks among the items."""
    return [item for item in items if isinstance(item, Block)]


def changes(items: list[Item]) -> list[tuple[str, int]]:
    """Return kind and count of the changes among the items."""
    return [(item.kind, item.count) for item in items if isinstance(item, StreamChange)]


def details(items: list[Item]) -> list[str]:
    """Return what the changes among the items say."""
    return [item.detail for item in items if isinstance(item, StreamChange)]


def column(items: list[Item], name: str) -> list[float]:
    """Return one signal's values over all blocks."""
    found: list[float] = []
    for block in blocks(items):
        at = [signal.name for signal in block.signals].index(name)
        found += block.values[:, at].tolist()
    return found
