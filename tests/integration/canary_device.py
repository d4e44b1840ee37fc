"""A whole agent, in this process and by a clock of its own, given rows, labels and names with canaries in them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs

from agent import wiring
from agent.clock import ManualClock
from agent.model import Block, Label, Labels, Signal, Stream, StreamChange
from agent.outbound import Outcome, Window
from agent.summary import bin_edges
from detectors.reference import ReferenceConfig
from exporters.scrape import ScrapeConfig
from tests.agent.fakes import ListCollector

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agent.baselines import Evidence, SignalBaseline
    from agent.outbound import Origin, Parcel

SECOND_NS = 1_000_000_000
RATE = 20
STREAM = Stream(model="meter-reader", version="1.4", sha256="9f86d081884c7d65", runtime="onnxruntime", pid=17)
SIGNALS = (
    Signal("income", "input"),
    Signal("height", "input"),
    Signal("prediction", "output", "categorical"),
    Signal("confidence", "output"),
    Signal("latency", "runtime"),
)
CLASSES = ("open", "closed")

# Each a whole number of sixty-fourths, so that a float32 holds it.
GREATEST_LEARNED, LEAST_LEARNED = 7341.640625, -5821.265625  # once in the reference
GREATEST, LEAST = 6917.390625, -5107.234375  # once in a busy window, within what was learned
ALONE = 643.171875  # all inputs of the only inference of a window
PAIR = (517.828125, 891.609375)  # of the only two of another
OUTSIDE = 93187.703125  # far outside of what was learned, for a while
STUCK = 271.546875  # repeated for so long that it is a finding
VALUES = (GREATEST_LEARNED, LEAST_LEARNED, GREATEST, LEAST, ALONE, *PAIR, OUTSIDE, STUCK)
TEXTS = ("canary-truth", "canary-customer")  # a label's, a folder's


class CanaryDevice:
    """Lives through a reference and some windows; `parcels` are what it has to send."""

    def __init__(self, folder: Path, destinations: tuple[str, ...]) -> None:
        start_ns = (time.time_ns() // (300 * SECOND_NS) - 600) * 300 * SECOND_NS
        self._clock = ManualClock(wall_ns=start_ns)
        (folder / "run").mkdir()
        config = wiring.Config(
            site="plant-7",
            device="press-3",
            scrape=ScrapeConfig(enabled=False),
            reference=ReferenceConfig(rows=1_000, seconds=10),
        )
        self._parts = wiring.build(config, folder / "state", [folder / "run"], None, self._clock)
        self._source = ListCollector()
        intake = self._parts.pipeline.intake
        intake.collectors, intake._filling = [self._source], []
        self._random, self._row = np.random.default_rng(5), 0
        self.destinations = destinations
        for name in destinations:
            self._parts.store.outbox.next(name, 1)  # from here on it is to hear of everything
        self._edges: dict[str, tuple[float, ...]] = {}
        self._know = self._parts.store.know_reference
        self._parts.store.know_reference = self._keep  # type: ignore[method-assign]

    @property
    def origin(self) -> Origin:
        """Who sends."""
        return wiring.make_origin(wiring.Config(site="plant-7", device="press-3"), self._parts.store.outbox.instance)

    def live(self) -> None:
        """Learn, then see what is usual and what is not, and tell labels."""
        path = f"/srv/{TEXTS[1]}/meter-reader.onnx"
        opened = StreamChange(stream=STREAM, kind="opened", time_ns=self._clock.wall_ns(), detail=path, source="a.ring")
        self._source.rounds.append([opened])
        self._see(30, {100: GREATEST_LEARNED, 300: LEAST_LEARNED})
        self._see(600, {8_000: GREATEST, 9_000: LEAST})
        self._wait_for_a_window()
        self._see_few([ALONE])
        self._wait_for_a_window()
        self._see_few(list(PAIR))
        self._wait_for_a_window()
        self._see(60, dict.fromkeys(range(200, 260), OUTSIDE))
        self._see(120, dict.fromkeys(range(600, 2_000), STUCK))
        truths = tuple(Label(id=number, text=TEXTS[0], time_ns=self._clock.wall_ns()) for number in range(1, 400))
        self._source.rounds.append([Labels(truths, "b.ring", 400)])
        now_ns = self._clock.wall_ns()
        self._source.rounds.append([StreamChange(stream=STREAM, kind="closed", time_ns=now_ns, detail=path)])
        self._see(30, {})
        self._wait_for_a_window()
        self._wait_for_a_window()

    def parcels(self, destination: str) -> list[Parcel]:
        """Return all that is to be sent."""
        outbox, found = self._parts.store.outbox, []
        while (batch := outbox.next(destination, 100_000)) is not None:
            found += [self._completed(parcel) for parcel in batch.parcels]
            outbox.settle(destination, batch, Outcome(accepted=tuple(range(len(batch.parcels)))), "")
        return found

    def _keep(self, stream_key: str, name: str, described: Sequence[SignalBaseline], evidence: Evidence = dict) -> None:
        self._edges |= {one.signal.name: tuple(bin_edges(one.quantiles, one.categories)) for one in described}
        self._know(stream_key, name, described, evidence)

    def _completed(self, parcel: Parcel) -> Parcel:
        """Return a window with the edges of its reference, where it came without."""
        if not isinstance(parcel.content, Window) or parcel.content.edges:
            return parcel
        return structs.replace(parcel, content=structs.replace(parcel.content, edges=self._edges))

    def close(self) -> None:
        """Stop."""
        self._parts.pipeline.close()

    def _see(self, seconds: int, income: dict[int, float]) -> None:
        for first in range(0, seconds * RATE, 10 * RATE):
            values = self._usual(10 * RATE)
            for at, value in income.items():
                if first <= at < first + len(values):
                    values[at - first, :2] = value
            self._give(values, 10.0)

    def _see_few(self, income: list[float]) -> None:
        values = self._usual(len(income))
        values[:, :2] = np.array(income)[:, None]
        self._give(values, 1.0)

    def _usual(self, rows: int) -> np.ndarray:
        random = self._random
        inputs = random.normal((300.0, 170.0), (40.0, 10.0), (rows, 2))
        answers = random.integers(0, 2, rows), random.beta(8, 2, rows), random.lognormal(-4, 0.1, rows)
        return np.column_stack([inputs, *answers])

    def _give(self, values: np.ndarray, seconds: float) -> None:
        rows = len(values)
        self._clock.advance(seconds)
        self._row += rows
        block = Block(
            stream=STREAM,
            signals=SIGNALS,
            time_ns=self._clock.wall_ns() - np.linspace(seconds * SECOND_NS, 1, rows).astype(np.int64),
            latency_s=values[:, -1],
            status=np.zeros(rows, np.uint8),
            values=values.astype(np.float32),
            source="a.ring",
            last_seq=self._row,
            ids=np.arange(self._row - rows + 1, self._row + 1).astype(np.uint64),
            classes=CLASSES,
        )
        self._source.rounds.append([block])
        while self._source.rounds:
            self._parts.pipeline.tick()

    def _wait_for_a_window(self) -> None:
        """Let time pass until the slot is over, and a little."""
        slot_ns = 300 * SECOND_NS
        left_ns = slot_ns - self._clock.wall_ns() % slot_ns
        for _ in range(left_ns // (10 * SECOND_NS) + 3):
            self._clock.advance(10)
            self._parts.pipeline.tick()
