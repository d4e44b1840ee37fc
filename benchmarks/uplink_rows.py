"""One stream of 20 signals at 100 inferences a second, with latencies that have a tail, and its windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.model import Block, Signal, Stream
from agent.outbound import HostWindow, Parcel, Rollup, Watched, Window
from agent.summary import bin_edges, moments, summarise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.summary import Summary

SECOND_NS = 1_000_000_000
START_NS = 1_790_000_100 * SECOND_NS
RATE = 100
WINDOW_S = 300
STREAM = Stream(model="meter-reader", version="1.4", sha256="9f86d081884c7d65", pid=17)
INPUTS = tuple(f"sensor_{column:02}" for column in range(16))
SIGNALS = (
    *(Signal(name, "input") for name in INPUTS),
    *(Signal(name, "output") for name in ("confidence", "margin", "entropy", "value")),
)
_HOST = (
    ("system.cpu.utilization", "1", ()), ("system.cpu.logical.count", "{cpu}", ()),
    ("system.cpu.load_average.1m", "{thread}", ()), ("system.memory.utilization", "1", (("state", "used"),)),
    ("system.memory.usage", "By", (("state", "used"),)), ("system.memory.limit", "By", ()),
    ("system.linux.memory.available", "By", ()), ("system.filesystem.utilization", "1", (("mountpoint", "/"),)),
    ("hw.temperature", "Cel", (("sensor", "cpu"),)), ("hw.temperature", "Cel", (("sensor", "gpu"),)),
    ("process.cpu.utilization", "1", (("model", "meter-reader"),)),
    ("process.memory.usage", "By", (("model", "meter-reader"),)),
)  # fmt: skip


def make_rows(seconds: int, seed: int = 20, start_ns: int = START_NS) -> Block:
    """Return so many seconds of rows: sensors that drift slowly, latencies around 20 ms, 2 % of them much longer."""
    random = np.random.default_rng(seed)
    rows = seconds * RATE
    walk = np.cumsum(random.normal(0, 0.02, (rows, len(INPUTS))), axis=0)
    inputs = 20 + 5 * np.arange(len(INPUTS)) + np.sin(walk) + random.normal(0, 0.5, walk.shape)
    confidence = random.beta(8, 1.5, rows)
    outputs = np.column_stack(
        [confidence, confidence * random.random(rows), -np.log(confidence), 100 + 10 * np.sin(walk[:, 0])]
    )
    latency = random.lognormal(np.log(0.02), 0.25, rows) * np.where(random.random(rows) < 0.02, 6.0, 1.0)
    return Block(
        stream=STREAM,
        signals=SIGNALS,
        time_ns=start_ns + np.arange(rows, dtype=np.int64) * (SECOND_NS // RATE),
        latency_s=latency,
        status=(random.random(rows) < 0.001).astype(np.uint8),
        values=np.column_stack([inputs, outputs]).astype(np.float32),
    )


def cut(rows: Block, first: int, last: int) -> Block:
    """Return some of the rows."""
    return Block(
        stream=rows.stream,
        signals=rows.signals,
        time_ns=rows.time_ns[first:last],
        latency_s=rows.latency_s[first:last],
        status=rows.status[first:last],
        values=rows.values[first:last],
    )


def make_edges(rows: Block) -> dict[str, tuple[float, ...]]:
    """Return where the bins of each signal end: at quantiles of these rows."""
    shares = np.linspace(0.0, 1.0, 21)
    return {
        signal.name: tuple(bin_edges(zip(shares, np.quantile(rows.values[:, column], shares), strict=True), []))
        for column, signal in enumerate(SIGNALS)
    }


def make_windows(rows: Block, edges: dict[str, tuple[float, ...]]) -> list[tuple[Window, NDArray[np.float64]]]:
    """Return five-minute windows with all that detectors say, and the latencies that each is of."""
    bins = {name: np.array(own, np.float32) for name, own in edges.items()}
    random = np.random.default_rng(21)
    found: list[tuple[Window, NDArray[np.float64]]] = []
    total: Summary | None = None
    for first in range(0, len(rows), RATE * WINDOW_S):
        part = cut(rows, first, first + RATE * WINDOW_S)
        own = summarise([part], int(part.time_ns[0]), float(WINDOW_S), bins, "first")
        total = own if total is None else total.merge(own)
        watched = (Watched(signal, *random.random(4).tolist()) for signal in (*SIGNALS, Signal("latency", "runtime")))
        window = Window(summary=own, total=total, edges=edges, watched=tuple(watched))
        found.append((window, np.asarray(part.latency_s)))
    return found


def make_host_windows(count: int) -> list[HostWindow]:
    """Return what the device says of itself over the same time."""
    random = np.random.default_rng(22)
    windows = []
    for at in range(count):
        readings = []
        for name, unit, labels in _HOST:
            values = random.random(60)
            readings.append(Rollup(name, unit, labels, moments(values), float(values[-1])))
        time_ns = START_NS + at * WINDOW_S * SECOND_NS
        windows.append(HostWindow(time_ns=time_ns, seconds=float(WINDOW_S), readings=tuple(readings)))
    return windows


def parcels_of(contents: Sequence[Window | HostWindow]) -> list[Parcel]:
    """Return what is sent."""
    return [Parcel(id=f"0f3a-w{number * 5}-{number * 5 + 4}", content=one) for number, one in enumerate(contents)]
