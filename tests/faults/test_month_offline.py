"""A month without a link, by a clock that runs faster: all of it arrives, however often the agent is killed."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest

from agent.buffer import BufferConfig
from agent.clock import ManualClock
from tests.agent.buffer.blocks import NOW_NS, make_finding
from tests.agent.buffer.outgoing.test_carrying import HOURS_A_DAY, ROWS, live
from tests.agent.buffer.outgoing.test_outbox import Receiver, everything
from tests.agent.buffer.test_dating import dated
from tests.faults.counts import KILLS

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer import Buffer

DAYS = 30 if KILLS else 2
CONFIG = BufferConfig(keep_days=DAYS / 10, limit_mib=32)
MOST_BYTES = 24 << 20  # of everything in the directory but the reserve


def size_of(directory: Path) -> int:
    """What the files take, but for the room that is held free."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file() and path.name != "reserve")


def drain(buffer: Buffer, receiver: Receiver, dice: random.Random) -> bool:
    """Send until nothing waits; False where the agent is killed before, which is anywhere between two steps."""
    while batch := buffer.outbox.next("hq", dice.choice([1, 3_000, 30_000])):
        receiver.take(batch, tuple(range(len(batch.parcels))))
        fate = dice.random()
        if fate > 0.1:
            buffer.outbox.settle("hq", batch, everything(batch), "https://hq")
        if fate < 0.2:
            return False
    return True


@pytest.mark.faults
def test_a_month_offline_arrives_whole(tmp_path: Path) -> None:
    """With rows kept for a tenth of it, and kills all along the drain: every inference once, every finding, no gap."""
    device, dice, receiver = ManualClock(NOW_NS), random.Random(8), Receiver()
    directory = tmp_path / "0"
    with dated(directory, device, CONFIG) as (buffer, _):
        buffer.outbox.next("hq", 1)
        for day in range(DAYS):
            buffer.save_finding(make_finding(f"f-{day}"))
            live(buffer, device, 1)
            assert size_of(directory) < MOST_BYTES
        assert buffer.outbox.carried_bytes > 0
    kills = -1
    drained = False
    while not drained:
        kills += 1
        with dated(directory, device, CONFIG) as (buffer, _):
            drained = drain(buffer, receiver, dice)
            left = tmp_path / str(kills + 1)
            shutil.copytree(directory, left, ignore=shutil.ignore_patterns("lock"))  # as a kill leaves it
            if drained:
                (waiting,) = buffer.outbox.waiting()
                assert (waiting.minutes, waiting.findings, waiting.dropped) == (0, 0, 0)
                live(buffer, device, 1 / HOURS_A_DAY)  # with the next delivery the last of the month is let go of
                while not drain(buffer, receiver, dice):
                    pass
                assert buffer.outbox.carried_bytes == 0
        shutil.rmtree(directory)
        directory = left
    assert kills > 3
    hours = DAYS * HOURS_A_DAY + 1
    assert sum(receiver.increases()) == hours * ROWS
    assert min(receiver.increases()) > 0
    assert len(receiver.totals) == hours  # an hour has one minute here: merged to hours none is lost
    assert set(receiver.findings) == set(range(1, DAYS + 1))
