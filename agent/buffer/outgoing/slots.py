"""Summaries in the order of their numbers, cut into slots: what is sent as one.

A slot is a run of numbers without gaps, so that a place in the queue is a number. It spans SLOT_S of wall time, or up
to a multiple of it where a long backlog is made coarser, or what was merged while it waited: it ends with the last
SLOT_S in which there was something, so that no two slots of one queue end at the same time. A summary that comes after
its slot is over counts in the next one, and its time with it: totals never go back. One from further back than LATE_NS
is no late one, the clock was set; the slot that it begins is at its own time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.summary import Summary  # noqa: TC001  # msgspec resolves the annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.steady import Step

SLOT_S = 300
LATE_NS = 3_600_000_000_000
SECOND_NS = 1_000_000_000
SLOT_NS = SLOT_S * SECOND_NS

_WINDOW_BYTES, _SIGNAL_BYTES = 1_000, 200  # of a stream and a signal on the wire, compressed, about


class Numbered(msgspec.Struct, frozen=True, array_like=True):
    """A stored summary. It stands for the numbers from `first` to `last`: one, but where several were merged.

    What was merged together `began_ns` together, and stays so.
    """

    first: int
    last: int
    summary: Summary
    began_ns: int = 0  # 0: with the summary


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """The summaries of a slot by stream key, and the totals of all streams at its end; `seen` of its numbers exist."""

    first: int
    last: int
    start_ns: int
    seconds: int
    summaries: dict[str, Summary]
    totals: dict[str, Summary]
    seen: int

    @property
    def end_ns(self) -> int:
        """Wall time at which it ends."""
        return self.start_ns + self.seconds * SECOND_NS

    @property
    def wire_bytes(self) -> int:
        """About what it takes on the wire."""
        return sum(_WINDOW_BYTES + _SIGNAL_BYTES * len(summary.signals) for summary in self.summaries.values())

    def rebased(self, step: Step) -> Slot:
        """Return it with totals as they are since the clock was set."""
        return msgspec.structs.replace(self, totals=moved_totals(self.totals, step))


class Walk:
    """Goes along the summaries and keeps the totals of all streams.

    Parameters
    ----------
    number
        Where it begins: the last number that is behind it.
    totals
        Of each stream, as of there.
    seconds
        What a slot spans, a multiple of SLOT_S.

    """

    def __init__(self, number: int, totals: dict[str, Summary], seconds: int = SLOT_S) -> None:
        self.number = number  # the last that was taken in
        self.closed = number  # the last of the slots that were given out
        self.seconds = seconds
        self._totals = dict(totals)
        self._seen = 0
        self._start_ns: int | None = None
        self._end_ns = 0  # of the slot that is open, as far as it goes by now
        self._over_ns = max((total.end_ns for total in totals.values()), default=0)  # up to when slots are over
        self._open: dict[str, Summary] = {}

    def take(self, found: Iterable[Numbered]) -> list[Slot]:
        """Take summaries in, in their order; return the slots that are over by that."""
        over: list[Slot] = []
        for one in found:
            start_ns = self._slot_of(one.began_ns or one.summary.time_ns)
            if self._start_ns is not None and start_ns != self._start_ns:
                over += self._close()
            self._start_ns = start_ns
            self._add(one)
        return over

    def end(self, now_ns: int) -> list[Slot]:
        """Return the slot that is open where its time is over at `now_ns`."""
        over = self._start_ns is not None and now_ns >= self._start_ns + self.seconds * SECOND_NS
        return self._close() if over else []

    def cut(self, number: int) -> list[Slot]:
        """Return the slot that is open, whatever its time, and go to a number: what lies between is gone for good."""
        before, self.number = self.number, max(self.number, number)
        if self._start_ns is not None:
            return self._close()
        if self.number == before:
            return []
        gone = Slot(
            first=self.closed + 1, last=self.number, start_ns=0, seconds=SLOT_S, summaries={},
            totals=dict(self._totals), seen=0,
        )  # fmt: skip
        self.closed = self.number
        return [gone]

    def _slot_of(self, time_ns: int) -> int:
        span_ns = self.seconds * SECOND_NS
        start_ns = time_ns // span_ns * span_ns
        if self._start_ns is not None and self._start_ns - LATE_NS - span_ns < start_ns < self._end_ns:
            return self._start_ns
        return self._over_ns // span_ns * span_ns if self._is_late(start_ns) else start_ns

    def _is_late(self, start_ns: int) -> bool:
        return self._over_ns - LATE_NS - self.seconds * SECOND_NS < start_ns < self._over_ns

    def _add(self, one: Numbered) -> None:
        summary, key = one.summary, one.summary.stream.key
        before = self._open.get(key)
        self._open[key] = summary if before is None else before.merge(summary)
        total = self._totals.get(key)
        fresh = total is None or total.reference != summary.reference
        self._totals[key] = summary if total is None or fresh else total.merge(summary)
        self._end_ns = max(self._end_ns, -(-summary.end_ns // SLOT_NS) * SLOT_NS)
        self.number = one.last
        self._seen += one.last - one.first + 1

    def _close(self) -> list[Slot]:
        assert self._start_ns is not None
        start_ns = self._start_ns
        end_ns = max(self._end_ns, start_ns + SLOT_NS)
        if self._is_late(start_ns) and end_ns <= self._over_ns:
            end_ns = self._over_ns + SLOT_NS
        self._over_ns = end_ns
        seconds = (end_ns - start_ns) // SECOND_NS
        self._totals |= {key: _until(self._totals[key], end_ns) for key in self._open}
        slot = Slot(
            first=self.closed + 1,
            last=self.number,
            start_ns=start_ns,
            seconds=seconds,
            summaries={
                key: msgspec.structs.replace(summary, time_ns=start_ns, seconds=float(seconds))
                for key, summary in self._open.items()
            },
            totals=dict(self._totals),
            seen=self._seen,
        )
        self.closed, self._seen = self.number, 0
        self._open, self._start_ns, self._end_ns = {}, None, 0
        return [slot]


def _until(total: Summary, end_ns: int) -> Summary:
    """Let a total end with its slot: its counters stand still from the last row on."""
    return msgspec.structs.replace(total, seconds=(end_ns - total.time_ns) / SECOND_NS)


def moved_totals(totals: dict[str, Summary], step: Step) -> dict[str, Summary]:
    """Return totals with the times that they have since the clock was set."""
    out = {}
    for key, total in totals.items():
        start_ns = total.time_ns
        if start_ns > step.began_ns - SLOT_NS:  # that of a first window, which begins a little before what is in it
            start_ns = step.moved(max(start_ns, step.began_ns)) - max(step.began_ns - start_ns, 0)
        seconds = (step.moved(total.end_ns) - start_ns) / SECOND_NS
        out[key] = msgspec.structs.replace(total, time_ns=start_ns, seconds=seconds)
    return out
