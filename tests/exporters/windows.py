"""Windows to send: rows of a stream with a known answer, summarised as the agent does."""

from __future__ import annotations

import datetime as dt

import numpy as np

from agent.model import Block, Cause, Finding, Signal, Stream
from agent.outbound import FindingChange, HostWindow, Origin, Rollup, Watched, Window
from agent.summary import bin_edges, moments, summarise

SECOND_NS = 1_000_000_000
START_NS = 1_790_000_100 * SECOND_NS
ORIGIN = Origin(site="plant-7", device="press-3", version="0.1.0", instance="0f3a")
STREAM = Stream(model="meter-reader", version="1.4", sha256="9f86d081884c7d65", pid=17)
SIGNALS = (Signal("brightness", "input"), Signal("confidence", "output"))
EDGES = tuple(bin_edges([(share / 10, share / 10) for share in range(11)], []))


def make_block(rows: int, seed: int = 1, start_ns: int = START_NS, span_s: float = 300.0) -> Block:
    """Return rows over a span: latencies around 20 ms, one in fifty failed, one in forty without brightness."""
    random = np.random.default_rng(seed)
    values = random.random((rows, len(SIGNALS))).astype(np.float32)
    values[::40, 0] = np.nan
    return Block(
        stream=STREAM,
        signals=SIGNALS,
        time_ns=start_ns + np.linspace(0, span_s * SECOND_NS, rows, endpoint=False).astype(np.int64),
        latency_s=random.lognormal(np.log(0.02), 0.5, rows),
        status=(np.arange(rows) % 50 == 0).astype(np.uint8),
        values=values,
    )


def make_window(blocks: list[Block], span_s: float = 300.0) -> Window:
    """Return the window of the last block, with totals over all."""
    edges = {signal.name: np.array(EDGES, np.float32) for signal in SIGNALS}
    last_ns = int(blocks[-1].time_ns[0])
    total_s = (last_ns - int(blocks[0].time_ns[0])) / SECOND_NS + span_s
    return Window(
        summary=summarise(blocks[-1:], last_ns, span_s, edges, "first"),
        total=summarise(blocks, int(blocks[0].time_ns[0]), total_s, edges, "first"),
        edges={signal.name: EDGES for signal in SIGNALS},
        watched=(Watched(SIGNALS[0], 0.25, 0.01, 0.02, 0.03), Watched(Signal("throughput", "runtime"), 0.5)),
    )


def make_host_window() -> HostWindow:
    """Return two temperatures over five minutes, one of them of a measure nobody declared."""
    return HostWindow(
        time_ns=START_NS,
        seconds=300.0,
        readings=(
            Rollup("hw.temperature", "Cel", (("sensor", "cpu"),), moments([50.0, 70.0]), 70.0),
            Rollup("hw.unheard_of", "1", (), moments([1.0]), 1.0),
        ),
    )


def make_change(number: int = 1, state: str = "open") -> FindingChange:
    """Return a state of a finding about the stream."""
    at = dt.datetime.fromtimestamp(START_NS // SECOND_NS + 60, dt.UTC)
    finding = Finding(
        id="f-1", stream=STREAM, kind="shift", severity="warning", state=state, sentence="The images are darker.",  # type: ignore[arg-type]
        advice="Clean the lens.", onset=at, opened=at, updated=at + dt.timedelta(seconds=number), row=1, onset_row=0,
        signals=(), causes=(Cause("sensor", "camera sees less light", 0.8, "brightness"),),
        closed=at if state == "closed" else None,
    )  # fmt: skip
    return FindingChange(number=number, finding=finding)
