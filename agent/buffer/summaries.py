"""Summaries in the segments: what SQL can read in columns, and the histograms packed beside them.

Means and the like are float32 there, as the values are that they are of.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from agent.buffer import recorded_schema as schema
from agent.buffer.era_schema import moved_ns
from agent.buffer.schema import LATEST_NS
from agent.summary import Moments, SignalSummary, Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from agent.buffer.engine import Engine
    from agent.buffer.segment import Segment
    from agent.model import Signal, Stream

_QUANTILES = (0.5, 0.9, 0.99)
_FINITE = 3.4e38
_AT_ONCE = 16  # summaries in one statement, whose cost is little more than that of one


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    statuses: dict[int, int]
    latency: Moments
    first_bucket: int
    buckets: tuple[int, ...]  # from the first on, without gaps
    reference: str
    bins: tuple[tuple[int, ...], ...]
    evidence: dict[str, float] = {}


_decoder = msgspec.msgpack.Decoder(_Packed)


def write_summaries(
    engine: Engine, alias: str, summaries: Iterable[tuple[int, Summary]], number_of: Mapping[Stream, int],
    schema_of: Callable[[tuple[Signal, ...]], int], most_signals: int, era: int,
) -> None:  # fmt: skip
    """Append summaries, each with its number, inside the transaction that is open; of many signals the first."""
    pairs = list(summaries)
    for some in (pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE)):
        values: list[object] = []
        for number, summary in some:
            quantiles = [summary.latency_quantile(share) for share in _QUANTILES]
            latency = summary.latency if summary.latency.count else None
            described = (latency.mean, latency.least, latency.most) if latency else (None,) * 3
            values += (
                number, min(max(summary.time_ns, 0), LATEST_NS), summary.seconds, number_of[summary.stream],
                schema_of(tuple(signal.signal for signal in summary.signals)), summary.inferences, summary.failed,
                *described, *quantiles, pack(summary, most_signals), era,
            )  # fmt: skip
        engine.run(schema.insert_summaries(alias, len(some)), values)
        signals = [
            (number, place, one.moments)
            for number, summary in some
            for place, one in enumerate(summary.signals[:most_signals])
        ]
        if signals:
            numbers, places, found = map(list, zip(*signals, strict=True))
            each = [[_real(getattr(one, name)) for one in found] for name in ("mean", "variance", "least", "most")]
            counts = [one.count for one in found]
            engine.run(schema.INSERT_SIGNALS.format(db=alias), [numbers, places, counts, *each])


def read_summaries(engine: Engine, segments: Sequence[Segment], after: int, most: int) -> list[tuple[int, Summary]]:
    """Return the committed summaries after a number, at most so many, in the order of their numbers.

    `segments` are in theirs. None while older ones are still expected back: who goes on from a later one would pass
    them over.
    """
    if any(segment.expected for segment in segments):
        return []
    found: list[tuple[int, Summary]] = []
    for segment in segments:
        if segment.last_summary > after and len(found) < most:
            streams = {number: stream for stream, number in segment.streams.items()}
            tables = segment.tables
            rows = engine.run(_read(segment), [after, most - len(found)])
            of: dict[int, list[Moments]] = {}
            for number, *moments in engine.run(
                schema.READ_SIGNALS.format(db=segment.alias), [after, rows[-1][0] if rows else after]
            ):
                of.setdefault(number, []).append(Moments(*moments))
            for row in rows:
                if row[3] in streams and row[4] in tables:
                    found += [(row[0], _unpacked(row, streams[row[3]], tables[row[4]], of.get(row[0], [])))]
    return found


def _read(segment: Segment) -> str:
    return schema.READ_SUMMARIES.format(db=segment.alias, time=moved_ns("time", segment.eras.shifts))


def last_numbers(engine: Engine, segments: Sequence[Segment]) -> tuple[int, int]:
    """Return the numbers of the newest committed summary and window; 0 where there is none."""
    known = [segment for segment in segments if segment.has(schema.SUMMARIES)]
    windows = (engine.run(schema.READ_LAST_WINDOW.format(db=segment.alias))[0][0] for segment in known)
    return max((segment.last_summary for segment in known), default=0), max(windows, default=0)


def pack(summary: Summary, most_signals: int) -> bytes:
    """Give the part of a summary that SQL does not read a short form."""
    first = min(summary.buckets, default=0)
    last = max(summary.buckets, default=-1)
    packed = _Packed(
        summary.statuses,
        summary.latency,
        first,
        tuple(summary.buckets.get(bucket, 0) for bucket in range(first, last + 1)),
        summary.reference,
        tuple(signal.bins for signal in summary.signals[:most_signals]),
        {name: round(share, 3) for name, share in summary.evidence.items()},
    )
    return zlib.compress(msgspec.msgpack.encode(packed), 6)


def _unpacked(row: tuple[Any, ...], stream: Stream, signals: Sequence[Signal], moments: Sequence[Moments]) -> Summary:
    _, time_ns, seconds, _, _, record = row
    packed = _decoder.decode(zlib.decompress(bytes(record)))
    return Summary(
        stream=stream,
        time_ns=time_ns,
        seconds=seconds,
        statuses=packed.statuses,
        latency=packed.latency,
        buckets={packed.first_bucket + at: count for at, count in enumerate(packed.buckets) if count},
        signals=tuple(
            SignalSummary(signal, one, bins) for signal, one, bins in zip(signals, moments, packed.bins, strict=False)
        ),
        reference=packed.reference,
        evidence=packed.evidence,
    )


def _real(value: float) -> float:
    """Keep within what the column takes: the variance of large values can be larger."""
    return min(max(value, -_FINITE), _FINITE) if math.isfinite(value) else 0.0
