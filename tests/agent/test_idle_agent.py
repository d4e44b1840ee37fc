"""A whole agent on a device on which no model runs: the fleet hears of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agent import wiring
from agent.clock import ManualClock
from agent.outbound import HostWindow
from exporters import naming
from exporters.scrape import ScrapeConfig
from exporters.window_samples import samples_of

if TYPE_CHECKING:
    from pathlib import Path

SLOT_NS = 300 * 10**9


def test_a_device_without_a_model_is_heard_of_every_five_minutes(tmp_path: Path) -> None:
    """Each window says which agent runs there, and how the device fares."""
    clock = ManualClock(time.time_ns() // SLOT_NS * SLOT_NS)
    (tmp_path / "run").mkdir()
    config = wiring.Config(site="plant-7", device="press-3", scrape=ScrapeConfig(enabled=False))
    parts = wiring.build(config, tmp_path / "state", [tmp_path / "run"], None, clock)
    try:
        outbox = parts.store.outbox
        assert outbox.next("hq", 30_000) is None
        for _ in range(80):
            clock.advance(10)
            parts.pipeline.tick()
        batch = outbox.next("hq", 30_000)
        assert batch is not None
        windows = [one.content for one in batch.parcels if isinstance(one.content, HostWindow)]
        assert [window.end_ns % SLOT_NS for window in windows] == [0, 0]
        for window in windows:
            told = {sample.metric for sample in samples_of(wiring.make_origin(config, outbox.instance), window)}
            assert told >= {naming.BUILD, naming.HOST["system.memory.utilization"]}
    finally:
        parts.pipeline.close()
