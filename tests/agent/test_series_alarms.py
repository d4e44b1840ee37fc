"""The agent's own parts on simulated days: pipeline, watches, series detectors, findings and their words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.budget import AlarmsConfig
from agent.clock import ManualClock
from agent.model import DEVICE, Block, Reading, Signal, Stream, StreamChange
from agent.pipeline import Pipeline
from agent.wiring import Config, make_factories, make_series
from detectors.cause import CauseExplainer
from detectors.series_words import SeriesExplainer
from tests.agent.fakes import ListCollector, MemoryStore

if TYPE_CHECKING:
    from agent.model import Finding
    from agent.ports import Item

METER = Stream(model="meter-reader", sha256="ab" * 32, pid=77)
SIGNALS = (Signal("brightness", "input"), Signal("latency", "runtime", "continuous", "s"))
START_NS = 1_760_000_000 * 1_000_000_000
RATE = 2  # inferences a second
DAY = 1_440


class Site:
    """A device with one model, a minute at a time."""

    def __init__(self, store: MemoryStore | None = None, minute: int = 0, seed: int = 0) -> None:
        self.store = store or MemoryStore()
        self.clock = ManualClock(START_NS)
        self.clock.advance(60 * minute)
        self.collector = ListCollector()
        self.rng = np.random.default_rng(seed)
        self.minutes = minute
        self.pipeline = Pipeline(
            collectors=[self.collector],
            store=self.store,
            explainer=SeriesExplainer(CauseExplainer()),
            factories=make_factories(Config()),
            clock=self.clock,
            alarms=AlarmsConfig(),
            commit_seconds=5.0,
            series=make_series(),
        )

    def run(self, minutes: int, *, extra: list[Item] | None = None, **levels: float) -> None:
        """Let minutes pass; `heat`, `busy`, `used`, `slow` and `rate` are what is added to, or multiplied with."""
        for _ in range(minutes):
            items = [*(extra or []), *self.readings(levels)]
            if "rate" in levels:
                items.append(self.block(levels))
            self.collector.rounds.append(items)
            self.pipeline.tick()
            self.clock.advance(60)
            self.minutes += 1

    def readings(self, levels: dict[str, float]) -> list[Item]:
        """Measure: a rhythm of the day, noise, and what the test adds."""
        day = np.sin(2 * np.pi * self.minutes / DAY)
        busy = float(np.clip(0.2 + 0.05 * day + 0.03 * self.rng.normal() + levels.get("busy", 0.0), 0, 1))
        values = [
            ("hw.temperature", "Cel", 52 + 4 * day + 0.5 * self.rng.normal() + levels.get("heat", 0.0), "cpu-thermal"),
            ("system.cpu.utilization", "1", busy, ""),
            ("system.memory.limit", "By", 8e9, ""),
            ("system.linux.memory.available", "By", 5e9 + 2e7 * self.rng.normal() - levels.get("used", 0.0), ""),
        ]
        now = self.clock.wall_ns()
        return [
            Reading(name, unit, float(value), now, (("sensor", sensor),) if sensor else ())
            for name, unit, value, sensor in values
        ]

    def block(self, levels: dict[str, float]) -> Block:
        """Run a minute's inferences."""
        rows = max(1, self.rng.poisson(60 * RATE * levels["rate"]))
        latency = self.rng.gamma(40, 0.010 / 40, rows) * levels.get("slow", 1.0)
        times = self.clock.wall_ns() - np.linspace(60, 0, rows, endpoint=False)[:] * 1e9
        values = np.column_stack([self.rng.normal(size=rows), latency]).astype(np.float32)
        status = np.zeros(rows, np.uint8)
        return Block(METER, SIGNALS, times.astype(np.int64), latency, status, values, "ring-1", 0)

    @property
    def told(self) -> list[Finding]:
        """The newest state of every finding there ever was."""
        return self.store.findings(everything=True)


OPENED = StreamChange(stream=METER, kind="opened", time_ns=START_NS, source="ring-1")


@pytest.fixture(scope="module")
def warm() -> MemoryStore:
    """Keep what a device has learned in two quiet days, in which nothing was found."""
    site = Site()
    site.run(2 * DAY)
    assert site.told == []
    site.pipeline.close()
    return site.store


def later(warm: MemoryStore) -> Site:
    """Start the agent again on the third day, with a store of its own."""
    store = MemoryStore()
    store.states = dict(warm.states)
    return Site(store, minute=2 * DAY, seed=1)


def test_heat_is_one_finding_with_the_right_words_that_closes_after_it(warm: MemoryStore) -> None:
    """A jump of 26 °C after a restart: found in minutes, dated, told once, closed when it has cooled down."""
    site = later(warm)
    site.run(60)
    onset = site.clock.wall_ns()
    site.run(8, heat=26)
    (finding,) = site.pipeline.findings()
    assert (finding.stream, finding.kind, finding.severity) == (DEVICE, "device", "warning")
    assert finding.sentence.startswith("Temperature of cpu-thermal ")
    assert "to 7" in finding.sentence
    assert "fan" in finding.advice
    assert abs(finding.onset.timestamp() - onset / 1e9) <= 120
    site.run(60, heat=26)
    assert [f.state for f in site.told] == ["open"]
    site.run(20)
    assert [f.state for f in site.told] == ["closed"]


def test_a_restart_within_the_heat_carries_the_finding_on(warm: MemoryStore) -> None:
    """The same finding stays open, and closes when it is over; no second one is made."""
    site = later(warm)
    site.run(30)
    site.run(15, heat=26)
    site.pipeline.close()
    again = Site(site.store, minute=site.minutes + 5, seed=2)
    again.run(30, heat=26)
    assert [f.state for f in again.told] == ["open"]
    again.run(20)
    assert [f.state for f in again.told] == ["closed"]


def test_what_hangs_together_is_one_finding(warm: MemoryStore) -> None:
    """A program that takes the processor heats it too: one finding, the others beside it as evidence."""
    site = later(warm)
    site.run(30)
    site.run(5, busy=0.6)
    site.run(20, busy=0.6, heat=15)
    (finding,) = site.told
    assert {signal.name for signal in finding.signals} == {"other programs", "temperature cpu-thermal"}


def test_a_quiet_week_raises_nothing(warm: MemoryStore) -> None:
    """A rhythm of the day and noise are how things are."""
    site = later(warm)
    site.run(5 * DAY)
    assert site.told == []


def test_a_slow_down_is_one_finding_however_many_see_it() -> None:
    """The detector of single latencies and the series of medians join one episode, told by the former."""
    site = Site(seed=3)
    site.run(1, rate=1, extra=[OPENED])
    site.run(300, rate=1)
    assert site.told == []
    site.run(30, rate=1, slow=3)
    (finding,) = site.told
    assert finding.kind == "slow"
    assert {"latency", "median latency"} == {signal.name for signal in finding.signals}
    assert {signal.detector for signal in finding.signals} == {"latency", "series"}


def test_fewer_inferences_are_found() -> None:
    """A service that is hardly asked any more: the words say how often, and where to look."""
    site = Site(seed=4)
    site.run(1, rate=1, extra=[OPENED])
    site.run(300, rate=1)
    site.run(30, rate=0.05)
    (finding,) = site.told
    assert (finding.kind, finding.stream.key) == ("throughput", METER.key)
    assert finding.sentence.startswith("Throughput ")
    assert "inferences/s to 0.1" in finding.sentence
    site.run(40, rate=1)
    assert [f.state for f in site.told] == ["closed"]
