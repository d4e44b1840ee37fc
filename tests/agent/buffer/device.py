"""A device whose buffer is given rows second by second, numbered so that none can be missing or there twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from agent.baselines import SignalBaseline
from agent.buffer import BufferConfig, open_buffer
from agent.clock import ManualClock
from agent.model import Signal, SignalEvidence
from tests.agent.buffer.blocks import CAMERA, NOW_NS, ask, make_block, make_finding

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer import Buffer
    from agent.model import Block, Finding

SECOND_NS = 1_000_000_000
RATE = 50
DESCRIBED = tuple(
    SignalBaseline(signal=Signal(name, "input"), block_rows=1, missing=0.0, quantiles=((0.0, 0.0), (0.5, 100.0)))
    for name in ("brightness", "contrast")
)
COUNTS = "SELECT count(*), coalesce(sum(weight), 0)::BIGINT, count(DISTINCT brightness) FROM inferences"


class Device:
    """A buffer that is given RATE rows a second, numbered from 0 in `brightness`."""

    def __init__(self, folder: Path, **config: object) -> None:
        self.folder, self.clock, self.rows = folder, ManualClock(NOW_NS), 0
        self.config = BufferConfig(**config)  # type: ignore[arg-type]
        (folder / "run").mkdir(exist_ok=True)
        self.buffer = self.open()

    def open(self) -> Buffer:
        """Open the buffer, as an agent does at its start."""
        self.buffer = open_buffer(self.folder / "state", self.clock, self.config, self.folder / "run")
        self.buffer.know_reference(CAMERA.key, "r1", DESCRIBED)
        return self.buffer

    def kill(self) -> Buffer:
        """Open the buffer anew without an orderly end; what was not committed comes from the ring again."""
        self.buffer._keeping.close()  # as the kernel lets go of locks and files
        self.buffer._files.shut()
        if self.buffer._lock:
            self.buffer._lock.release()
        buffer = self.open()
        self.rows = buffer.positions().get("a.ring", 0)
        return buffer

    def block(self, seconds: float = 1.0) -> Block:
        """The next rows."""
        count = round(seconds * RATE)
        block = make_block(count, first=self.rows)
        times = NOW_NS + (np.arange(self.rows, self.rows + count) * (SECOND_NS // RATE)).astype(np.int64)
        self.rows += count
        return replace(block, time_ns=times, latency_s=np.full(count, 0.02))

    def run(self, seconds: int) -> None:
        """Let time pass, a tick a second, a look at the commit every five."""
        for at in range(seconds):
            self.clock.advance(1)
            self.buffer.append([self.block()], [])
            if at % 5 == 4:
                self.buffer.commit(everything=False)

    def counts(self) -> tuple[int, int, int]:
        """Rows, what they stand for, and how many different ones, when all is written."""
        self.buffer.commit()
        stored, stood_for, distinct = ask(self.buffer, COUNTS)[0]
        return int(str(stored)), int(str(stood_for)), int(str(distinct))

    @property
    def waiting(self) -> int:
        """Inferences that no stored row stands for yet."""
        return sum(sampler.gap for sampler in self.buffer.recorder._samplers.values())


def a_finding(identity: str = "f-1") -> Finding:
    """A finding of a detector."""
    evidence = SignalEvidence(name="brightness", role="input", detector="shift", value=2.0, threshold=1.0)
    return msgspec.structs.replace(make_finding(identity), signals=(evidence,))
