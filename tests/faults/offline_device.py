"""The state directory of a device that was offline for days, and what a store must hold once all of it was sent.

Made by the real buffer, by a clock that runs faster; it ends shortly before now, so that an agent can go on with it.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from agent.baselines import SignalBaseline
from agent.buffer.outgoing.slots import SLOT_NS
from agent.clock import ManualClock, utc
from agent.model import Signal
from agent.outbound import HostWindow, Origin, Rollup, Window
from agent.summary import bin_edges, moments
from exporters import naming
from exporters.forwarding.config import PRIVATE
from exporters.window_samples import samples_of
from tests.agent.buffer.blocks import CAMERA, make_block, make_finding, make_reading
from tests.agent.buffer.test_dating import dated
from tests.servers.series import series_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agent.buffer import Buffer, BufferConfig
    from agent.model import Block, Finding, FindingState, Stream
    from agent.summary import Summary
    from exporters.window_samples import Sample
    from tests.servers.series import Series

SITE, DEVICE, VERSION = "plant-7", "press-3", "0.1.0"
SECOND_NS, MINUTE_NS, HOUR_MIN = 1_000_000_000, 60_000_000_000, 60
RELAY = msgspec.structs.replace(CAMERA, model="relay")
ROWS = 20
SIGNALS = tuple(f"x{number}" for number in range(12))
QUANTILES = tuple((share / 8, 12.5 * share) for share in range(9))
DESCRIBED = tuple(
    SignalBaseline(signal=Signal(name, "input"), block_rows=1, missing=0.0, quantiles=QUANTILES) for name in SIGNALS
)
EDGES = {one.signal.name: tuple(bin_edges(one.quantiles, one.categories)) for one in DESCRIBED}
FINDING_EVERY_MIN, FINDING_STANDS_MIN = 6 * HOUR_MIN, 2 * HOUR_MIN
OF_MOMENTS = {naming.STREAM_FINDINGS.name, naming.STREAM_ONSET.name, naming.BUILD.name}  # told between windows as well


class State(NamedTuple):
    """One state of a finding, as it was stored."""

    number: int
    finding: Finding

    @property
    def time_ns(self) -> int:
        """When it changed."""
        return round(self.finding.updated.timestamp() * 1e9)


class OfflineDevice:
    """Lives for some days without a link, with something in one minute of twenty, and in all of some hours.

    Parameters
    ----------
    directory
        Where its state is made.
    days
        For how long.
    config
        Of its buffer.
    destinations
        What is configured from its beginning.
    whole_every
        Each so many hours have something in each minute.

    """

    def __init__(
        self, directory: Path, days: int, config: BufferConfig, destinations: Sequence[str], whole_every: int
    ) -> None:
        self.end_ns = (time.time_ns() // SLOT_NS - 1) * SLOT_NS
        self.start_ns = self.end_ns - days * 86_400 * SECOND_NS
        self.minutes: list[Summary] = []  # as they are stored
        self.inferences: Counter[str] = Counter()  # by model, as they were given
        self.temperatures: list[tuple[int, float]] = []
        self.states: list[State] = []
        self.carried_bytes = 0
        self._random = np.random.default_rng(days)
        clock = ManualClock(self.start_ns)
        with dated(directory, clock, config) as (buffer, _):
            for name in destinations:
                buffer.outbox.next(name, 1)  # from here on it is to hear of everything
            buffer.know_reference(CAMERA.key, "r1", DESCRIBED)
            buffer.know_reference(RELAY.key, "r1", DESCRIBED)
            for minute in range(days * 24 * HOUR_MIN):
                hour = minute // HOUR_MIN
                if minute % 20 == hour % 20 or hour % whole_every == 0:
                    self._see(buffer, clock.wall_ns(), hour)
                self._find(buffer, minute, clock.wall_ns())
                clock.advance(60)
                if minute % HOUR_MIN == HOUR_MIN - 1:
                    self._store(buffer)
            clock.advance(300)
            buffer.append([], [])
            self._store(buffer)
            self.carried_bytes = buffer.outbox.carried_bytes
            self.origin = Origin(site=SITE, device=DEVICE, version=VERSION, instance=buffer.outbox.instance)

    def _see(self, buffer: Buffer, now_ns: int, hour: int) -> None:
        streams = (CAMERA, RELAY) if hour % 12 == 0 else (CAMERA,)
        temperature = float(self._random.normal(60.0, 5.0))
        self.temperatures.append((now_ns, temperature))
        buffer.append([self._block(stream, now_ns) for stream in streams], [make_reading(temperature, time_ns=now_ns)])

    def _block(self, stream: Stream, now_ns: int) -> Block:
        rows = int(self._random.integers(ROWS // 2, ROWS))
        self.inferences[stream.model] += rows
        source = f"{stream.model}.ring"
        block = make_block(rows, names=SIGNALS, stream=stream, time_ns=now_ns, source=source)
        block.values[:] = self._random.normal(50.0, 20.0, block.values.shape)
        block.latency_s[:] = self._random.lognormal(-4.0, 0.5, rows)
        block.status[:] = self._random.random(rows) < 0.05
        return block

    def _find(self, buffer: Buffer, minute: int, now_ns: int) -> None:
        at = minute % FINDING_EVERY_MIN
        if at in {HOUR_MIN + 7, HOUR_MIN + 7 + FINDING_STANDS_MIN}:
            state: FindingState = "open" if at == HOUR_MIN + 7 else "closed"
            opened, now = utc(now_ns - (0 if state == "open" else FINDING_STANDS_MIN * MINUTE_NS)), utc(now_ns)
            finding = msgspec.structs.replace(
                make_finding(f"f-{minute // FINDING_EVERY_MIN}", state), onset=opened, opened=opened, updated=now,
                closed=now if state == "closed" else None,
            )  # fmt: skip
            buffer.save_finding(finding)
            self.states.append(State(len(self.states) + 1, finding))

    def _store(self, buffer: Buffer) -> None:
        """Commit, and learn what is stored before retention takes it."""
        buffer.commit()
        self.minutes += [summary for _, summary in buffer.summaries_since(len(self.minutes))]

    def ends(self) -> list[int]:
        """Return when the five minutes end in which there was something."""
        return sorted({one.time_ns // SLOT_NS * SLOT_NS + SLOT_NS for one in self.minutes})

    def starts(self) -> set[tuple[str, int]]:
        """Return when the counters of each model begin."""
        first: dict[str, int] = {}
        for one in self.minutes:
            first.setdefault(one.stream.model, one.time_ns)
        return set(first.items())

    def expected(self, ends_ns: Sequence[int]) -> Series:
        """Return what a store must hold of windows that end then, each of which begins where the one before ends."""
        samples: list[Sample] = []
        totals: dict[str, Summary] = {}
        minutes, temperatures = iter([*self.minutes, None]), iter([*self.temperatures, None])
        minute, temperature = next(minutes), next(temperatures)
        start_ns = self.start_ns
        for end_ns in ends_ns:
            own: dict[str, list[Summary]] = {}
            values: list[float] = []
            while minute is not None and minute.time_ns < end_ns:
                own.setdefault(minute.stream.key, []).append(minute)
                minute = next(minutes)
            while temperature is not None and temperature[0] < end_ns:
                values.append(temperature[1])
                temperature = next(temperatures)
            for key, found in own.items():
                before = [totals[key]] if key in totals else []
                totals[key] = until(functools.reduce(type(found[0]).merge, [*before, *found]), end_ns)
                summary = functools.reduce(type(found[0]).merge, found)
                first_ns = summary.time_ns
                summary = msgspec.structs.replace(summary, time_ns=first_ns, seconds=(end_ns - first_ns) / SECOND_NS)
                samples += samples_of(self.origin, Window(summary=summary, total=totals[key], edges=EDGES))
            rollup = Rollup("hw.temperature", "Cel", (("id", "cpu"),), moments(values), values[-1])
            seconds = (end_ns - start_ns) / SECOND_NS
            samples += samples_of(self.origin, HostWindow(time_ns=start_ns, seconds=seconds, readings=(rollup,)))
            start_ns = end_ns
        return comparable(series_of(one for one in samples if one.metric.name not in PRIVATE))

    def standing(self, time_ns: int) -> int:
        """Return how many findings stood then."""
        return sum(1 if one.finding.state == "open" else -1 for one in self.states if one.time_ns <= time_ns)


def until(total: Summary, end_ns: int) -> Summary:
    """Let a total end then."""
    return msgspec.structs.replace(total, seconds=(end_ns - total.time_ns) / SECOND_NS)


def comparable(series: Series) -> Series:
    """Return those whose samples stand at the end of a window and nowhere else."""
    return {labels: values for labels, values in series.items() if dict(labels)["__name__"] not in OF_MOMENTS}
