"""The outbox: what goes next to each destination. Conforms to `agent.outbound.Outbox`.

Findings go first, then the newest slot that a destination has no answer for, then its backlog from the oldest on. A
slot that is fresh is given out before older ones are through; which numbers are answered for is known by each
destination's `Cursor`. Nothing that waits is copied: it is read from where it is stored.

One walk along the head serves all destinations; each backlog has one of its own while there is any. A call reads a
bounded number of summaries, so that a month is caught up in many short steps, between which rows are taken in.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from agent.buffer.outgoing.cursor import Cursor
from agent.buffer.outgoing.slots import SECOND_NS, SLOT_S, Slot, Walk
from agent.buffer.outgoing.stored import Sent
from agent.outbound import Batch, DeadLetter, Egress, HostWindow, Parcel, Waiting, Window
from agent.summary import Summary  # noqa: TC001  # msgspec resolves the annotations at run time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.buffer.outgoing.stored import Stored
    from agent.outbound import Outcome

CHUNK = 250  # summaries that are read at once
READ = 8 * CHUNK  # and in one call
FRESH = 12  # slots that are kept in memory as fresh: an hour
MOST_CHANGES = 50  # states of findings in a batch
GRACE_NS = 30 * SECOND_NS  # after its end, for a slot's last minute to be stored
SPANS_S = (SLOT_S, 12 * SLOT_S, 72 * SLOT_S)  # what a window of the backlog spans: five minutes, an hour, six hours
HEAD_EVERY_NS = 3_600 * SECOND_NS  # how often the place of the head is stored where nothing is answered
HEAD, PLACE = "outbox head", "outbox place"

_WINDOW_BYTES, _SIGNAL_BYTES = 1_000, 200  # of a stream and a signal on the wire, compressed, about


class Head(msgspec.Struct):
    """The stored form of the head's place."""

    number: int
    totals: dict[str, Summary]


class _Given(msgspec.Struct, kw_only=True):
    """A batch that is on its way: the last number of its findings, and its slots with their places in the batch."""

    batch: Batch
    findings: int = 0
    slots: list[tuple[Slot, range]] = []


class Outbox:
    """The queue of all destinations over one buffer."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._cursors: dict[str, Cursor] = {}
        self._given: dict[str, _Given] = {}
        self._spans: dict[str, int] = {}
        self._batches = 0
        self._head: Walk | None = None
        self._head_totals: dict[str, Summary] = {}
        self._head_kept_ns = 0
        self._fresh: deque[Slot] = deque(maxlen=FRESH)

    def next(self, destination: str, most_bytes: int, backlog_bytes: int = 0) -> Batch | None:
        """Return what goes next; see `agent.outbound.Outbox`."""
        head = self._advance()
        cursor = self._cursor(destination, head)
        self._given.pop(destination, None)
        given = self._findings(cursor) or self._again(destination)
        given = given or self._newest(cursor, most_bytes)
        given = given or self._backlog(destination, cursor, head, most_bytes, backlog_bytes)
        if given is None:
            return None
        self._given[destination] = given
        return given.batch

    def settle(self, destination: str, batch: Batch, outcome: Outcome, address: str) -> None:
        """Take what is answered for out of the queue; see `agent.outbound.Outbox`.

        Raises ValueError for a batch that is not the destination's last.
        """
        given = self._given.pop(destination, None)
        if given is None or given.batch.number != batch.number:
            raise ValueError(f"batch {batch.number} is not on its way to {destination}")
        cursor, now = self._cursors[destination], self._stored.now_ns()
        waits = set(outcome.retry)
        if given.findings and not waits:
            cursor.findings = given.findings
        for slot, places in given.slots:
            if waits.isdisjoint(places):
                cursor.answer(slot.first, slot.last, slot.totals)
                cursor.dropped += slot.last - slot.first + 1 - slot.seen
        parcels = batch.parcels
        sent = Sent(
            places=[(PLACE, destination, cursor.encode()), *self._head_place(now)],
            letters=[
                DeadLetter(destination=destination, parcel=parcels[at], reason=why, time_ns=now)
                for at, why in outcome.rejected.items()
            ],
            settled=[parcels[at].id for at in outcome.accepted],
        )
        if outcome.sent_bytes:
            sent.line = Egress(
                time_ns=now, destination=destination, address=address, parcels=len(parcels),
                accepted=len(outcome.accepted), bytes=outcome.sent_bytes, fields=tuple(sorted(outcome.fields)),
            )  # fmt: skip
        self._stored.keep(sent)

    def waiting(self) -> tuple[Waiting, ...]:
        """Say what waits, per destination that was asked for since the start."""
        head = self._advance()
        return tuple(self._waiting(name, self._cursors[name], head) for name in sorted(self._cursors))

    def dead_letters(self, destination: str | None = None) -> list[DeadLetter]:
        """Return what was rejected, newest first."""
        return self._stored.letters(destination)

    def retry_dead(self, destination: str | None = None) -> int:
        """Queue what was rejected once more; return how many parcels."""
        return self._stored.send_again(destination)

    def egress(self, since_ns: int, most: int) -> list[Egress]:
        """Return what left since then, newest first."""
        return [line for line in self._stored.egress(since_ns, most) if line.time_ns >= since_ns]

    def keep_only(self, destinations: Sequence[str]) -> None:
        """Forget the destinations that are not among these."""
        gone = [name for name in self._stored.places(PLACE) if name not in destinations]
        if gone:
            self._stored.keep(Sent(places=[(PLACE, name, b"") for name in gone]))
        for name in gone:
            self._cursors.pop(name, None)
            self._given.pop(name, None)

    @property
    def needed(self) -> int | None:
        """The last number up to which no destination needs summaries any more; None where there is no destination."""
        return min((cursor.low for cursor in self._cursors.values()), default=None)

    def _advance(self) -> Walk:
        """Walk on along the head; what is over by that is fresh."""
        head = self._head
        if head is None:
            head = self._head = self._load_head()
        for _ in range(READ // CHUNK):
            found = self._stored.summaries(head.number, CHUNK)
            self._pass(head.take(found))
            if len(found) < CHUNK:
                self._pass(head.end(self._stored.now_ns() - GRACE_NS))
                break
        return head

    def _pass(self, slots: list[Slot]) -> None:
        self._fresh.extend(slots)
        if slots:
            self._head_totals = slots[-1].totals
            now = self._stored.now_ns()
            if abs(now - self._head_kept_ns) > HEAD_EVERY_NS:
                self._stored.keep(Sent(places=self._head_place(now)))

    def _head_place(self, now: int) -> list[tuple[str, str, bytes]]:
        assert self._head is not None
        self._head_kept_ns = now
        return [(HEAD, "", msgspec.msgpack.encode(Head(self._head.closed, self._head_totals)))]

    def _load_head(self) -> Walk:
        stored = self._stored.place(HEAD, "")
        try:
            head = msgspec.msgpack.decode(stored or b"", type=Head)
        except msgspec.MsgspecError:  # none yet, or of another version: counters begin anew, and say so by their start
            head = Head(self._stored.newest()[0], {})
        self._head_totals = head.totals
        return Walk(head.number, head.totals)

    def _cursor(self, destination: str, head: Walk) -> Cursor:
        cursor = self._cursors.get(destination)
        if cursor is None:
            stored = self._stored.place(PLACE, destination)
            try:
                cursor = Cursor.decode(stored or b"")
            except ValueError:
                cursor = Cursor(low=head.closed, totals=self._head_totals, findings=self._stored.newest()[1])
                self._stored.keep(Sent(places=[(PLACE, destination, cursor.encode()), *self._head_place(0)]))
            self._cursors[destination] = cursor
        return cursor

    def _findings(self, cursor: Cursor) -> _Given | None:
        changes = self._stored.changes(cursor.findings, MOST_CHANGES)
        if not changes:
            return None
        parcels = tuple(Parcel(id=self._id(f"f{change.number}"), content=change) for change in changes)
        return _Given(batch=self._batch(parcels), findings=changes[-1].number)

    def _again(self, destination: str) -> _Given | None:
        letters = self._stored.letters(destination, again=True)[:MOST_CHANGES]
        return _Given(batch=self._batch(tuple(letter.parcel for letter in letters))) if letters else None

    def _newest(self, cursor: Cursor, most_bytes: int) -> _Given | None:
        slots: list[Slot] = []
        for slot in reversed(self._fresh):
            if not cursor.is_answered(slot.last):
                slots.append(slot)
                most_bytes -= _wire_bytes(slot)
                if most_bytes <= 0:
                    break
        return self._given_of(slots)

    def _backlog(
        self, destination: str, cursor: Cursor, head: Walk, most_bytes: int, backlog_bytes: int
    ) -> _Given | None:
        span_s = self._spans[destination] = self._span_of(destination, cursor, head, backlog_bytes)
        walk, slots = Walk(cursor.low, cursor.totals, span_s), list[Slot]()
        for _ in range(READ // CHUNK):
            if walk.number >= head.closed or most_bytes <= 0:
                break
            run = cursor.next_answered(walk.number + 1)
            inside = run is not None and run[0] <= walk.number + 1
            limit = head.closed if run is None else run[1] if inside else run[0] - 1
            found = [one for one in self._stored.summaries(walk.number, CHUNK) if one.last <= limit]
            over = walk.take(found)
            if len(found) < CHUNK or walk.number >= limit:
                over += walk.cut(limit)
            for slot in over:
                if most_bytes <= 0:
                    break
                if not inside and (slots or slot.summaries):
                    slots.append(slot)
                    most_bytes -= _wire_bytes(slot)
                elif not slots:  # nothing of it is to be sent: it was, or it is gone
                    cursor.answer(slot.first, slot.last, slot.totals)
                    cursor.dropped += 0 if inside else slot.last - slot.first + 1
        return self._given_of(slots)

    def _span_of(self, destination: str, cursor: Cursor, head: Walk, backlog_bytes: int) -> int:
        """Choose the narrowest windows in which a backlog fits; once it was made coarser, until it is gone."""
        waits = head.closed - cursor.low - sum(last - first + 1 for first, last in cursor.beyond)
        before = self._spans.get(destination, SLOT_S) if waits > 0 else SLOT_S
        if not backlog_bytes or waits <= 0 or not self._fresh:
            return before
        slot = self._fresh[-1]
        slots = waits / max(slot.seen, 1)
        fits = (span for span in SPANS_S if slots * _wire_bytes(slot) * SLOT_S / span <= backlog_bytes)
        return max(before, next(fits, SPANS_S[-1]))

    def _given_of(self, slots: list[Slot]) -> _Given | None:
        parcels: list[Parcel] = []
        given: list[tuple[Slot, range]] = []
        for slot in slots:
            first = len(parcels)
            parcels += self._parcels(slot)
            given.append((slot, range(first, len(parcels))))
        return _Given(batch=self._batch(tuple(parcels)), slots=given) if parcels else None

    def _parcels(self, slot: Slot) -> list[Parcel]:
        mark = f"{slot.first}-{slot.last}"
        windows = {
            key: self._stored.completed(Window(summary=summary, total=slot.totals[key]))
            for key, summary in slot.summaries.items()
        }
        parcels = [Parcel(id=self._id(f"w{mark}-{key}"), content=window) for key, window in windows.items()]
        readings = self._stored.rollups(slot.start_ns, slot.end_ns)
        if readings:
            host = HostWindow(time_ns=slot.start_ns, seconds=float(slot.seconds), readings=readings)
            parcels.append(Parcel(id=self._id(f"h{mark}"), content=host))
        return parcels

    def _waiting(self, destination: str, cursor: Cursor, head: Walk) -> Waiting:
        minutes = head.closed - cursor.low - sum(last - first + 1 for first, last in cursor.beyond)
        oldest = self._stored.summaries(cursor.low, 1) if minutes > 0 else []
        return Waiting(
            destination=destination,
            findings=len(self._stored.changes(cursor.findings, MOST_CHANGES)),
            minutes=max(minutes, 0),
            oldest_ns=oldest[0].summary.time_ns if oldest else 0,
            dead_letters=len(self._stored.letters(destination)),
            dropped=cursor.dropped,
            window_s=self._spans.get(destination, SLOT_S),
        )

    def _batch(self, parcels: tuple[Parcel, ...]) -> Batch:
        self._batches += 1
        return Batch(number=self._batches, parcels=parcels)

    def _id(self, of: str) -> str:
        return f"{self._stored.instance()}-{of}"


def _wire_bytes(slot: Slot) -> int:
    """Estimate what a slot takes on the wire."""
    return sum(_WINDOW_BYTES + _SIGNAL_BYTES * len(summary.signals) for summary in slot.summaries.values())
