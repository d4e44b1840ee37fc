"""Rows of one boot have times in the exact order of their inferences, whatever clocks, kills and a busy device do."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.buffer import BufferConfig, open_buffer
from agent.buffer.query import run_query
from agent.steady import SteadyClock
from tests.agent.buffer.blocks import NOW_NS, ask, make_block
from tests.agent.stalling_clock import StallingClock

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer import Buffer

YEARS = 10 * 365 * 86_400.0
SETTINGS = (YEARS, -YEARS, -3.0, 3.0, 0.4, -0.4, 1.9, -1.9, 0.05, 7_200.0, -7_200.0, 0.0)


class Rings:
    """Two services that take turns, and what the agent has not read of them."""

    def __init__(self, device: StallingClock) -> None:
        self._device, self.number = device, 0
        self._unread: tuple[list[tuple[int, int]], ...] = ([], [])

    def infer(self, count: int) -> None:
        """Run inferences, a millisecond each."""
        for _ in range(count):
            self._device.advance(0.001)
            self._unread[self.number % 2].append((self.number, self._device.now_ns()))
            self.number += 1

    def read(self, which: int, clock: SteadyClock, buffer: Buffer) -> None:
        """Read one ring, as a collector does; then the agent may be stopped, or the other ring be read much later."""
        unread = self._unread[which]
        if unread:
            times = clock.walls_ns(np.array([moment for _, moment in unread], np.int64))
            for (number, _), time_ns in zip(unread, times.tolist(), strict=True):
                buffer.append([make_block(1, first=number, time_ns=time_ns)], [])
            unread.clear()


def _open(directory: Path, device: StallingClock) -> tuple[Buffer, SteadyClock]:
    clock = SteadyClock(device)
    return open_buffer(directory, clock, BufferConfig(capture="all")), clock


def _kill(buffer: Buffer) -> None:
    """Let go of the files with nothing said and nothing flushed: what a kill leaves."""
    assert buffer._lock is not None
    buffer._files.shut()
    buffer._keeping.close()
    buffer._lock.release()


@pytest.mark.parametrize("seed", range(2))
def test_rows_of_one_boot_keep_their_order_through_everything(tmp_path: Path, seed: int) -> None:
    """Clocks set there and back by years and by tenths, sleep, kills, and a second between any two readings."""
    chance, device = random.Random(seed), StallingClock(NOW_NS, seed)
    rings, off = Rings(device), 0.0
    buffer, clock = _open(tmp_path, device)
    for _ in range(25):
        rings.infer(10)
        what = chance.choice(["set", "set", "kill", "sleep", "tick", "stop"])
        if what == "set":
            by = chance.choice(SETTINGS) if not off else -off
            off = by if not off and abs(by) > 2.5 else 0.0
            device.set_by(by)
        elif what == "sleep":
            device.suspend(chance.choice([0.5, 3_600.0]))
        elif what in {"kill", "stop"}:
            _kill(buffer) if what == "kill" else buffer.close()
            rings.infer(10)
            buffer, clock = _open(tmp_path, device)
        for which in chance.sample([0, 1], chance.choice([1, 2])):
            step = clock.look()
            if step is not None:
                buffer.rebase(step)
            rings.read(which, clock, buffer)
        buffer.commit()
    for which in (0, 1):
        rings.read(which, clock, buffer)
    buffer.commit()
    times = run_query(buffer, "SELECT brightness FROM inferences ORDER BY time", 10_000, 20.0).rows
    buffer.close()
    assert [int(number) for (number,) in times] == list(range(rings.number))


def test_rows_have_the_times_of_their_inferences(tmp_path: Path) -> None:
    """Not only their order: with the clock set there and back by ten years, killed in between, to the millisecond."""
    device = StallingClock(NOW_NS, 1, stall_s=0.0)
    rings, true = Rings(device), []
    buffer, clock = _open(tmp_path, device)
    for by in (0.0, YEARS, -YEARS, -YEARS, YEARS):
        device.set_by(by)
        step = clock.look()
        if step is not None:
            buffer.rebase(step)
        rings.infer(1)
        true.append(NOW_NS + device.now_ns())
        rings.read(0, clock, buffer)
        rings.read(1, clock, buffer)
        buffer.commit()
        _kill(buffer)
        buffer, clock = _open(tmp_path, device)
    times = ask(buffer, "SELECT epoch_ns(time) FROM inferences ORDER BY brightness")
    buffer.close()
    stored = np.array(times, np.int64)[:, 0]
    assert int(np.abs(stored - np.array(true)).max()) < 3_000_000
