"""Segments start and go beneath queries that never pause."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from agent.buffer import BufferConfig
from agent.clock import ManualClock
from tests.agent.buffer.blocks import NOW_NS, ask, make_block
from tests.agent.buffer.test_dating import dated
from tests.faults.counts import scaled

if TYPE_CHECKING:
    from pathlib import Path

ROLLS = scaled(24, 0.8)
KEEP = BufferConfig(keep_days=1)  # a segment ends after three hours, so there are about eight


@pytest.mark.faults
def test_queries_see_whole_batches_while_segments_start_and_go(tmp_path: Path) -> None:
    """Two threads ask without pause while segments roll and retire: each answer is whole, and nothing fails."""
    done = threading.Event()
    answers: list[list[object]] = []
    troubles: list[Exception] = []

    def ask_on() -> None:
        while not done.is_set():
            try:
                answers.append(ask(buffer, "SELECT count(*), max(brightness) - min(brightness) FROM inferences")[0])
            except Exception as error:  # noqa: BLE001  # whatever it is, the test shows it
                troubles.append(error)

    device = ManualClock(NOW_NS)
    with dated(tmp_path, device, KEEP) as (buffer, clock):
        buffer.append([make_block(100)], [])
        buffer.commit()
        threads = [threading.Thread(target=ask_on) for _ in range(2)]
        for thread in threads:
            thread.start()
        for roll in range(1, ROLLS):
            device.advance(11_000)
            buffer.append([make_block(100, first=100 * roll, time_ns=clock.wall_ns())], [])
            buffer.commit()
        done.set()
        for thread in threads:
            thread.join(30)
        assert buffer.status().notes == ()
        assert buffer.status().segments <= 10
        newest = max((tmp_path / "segments").glob("*.duckdb")).name
        assert int(newest[:6]) >= ROLLS // 2  # and almost all of them have gone
    assert troubles == []
    assert len(answers) > 10
    whole = [[100 * count, 100.0 * count - 1] for count in range(1, 12)]
    assert [answer for answer in answers if answer not in whole] == []
