"""Numbered summaries of minutes, as the segments keep them."""

from __future__ import annotations

from agent.buffer.outgoing.slots import Numbered
from agent.model import Signal, Stream
from agent.summary import Moments, SignalSummary, Summary

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
START_NS = 1_790_000_400 * SECOND_NS  # a whole hour
BRIGHTNESS = Signal("brightness", "input")


def make_stream(model: str = "meter-reader") -> Stream:
    """Return a stream."""
    return Stream(model=model, version="1", sha256="9f86d081884c7d65")


def make_numbered(
    number: int, minute: int, rows: int = 10, model: str = "meter-reader", reference: str = "a"
) -> Numbered:
    """Return the summary of a minute since START_NS, with a number; figures differ by number."""
    summary = Summary(
        stream=make_stream(model),
        time_ns=START_NS + minute * MINUTE_NS,
        seconds=60.0,
        statuses={0: rows, 1: number % 3},
        latency=Moments(rows, 0.01 * (1 + number % 7), 1e-6, 0.001, 0.1),
        buckets={-200 + number % 5: rows},
        signals=(SignalSummary(BRIGHTNESS, Moments(rows, float(number), 1.0, 0.0, 2.0 * number), (rows, 0, 0)),),
        reference=reference,
    )
    return Numbered(number, number, summary)
