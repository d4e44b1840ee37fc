"""Small records for the buffer's tests."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from agent.buffer import Buffer, BufferConfig, open_buffer
from agent.buffer.query import run_query
from agent.clock import ManualClock
from agent.model import Block, Finding, FindingState, Reading, Signal, Stream
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NOW_NS = 1_795_000_000_000_000_000  # 2026-11-18T11:06:40Z
DAY_NS = 86_400 * 10**9
CAMERA = Stream(model="meter-reader", version="3", sha256="ab" * 32, pid=7)


def make_signals(names: Sequence[str]) -> tuple[Signal, ...]:
    """Signals by name, as inputs."""
    return tuple(Signal(name, "input") for name in names)


def make_block(
    rows: int,
    *,
    first: int = 0,
    names: Sequence[str] = ("brightness", "contrast"),
    stream: Stream = CAMERA,
    time_ns: int = NOW_NS,
    source: str = "a.ring",
) -> Block:
    """A block whose first column counts from `first`, so that every row can be told from every other."""
    values = np.zeros((rows, len(names)), np.float32)
    if names:
        values[:, 0] = np.arange(first, first + rows)
    return Block(
        stream=stream,
        signals=make_signals(names),
        time_ns=np.arange(rows, dtype=np.int64) + time_ns,
        latency_s=np.full(rows, 0.25),
        status=np.zeros(rows, np.uint8),
        values=values,
        source=source,
        last_seq=first + rows,
    )


def make_reading(value: float = 41.5, *, time_ns: int = NOW_NS) -> Reading:
    """One temperature."""
    return Reading("hw.temperature", "Cel", value, time_ns, (("id", "cpu"),))


def make_finding(identity: str = "f-1", state: FindingState = "open", note: str = "") -> Finding:
    """A finding in one of its states."""
    moment = datetime(2026, 11, 18, 13, 0, tzinfo=UTC)
    return Finding(
        id=identity,
        stream=CAMERA,
        kind="shift",
        severity="warning",
        state=state,
        sentence="The images are darker than they were.",
        advice="Clean the lens.",
        onset=moment,
        opened=moment,
        updated=moment,
        row=120,
        onset_row=100,
        signals=(),
        causes=(),
        closed=moment if state == "closed" else None,
        note=note,
    )


def leave_batches(folder: Path, batches: int) -> Path:
    """Have batches of ten rows stored, and return the log of their segment as a crash leaves it."""
    with opened(folder / "running") as buffer:
        for number in range(batches):
            buffer.append([make_block(10, first=10 * number)], [])
            buffer.commit()
        shutil.copytree(folder / "running", folder / "left")
    return next((folder / "left").rglob("0*.wal"))


@contextmanager
def opened(directory: Path, config: BufferConfig | None = None, clock: ManualClock | None = None) -> Iterator[Buffer]:
    """A buffer that is closed at the end."""
    buffer = open_buffer(directory, clock or ManualClock(NOW_NS), config or BufferConfig())
    try:
        yield buffer
    finally:
        buffer.close()


def ask(buffer: Buffer, sql: str) -> list[list[object]]:
    """All rows of an answer."""
    return run_query(buffer, sql, 100_000, 20.0).rows


def bring_back(buffer: Buffer) -> None:
    """Have the rows read back that the start did not wait for."""

    def back() -> bool:
        buffer.commit(everything=False)
        return not buffer.awaited

    wait_until(back, "the rows are read back")
