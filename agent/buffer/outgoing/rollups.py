"""The device's own readings over a span of wall time, added up by SQL where they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from agent.buffer import outgoing_schema as sql
from agent.outbound import Rollup
from agent.summary import Moments

if TYPE_CHECKING:
    from agent.buffer.engine import Engine
    from agent.buffer.era_schema import Shift
    from agent.buffer.segment import Segment

_labels = msgspec.json.Decoder(dict[str, str])
_Span = tuple[int | None, int | None]


class Rollups:
    """Knows from when to when the readings of each segment are, so that only those of a span are asked."""

    def __init__(self) -> None:
        self._spans: dict[Segment, tuple[tuple[Shift, ...], _Span]] = {}

    def of(self, engine: Engine, segments: list[Segment], start_ns: int, end_ns: int) -> tuple[Rollup, ...]:
        """Return what was measured from a moment on until before another, by name and labels; infinite values apart."""
        found: dict[tuple[str, str, str], tuple[Moments, int, float]] = {}
        for segment in segments:
            if segment is not segments[-1]:
                first, last = self._span(engine, segment)
                if first is None or last is None or last < start_ns or first >= end_ns:
                    continue
            for row in engine.run(_of(sql.READ_ROLLUPS, segment), [start_ns, end_ns]):
                _add(found, *row)
        self._spans = {segment: self._spans[segment] for segment in segments if segment in self._spans}
        return tuple(
            Rollup(name, unit, tuple(_labels.decode(labels).items()), moments, last)
            for (name, unit, labels), (moments, _, last) in sorted(found.items())
        )

    def _span(self, engine: Engine, segment: Segment) -> _Span:
        """Return when a segment that takes no more readings has its first and last."""
        shifts = segment.eras.shifts
        known = self._spans.get(segment)
        if known is None or known[0] != shifts:
            first, last = engine.run(_of(sql.READ_READINGS_SPAN, segment))[0]
            known = self._spans[segment] = (shifts, (first, last))
        return known[1]


def _of(statement: str, segment: Segment) -> str:
    return statement.format(db=segment.alias, readings=segment.source.of("readings", "time"))


def _add(found: dict[tuple[str, str, str], tuple[Moments, int, float]], *row: Any) -> None:
    name, unit, labels, count, mean, variance, least, most, last, last_ns = row
    moments = Moments(count, mean, variance, least, most)
    before = found.get((name, unit, labels))
    if before is not None:
        moments = before[0].merge(moments)
        last_ns, last = max((before[1], before[2]), (last_ns, last), key=lambda pair: pair[0])
    found[name, unit, labels] = (moments, last_ns, last)
