"""The device's own readings over a span of wall time, added up by SQL where they are stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.buffer import outgoing_schema as sql
from agent.buffer.outgoing.slots import SLOT_NS
from agent.buffer.recorded_schema import SUMMARIES
from agent.outbound import Rollup
from agent.summary import Moments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.buffer.engine import Engine
    from agent.buffer.era_schema import Shift
    from agent.buffer.segment import Segment

_labels = msgspec.json.Decoder(dict[str, str])
Span = tuple[int | None, int | None]


class Rollups:
    """Knows from when to when the readings of each segment are, so that only those of a span are asked."""

    def __init__(self) -> None:
        self._spans: dict[Segment, tuple[tuple[Shift, ...], Span]] = {}

    def of(self, engine: Engine, segments: list[Segment], start_ns: int, end_ns: int) -> tuple[Rollup, ...]:
        """Return what was measured from a moment on until before another, by name and labels; infinite values apart."""
        found: list[Rollup] = []
        for segment in segments:
            if segment is not segments[-1]:
                first, last = self.span(engine, segment)
                if first is None or last is None or last < start_ns or first >= end_ns:
                    continue
            for name, unit, labels, *moments, last in engine.run(_of(sql.READ_ROLLUPS, segment), [start_ns, end_ns]):
                found.append(Rollup(name, unit, tuple(_labels.decode(labels).items()), Moments(*moments), last))
        self._spans = {segment: self._spans[segment] for segment in segments if segment in self._spans}
        return joined(found)

    def idle(self, engine: Engine, segments: list[Segment], start_ns: int, end_ns: int) -> set[int]:
        """Return the slots of a span, by their start, that have readings and no summary."""
        found: dict[str, set[int]] = {"readings": set(), SUMMARIES: set()}
        for segment in segments:
            for table, slots in found.items():
                if table != SUMMARIES or segment.has(SUMMARIES):
                    statement = sql.READ_SLOTS.format(rows=segment.source.of(table, "time"))
                    slots |= {slot * SLOT_NS for (slot,) in engine.run(statement, [SLOT_NS, start_ns, end_ns])}
        return found["readings"] - found[SUMMARIES]

    def span(self, engine: Engine, segment: Segment) -> Span:
        """Return when a segment that takes no more readings has its first and last."""
        shifts = segment.eras.shifts
        known = self._spans.get(segment)
        if known is None or known[0] != shifts:
            first, last = engine.run(_of(sql.READ_READINGS_SPAN, segment))[0]
            known = self._spans[segment] = (shifts, (first, last))
        return known[1]


def _of(statement: str, segment: Segment) -> str:
    return statement.format(db=segment.alias, readings=segment.source.of("readings", "time"))


def joined(parts: Iterable[Rollup]) -> tuple[Rollup, ...]:
    """Join rollups of spans that follow one another."""
    found: dict[tuple[object, ...], Rollup] = {}
    for part in parts:
        key = part.name, part.unit, part.labels
        before = found.get(key)
        moments = part.moments if before is None else before.moments.merge(part.moments)
        found[key] = msgspec.structs.replace(part, moments=moments)
    return tuple(found.values())
