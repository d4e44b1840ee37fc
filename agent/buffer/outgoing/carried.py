"""Summaries that outlive their segment: merged to hours, in the core, until every destination has them.

Before a segment goes, what some destination has not got of it is carried over, a bounded part in each call. What was
carried over is read from here alone, as whole hours, though its segment may still be there. Kept are MOST_HOURS (three
months), and no more than `most_bytes` of them: the oldest go, and destinations that come by them later count their
summaries as lost.
"""

from __future__ import annotations

import bisect
import zlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from agent.buffer import outgoing_schema as sql
from agent.buffer import schema
from agent.buffer.era_schema import moved_ns
from agent.buffer.outgoing.hours import HOUR_NS, Hours, Merged
from agent.buffer.outgoing.slots import SLOT_NS, Numbered
from agent.buffer.summaries import read_summaries

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent.buffer.engine import Engine
    from agent.buffer.era_schema import Shift
    from agent.buffer.files import Files
    from agent.buffer.outgoing.kept import Kept
    from agent.buffer.outgoing.rollups import Rollups
    from agent.outbound import Rollup

MOST_HOURS = 24 * 90
CHUNK = 500  # summaries in one call, of which one stream has 60 in an hour
_merged = msgspec.msgpack.Decoder(Merged)


class _Entry(NamedTuple):
    first: int
    last: int
    summaries: int
    bytes: int
    end_ns: int
    moved_ns: int  # by how much the clock was set since


class Carried:
    """The hours in the core of `files`. Every call may raise UnavailableError."""

    def __init__(self, files: Files, kept: Kept, rollups: Rollups, most_bytes: int) -> None:
        self._files, self._kept, self._rollups = files, kept, rollups
        self._most_bytes = most_bytes
        self._known: tuple[Engine, tuple[Shift, ...]] | None = None
        self._entries: list[_Entry] = []
        self._hours: Hours | None = None

    @property
    def bytes(self) -> int:
        """About what they take on disk."""
        return sum(entry.bytes for entry in self._kept.read(self._know))

    def last(self, engine: Engine) -> int:
        """Return the number up to which nothing is read from segments any more."""
        entries = self._know(engine)
        return entries[-1].last if entries else 0

    def summaries(self, engine: Engine, after: int, most: int) -> list[Numbered]:
        """Return what was carried over, of numbers after one; whole hours, so that it can be more than `most`."""
        entries = self._know(engine)
        start = stop = bisect.bisect_right(entries, after, key=lambda entry: entry.first)
        count = 0
        while stop < len(entries) and count < most:
            count += entries[stop].summaries  # no less than what they are merged to
            stop += 1
        found: list[Numbered] = []
        for merged in self._read(engine, entries[start:stop]):
            found += merged.numbered()
        if len(found) < most and stop < len(entries):
            found += self.summaries(engine, entries[stop - 1].last, most - len(found))
        return found

    def rollups(self, engine: Engine, start_ns: int, end_ns: int) -> tuple[list[Rollup], int, int] | None:
        """Return what was carried over of the readings of a span, and from when to when that is; None: nothing."""
        entries = [entry for entry in self._know(engine) if start_ns < entry.end_ns <= end_ns]
        if not entries:
            return None
        hours = self._read(engine, entries)
        readings = [rollup for hour in hours for rollup in hour.readings]
        return readings, min(hour.from_ns for hour in hours), max(hour.end_ns for hour in hours)

    def without(self, engine: Engine, slots: set[int]) -> list[int]:
        """Return those of some slots, in order, that are in no hour that was carried over."""
        hours = {(entry.end_ns - 1) // HOUR_NS for entry in self._know(engine)}
        return sorted(start_ns for start_ns in slots if start_ns // HOUR_NS not in hours)

    def carry_over(self, after: int, upto: int, most: int, marks: Collection[int]) -> bool:
        """Carry some more over of what is between two numbers; return whether that is all. No hour crosses a mark.

        It goes on, up to `most`, while readings of the same time would go with the oldest segment.
        """
        start = max(after, self._kept.read(self.last))
        if start >= upto:
            return True
        hours = self._hours
        if hours is None or hours.closed != start or any(hours.closed < mark < hours.number for mark in marks):
            hours = self._hours = Hours(start)
        try:
            over, done = self._kept.read(lambda engine: self._next(engine, hours, upto, most, marks))
            if over:
                self._kept.write(lambda engine: self._insert(engine, over))
                self._known = None
        except BaseException:
            self._hours = self._known = None
            raise
        return done

    def forget(self, engine: Engine, number: int) -> list[schema.Statement]:
        """Give what lets go of the hours up to a number, which every destination has."""
        entries = self._know(engine)
        if not entries or entries[0].last > number:
            return []
        return [(sql.DELETE_CARRIED.format(db=schema.CORE), (number,))]

    def changed(self) -> None:
        """Hear that something may have been let go of."""
        self._known = None

    def _next(
        self, engine: Engine, hours: Hours, upto: int, most: int, marks: Collection[int]
    ) -> tuple[list[Merged], bool]:
        segments = self._files.segments.opened
        measured_ns = (self._rollups.span(engine, segments[0])[1] if len(segments) > 1 else None) or 0
        found = read_summaries(engine, segments, hours.number, CHUNK)
        wanted = [
            Numbered(number, number, one)
            for number, one in found
            if number <= upto or (number <= most and one.time_ns // SLOT_NS * SLOT_NS <= measured_ns)
        ]
        over, done = hours.take(wanted, marks), len(wanted) < CHUNK
        if done:
            over += hours.close()
        for merged in over:
            merged.readings = list(self._rollups.of(engine, segments, merged.from_ns, merged.end_ns))
        return over, done

    def _insert(self, engine: Engine, over: list[Merged]) -> list[schema.Statement]:
        era = self._files.ledger.era()
        out = [self._files.ledger.eras.insert(era)]
        entries = list(self._know(engine))
        for merged in over:
            record = zlib.compress(msgspec.msgpack.encode(merged))
            entry = _Entry(merged.first, merged.last, merged.count, len(record), merged.end_ns, 0)
            entries.append(entry)
            values = (*entry[:4], merged.end_ns, merged.end_ns, record, era.number)
            out.append((sql.INSERT_CARRIED.format(db=schema.CORE), values))
        gone, size = 0, sum(entry.bytes for entry in entries)
        while len(entries) - gone > MOST_HOURS or size > self._most_bytes:
            size -= entries[gone].bytes
            gone += 1
        if gone:
            out.append((sql.DELETE_CARRIED.format(db=schema.CORE), (entries[gone - 1].last,)))
        return out

    def _read(self, engine: Engine, entries: list[_Entry]) -> list[Merged]:
        if not entries:
            return []
        rows = engine.run(sql.READ_CARRIED.format(db=schema.CORE), [entries[0].first, entries[-1].last])
        wanted = {entry.first: entry for entry in entries}
        return [
            _merged.decode(zlib.decompress(record)).moved(wanted[first].moved_ns)
            for first, record in rows if first in wanted
        ]  # fmt: skip

    def _know(self, engine: Engine) -> list[_Entry]:
        shifts = self._files.ledger.eras.shifts
        if self._known != (engine, shifts):
            statement = sql.READ_CARRIED_ENTRIES.format(db=schema.CORE, time=moved_ns("time", shifts))
            self._entries = [_Entry(*row) for row in engine.run(statement)]
            self._known = engine, shifts
        return self._entries
