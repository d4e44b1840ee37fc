# ruff: noqa: E402  # the path is set first
"""How long a backlog takes through a narrow link, in real time: buffer, outbox, forwarder, exporter and receiver.

The buffer holds a summary a minute of one stream with 20 signals, and the device's own readings, for so many days. The
link is a proxy that carries 1 Mbit/s, both ways together. Prints how long it took, what went over the wire, and when
the newest window had arrived; exit status 1 where it took longer than ten minutes, or anything is missing.

`--days 7 --kbit 1000 --kind otlp`; otlp goes to a Collector (DRIFTLINE_COLLECTOR), remote-write to VictoriaMetrics.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, TypeVar, cast

sys.path[0] = str(Path(__file__).parents[1])  # this folder has an `agent.py` of its own

import numpy as np
from msgspec import structs

from agent.buffer import BufferConfig, open_buffer
from agent.buffer.outgoing.outbox import Outbox
from agent.buffer.pending import Recorded
from agent.clock import SystemClock
from agent.events import Events
from agent.findings import FindingBook
from agent.model import Reading
from agent.notices import Notices
from agent.outbound import Origin, Watched, Window
from agent.summary import Moments, SignalSummary, Summary, summarise
from benchmarks.uplink_rows import RATE, SIGNALS, cut, make_edges, make_rows
from exporters.forwarding.config import DestinationConfig
from exporters.forwarding.forwarder import Forwarder, Place
from exporters.forwarding.otlp import OtlpExporter
from exporters.forwarding.remote_write import RemoteWriteExporter
from tests.agent import fakes
from tests.faults.bad_link import BadLink
from tests.servers.collector import running_collector
from tests.servers.victoria import running_victoria

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.buffer import Buffer
    from agent.buffer.outgoing.stored import Stored
    from agent.outbound import Outcome, Parcel

T = TypeVar("T")

DESTINATION = "fleet"
ORIGIN = Origin(site="plant-7", device="press-3", version="0.1.0", instance="0f3a")
MINUTE_NS = 60_000_000_000
DIFFERENT = 60  # minutes that are made of rows; then each is varied, since what comes again would be packed away
GOAL_S = 600
EDGES = make_edges(make_rows(60, seed=1))


class Store:
    """The buffer, with all that detectors say of each window."""

    def __init__(self, buffer: Buffer) -> None:
        self._stored = buffer.outbox.stored

    def __getattr__(self, name: str) -> object:
        return getattr(self._stored, name)

    def completed(self, window: Window) -> Window:
        """Return a window with the edges of its reference, and effect sizes that differ from window to window."""
        random = Random(window.summary.time_ns)  # noqa: S311  # no secret
        watched = (Watched(signal, *(random.random() for _ in range(4))) for signal in SIGNALS)
        return structs.replace(window, edges=EDGES, watched=tuple(watched))


class Timed:
    """The exporter, with a note of when the newest window had arrived."""

    def __init__(self, exporter: OtlpExporter | RemoteWriteExporter) -> None:
        self.name = exporter.name
        self.newest: tuple[int, float] = (0, 0.0)
        self.accepted = self.bytes = self.batches = 0
        self.verbose = False
        self._exporter = exporter

    async def send(self, parcels: Sequence[Parcel]) -> Outcome:
        """Send as the exporter does."""
        began = time.monotonic()
        outcome = await self._exporter.send(parcels)
        if self.verbose:
            took_s = time.monotonic() - began
            print(f"{len(parcels)} parcels, {outcome.sent_bytes} bytes, {took_s:.1f} s {outcome.trouble}", flush=True)
        assert not outcome.rejected, outcome.rejected
        self.batches += 1
        self.bytes += outcome.sent_bytes
        for place in outcome.accepted:
            self.accepted += isinstance(parcels[place].content, Window)
            self.newest = max(self.newest, (parcels[place].content.end_ns, time.monotonic()), key=lambda one: one[0])
        return outcome

    async def close(self) -> None:
        """Let go of the connection."""
        await self._exporter.close()


def fill(buffer: Buffer, days: float) -> int:
    """Put so many days of minutes into a buffer, the last of which is over; return how many."""
    rows = make_rows(60 * DIFFERENT)
    bins = {name: np.array(own, np.float32) for name, own in EDGES.items()}
    minutes = [
        summarise([cut(rows, at * 60 * RATE, (at + 1) * 60 * RATE)], 0, 60.0, bins, "first") for at in range(DIFFERENT)
    ]
    count, random = round(days * 1_440), np.random.default_rng(7)
    start_ns = (time.time_ns() // (5 * MINUTE_NS) - 1) * 5 * MINUTE_NS - count * MINUTE_NS
    for number in range(1, count + 1):
        time_ns = start_ns + (number - 1) * MINUTE_NS
        summary = varied(minutes[number % DIFFERENT], time_ns, random)
        buffer._pending.add_recorded(Recorded(summaries=((number, summary),)))  # noqa: SLF001  # as the recorder does
        buffer._pending.add([], [Reading("hw.temperature", "Cel", 50.0 + number % 7, time_ns)])  # noqa: SLF001
        if number % 500 == 0:
            buffer.commit()
    buffer.commit()
    return count


def varied(summary: Summary, time_ns: int, random: np.random.Generator) -> Summary:
    """Return a minute like another: other means and deviations, other counts."""
    signals = []
    for one in summary.signals:
        old = one.moments
        mean, variance = old.mean * (1 + 0.01 * random.standard_normal()), old.variance * random.uniform(0.9, 1.1)
        bins = tuple(random.poisson(one.bins).tolist())
        signals.append(SignalSummary(one.signal, Moments(old.count, mean, variance, old.least, old.most), bins))
    counts = random.poisson(list(summary.buckets.values())).tolist()
    buckets = dict(zip(summary.buckets, counts, strict=True))
    latency = structs.replace(summary.latency, mean=summary.latency.mean * random.uniform(0.95, 1.05))
    return structs.replace(summary, time_ns=time_ns, signals=tuple(signals), buckets=buckets, latency=latency)


async def drain(outbox: Outbox, exporter: Timed, config: DestinationConfig) -> float:
    """Send until nothing waits; return the seconds that took."""
    told, clock = fakes.MemoryStore(), SystemClock()
    book = FindingBook(fakes.PlainExplainer(), told)
    notices = Notices(book, Events(told, clock), clock)
    with ThreadPoolExecutor(1) as thread:

        async def run(function: Callable[[], T]) -> T:
            return await asyncio.get_running_loop().run_in_executor(thread, function)

        place = Place(
            outbox=outbox, run=run, notices=notices, clock=clock, believed=lambda: True,
            random=Random(1), origin=ORIGIN,  # noqa: S311  # spreads pauses
        )  # fmt: skip
        forwarder = Forwarder(config, exporter, place)
        began = time.monotonic()
        while (await run(outbox.waiting))[0].minutes:  # noqa: ASYNC110  # as its own loop does
            await asyncio.sleep(await forwarder.attempt())
        await exporter.close()
        return time.monotonic() - began


def main() -> int:
    """Fill, drain and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=0.5)
    parser.add_argument("--kbit", type=float, default=1_000)
    parser.add_argument("--kind", choices=("otlp", "remote-write"), default="remote-write")
    parser.add_argument("--verbose", action="store_true", help="a line for each batch")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "state").mkdir()
        clock = SystemClock()
        buffer = open_buffer(folder / "state", clock, BufferConfig())
        outbox = Outbox(cast("Stored", Store(buffer)))
        outbox.next(DESTINATION, 1)  # from here on it is to hear of everything
        count = fill(buffer, asked.days)
        starter = running_collector if asked.kind == "otlp" else running_victoria
        with starter(folder) as server:
            port = int(server.url.rpartition(":")[2])

            async def go() -> tuple[float, Timed, BadLink]:
                async with BadLink([port], bytes_per_s=asked.kbit * 125) as link:
                    path = "" if asked.kind == "otlp" else "/api/v1/write"
                    config = DestinationConfig(name=DESTINATION, kind=asked.kind, url=link.url + path)
                    carrier = OtlpExporter if asked.kind == "otlp" else RemoteWriteExporter
                    exporter = Timed(carrier(config, ORIGIN))
                    exporter.verbose = asked.verbose
                    began = time.process_time()
                    took_s = await drain(outbox, exporter, config)
                    print(f"processor time, proxy included: {time.process_time() - began:.0f} s")
                    return took_s, exporter, link

            began = time.monotonic()
            took_s, exporter, link = asyncio.run(go())
        buffer.close()
    windows = -(-count // 5)
    print(
        f"{asked.kind}: {asked.days:g} days, {count} minutes in {exporter.accepted} windows of {windows}, "
        f"{exporter.batches} batches, {link.requests} requests, {link.carried_bytes / 1e6:.2f} MB over the link\n"
        f"took {took_s:.0f} s at {asked.kbit:g} kbit/s, the bytes alone {link.carried_bytes / asked.kbit / 125:.0f} s; "
        f"the newest window had arrived after {exporter.newest[1] - began:.1f} s"
    )
    return 0 if took_s <= GOAL_S and exporter.accepted == windows else 1


if __name__ == "__main__":
    raise SystemExit(main())
