"""Merges summaries to hours per stream, in the order of their numbers: what outlives a segment that has to go.

An hour ends early at a mark, a number at which somebody goes on; and where a stream's reference changes, since bins of
different references do not add up. Hours are read and answered for as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.buffer.outgoing.slots import LATE_NS, SECOND_NS, SLOT_NS, Numbered
from agent.outbound import Rollup  # noqa: TC001  # msgspec resolves the annotations at run time
from agent.summary import Summary  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

HOUR_NS = 3_600 * SECOND_NS


class Merged(msgspec.Struct, kw_only=True):
    """The summaries of all streams in a run of numbers, `count` of them, and the device's readings beside them.

    start_ns: of the hour. end_ns: of the last SLOT_S in which there was something. from_ns: since when the readings
    are counted.
    """

    first: int
    last: int
    count: int
    start_ns: int
    end_ns: int
    from_ns: int
    summaries: list[Summary]
    readings: list[Rollup] = []

    def numbered(self) -> list[Numbered]:
        """Share its numbers out to its streams, so that those that never were are between two of them."""
        others = len(self.summaries) - 1
        shared = [(self.first + at, self.first + at) for at in range(others)]
        shared.append((self.last - (self.count - others - 1), self.last))
        return [
            Numbered(first, last, summary, self.start_ns)
            for (first, last), summary in zip(shared, self.summaries, strict=True)
        ]

    def moved(self, by_ns: int) -> Merged:
        """Return it as it is by a clock that was set."""
        if not by_ns:
            return self
        moved = [msgspec.structs.replace(one, time_ns=one.time_ns + by_ns) for one in self.summaries]
        times = {name: getattr(self, name) + by_ns for name in ("start_ns", "end_ns", "from_ns")}
        return msgspec.structs.replace(self, summaries=moved, **times)


class Hours:
    """Merges what comes after a number; `number` is the last that was taken, `closed` the last of a whole hour."""

    def __init__(self, number: int) -> None:
        self.number = self.closed = number
        self._start_ns = self._end_ns = 0
        self._count = 0
        self._open: dict[str, Summary] = {}

    def take(self, found: Iterable[Numbered], marks: Collection[int]) -> list[Merged]:
        """Take summaries in, in their order; return the hours that are over by that."""
        over: list[Merged] = []
        for one in found:
            summary, key = one.summary, one.summary.stream.key
            start_ns = summary.time_ns // HOUR_NS * HOUR_NS
            if self._open and self._start_ns - LATE_NS - HOUR_NS < start_ns < self._start_ns:
                start_ns = self._start_ns
            before = self._open.get(key)
            if self._open and (start_ns != self._start_ns or (before and before.reference != summary.reference)):
                over += self.close()
                before = None
            self._start_ns = start_ns
            self._open[key] = before.merge(summary) if before else summary
            self._count += one.last - one.first + 1
            self.number = one.last
            if one.last in marks:
                over += self.close()
        return over

    def close(self) -> list[Merged]:
        """Return the hour that is open, if there is any."""
        if not self._open:
            return []
        end_ns = -(-max(one.end_ns for one in self._open.values()) // SLOT_NS) * SLOT_NS
        merged = Merged(
            first=self.closed + 1, last=self.number, count=self._count, start_ns=self._start_ns,
            end_ns=max(end_ns, self._start_ns + SLOT_NS), summaries=list(self._open.values()),
            from_ns=max(self._start_ns, min(self._end_ns, end_ns - SLOT_NS)),
        )  # fmt: skip
        self._open, self._count = {}, 0
        self.closed, self._end_ns = self.number, merged.end_ns
        return [merged]
