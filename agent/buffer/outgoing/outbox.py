"""The outbox: what goes next to each destination. Conforms to `agent.outbound.Outbox`.

Findings go first, then the newest slot that a destination has no answer for, then its backlog from the oldest on.
Where only a person can mend why findings are not taken, they and windows take turns. A
slot that is fresh is given out before older ones are through; which numbers are answered for is known by each
destination's `Cursor`. Nothing that waits is copied: it is read from where it is stored.

One walk along the head serves all destinations; each backlog has one of its own while there is any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.buffer.outgoing.cursor import Cursor
from agent.buffer.outgoing.head import CHUNK, READ, Head
from agent.buffer.outgoing.head import KIND as HEAD
from agent.buffer.outgoing.slots import SECOND_NS, SLOT_S, Slot, Walk
from agent.buffer.outgoing.stored import Sent
from agent.outbound import BUNDLE, Batch, DeadLetter, Egress, HostWindow, Parcel, Waiting, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agent.buffer.outgoing.stored import Stored
    from agent.outbound import Outcome

MOST_CHANGES = 50  # states of findings in a batch
GRACE_NS = 15 * SECOND_NS  # after its end, for a slot's last minute to be stored
SPANS_S = (SLOT_S, 12 * SLOT_S, 72 * SLOT_S)  # what a window of the backlog spans: five minutes, an hour, six hours
PLACE = "outbox place"


class _Given(msgspec.Struct, kw_only=True):
    """A batch that is on its way: the last number of its findings, and its slots with their places in the batch."""

    batch: Batch
    findings: int = 0
    slots: list[tuple[Slot, range]] = []


class Outbox:
    """The queue of all destinations over one buffer.

    Parameters
    ----------
    stored
        The buffer. Where it raises its UnavailableError so does the call, nothing is changed, and it can be repeated.
    grace_ns
        How long after its end a slot is waited for: what was last in it may not be durable before.

    """

    def __init__(self, stored: Stored, grace_ns: int = GRACE_NS) -> None:
        self.stored = stored
        self._cursors = dict(self._stored_cursors())
        self._stored_low = {name: cursor.low for name, cursor in self._cursors.items()}
        self._given: dict[str, _Given] = {}
        self._spans: dict[str, int] = {}
        self._passed_by: set[str] = set()  # destinations whose findings let windows go first once
        self._batches = 0
        self._head = Head(stored, grace_ns)
        self.settling_s = grace_ns / 1e9

    @property
    def instance(self) -> str:
        """The random name of the state directory."""
        return self.stored.instance()

    def next(self, destination: str, most_bytes: int, backlog_bytes: int = 0) -> Batch | None:
        """Return what goes next; see `agent.outbound.Outbox`."""
        self._head.advance()
        if destination not in self._cursors and not self._begin(destination):
            return None
        cursor = self._cursors[destination]
        self._given.pop(destination, None)
        given = None if destination in self._passed_by else self._findings(cursor) or self._again(destination)
        given = given or self._newest(cursor, most_bytes)
        given = given or self._backlog(destination, cursor, most_bytes, backlog_bytes)
        given = given or self._findings(cursor) or self._again(destination)
        if given is None:
            return None
        self._given[destination] = given
        return given.batch

    def settle(self, destination: str, batch: Batch, outcome: Outcome, address: str) -> None:
        """Take what is answered for out of the queue; see `agent.outbound.Outbox`.

        Where it raises an error of the buffer's nothing is settled, and the same can be settled later. Raises
        ValueError for a batch that is not the destination's last.
        """
        given = self._given.get(destination)
        if given is None or given.batch.number != batch.number:
            raise ValueError(f"batch {batch.number} is not on its way to {destination}")
        cursor, now = msgspec.structs.replace(self._cursors[destination]), self.stored.now_ns()
        waits = set(outcome.retry)
        if given.findings and not waits:
            cursor.findings = given.findings
        for slot, places in given.slots:
            if waits.isdisjoint(places):
                cursor.answer(slot.first, slot.last, slot.totals)
                cursor.dropped += slot.last - slot.first + 1 - slot.seen
        parcels = batch.parcels
        sent = Sent(
            places=[],
            letters=[
                DeadLetter(destination=destination, parcel=parcels[at], reason=why, time_ns=now)
                for at, why in outcome.rejected.items()
            ],
            settled=[(destination, parcels[at].id) for at in outcome.accepted],
        )
        if outcome.sent_bytes:
            sent.line = Egress(
                time_ns=now, destination=destination, address=address, parcels=len(parcels),
                accepted=len(outcome.accepted), bytes=outcome.sent_bytes, fields=tuple(sorted(outcome.fields)),
            )  # fmt: skip
        self._keep(destination, cursor, sent)
        del self._given[destination]
        if outcome.lasting and not given.slots:  # where findings find nobody, windows may
            self._passed_by.add(destination)
        else:
            self._passed_by.discard(destination)

    def latest(self) -> tuple[Parcel, ...]:
        """Return the windows of the newest slot that is over."""
        self._head.advance()
        return tuple(self._parcels(self._head.fresh[-1])) if self._head.fresh else ()

    def enter(self, line: Egress) -> None:
        """Write a line into the ledger of what left beside the queue; durable on return."""
        self.stored.keep(Sent(places=[], line=line))

    def waiting(self) -> tuple[Waiting, ...]:
        """Say what waits, per destination."""
        if not self._cursors:
            return ()
        self._head.advance()
        return tuple(self._waiting(name, self._cursors[name]) for name in sorted(self._cursors))

    def dead_letters(self, destination: str | None = None) -> list[DeadLetter]:
        """Return what was rejected, newest first."""
        return self.stored.letters(destination)

    def retry_dead(self, destination: str | None = None) -> int:
        """Queue what was rejected once more; return how many parcels."""
        return self.stored.send_again(destination)

    def egress(self, since_ns: int, most: int) -> list[Egress]:
        """Return what left since then, newest first."""
        return [line for line in self.stored.egress(since_ns, most) if line.time_ns >= since_ns]

    def keep_only(self, destinations: Sequence[str]) -> None:
        """Forget the destinations that are not among these; BUNDLE, which needs no configuration, stays."""
        gone = [(PLACE, name, b"") for name in self._cursors if name not in {*destinations, BUNDLE}]
        if not gone:
            return
        if len(gone) == len(self._cursors):  # nobody counts on the totals: they begin anew with the next destination
            gone.append((HEAD, "", b""))
        self.stored.keep(Sent(places=gone))
        for _, name, _ in gone:
            self._cursors.pop(name, None)
            self._stored_low.pop(name, None)
            self._given.pop(name, None)
        if not self._cursors:
            self._head.begin_anew()

    @property
    def places(self) -> Mapping[str, Cursor]:
        """The places of the destinations."""
        return self._cursors

    def move(self, destination: str, cursor: Cursor, sent: Sent) -> None:
        """Give a destination another place, and keep what goes with it; durable on return."""
        if not self._cursors:  # what is sent from now on adds up with what went before this place
            self._head.begin_at(cursor.low, cursor.totals)
        self._keep(destination, cursor, sent)

    @property
    def needed(self) -> int | None:
        """The number up to which no destination needs summaries, after a restart either; None: there is none."""
        return min(self._stored_low.values(), default=None)

    @property
    def reached(self) -> int:
        """The highest number that a destination, or the walk along the head, has come by."""
        cursors = self._cursors.values()
        ends = [max(cursor.low, *(last for _, last in cursor.beyond), 0) for cursor in cursors]
        return max(*self._head.marks, *ends, 0, 0)

    def _stored_cursors(self) -> Iterator[tuple[str, Cursor]]:
        for name in self.stored.places(PLACE):
            try:
                yield name, Cursor.decode(self.stored.place(PLACE, name) or b"")
            except ValueError:  # of another version, or damaged: the destination begins anew
                continue

    def _begin(self, destination: str) -> bool:
        """Give a destination its place, at the head; False while that is not come by yet."""
        if self._head.is_behind:
            return False
        cursor = Cursor(low=self._head.closed, totals=self._head.totals, findings=self.stored.newest()[1])
        self._keep(destination, cursor, Sent(places=[]))
        return True

    def _keep(self, destination: str, cursor: Cursor, sent: Sent) -> None:
        """Keep what a delivery changed, and with it the place of its destination."""
        sent.places += [(PLACE, destination, cursor.encode()), self._head.place()]
        self.stored.keep(sent)
        self._head.was_kept()
        self._cursors[destination], self._stored_low[destination] = cursor, cursor.low

    def _findings(self, cursor: Cursor) -> _Given | None:
        changes = self.stored.changes(cursor.findings, MOST_CHANGES)
        if not changes:
            return None
        parcels = tuple(Parcel(id=self._id(f"f{change.number}"), content=change) for change in changes)
        return _Given(batch=self._batch(parcels), findings=changes[-1].number)

    def _again(self, destination: str) -> _Given | None:
        letters = self.stored.letters(destination, again=True)[:MOST_CHANGES]
        return _Given(batch=self._batch(tuple(letter.parcel for letter in letters))) if letters else None

    def _newest(self, cursor: Cursor, most_bytes: int) -> _Given | None:
        slots: list[Slot] = []
        for slot in reversed(self._head.fresh):
            if not cursor.is_answered(slot.last):
                slots.append(slot)
                most_bytes -= slot.wire_bytes
                if most_bytes <= 0:
                    break
        return self._given_of(slots)

    def _backlog(self, destination: str, cursor: Cursor, most_bytes: int, backlog_bytes: int) -> _Given | None:
        span_s = self._spans[destination] = self._span_of(destination, cursor, backlog_bytes)
        closed = self._head.closed
        walk, slots = Walk(cursor.low, cursor.totals, span_s), list[Slot]()
        for _ in range(READ // CHUNK):
            if walk.number >= closed or most_bytes <= 0:
                break
            run = cursor.next_answered(walk.number + 1)
            inside = run is not None and run[0] <= walk.number + 1
            limit = closed if run is None else run[1] if inside else run[0] - 1
            found = [one for one in self.stored.summaries(walk.number, CHUNK) if one.last <= limit]
            over = walk.take(found)
            if len(found) < CHUNK or walk.number >= limit:
                over += walk.cut(limit)
            for slot in over:
                if most_bytes <= 0:
                    break
                if not inside and (slots or slot.summaries):
                    slots.append(slot)
                    most_bytes -= slot.wire_bytes
                elif not slots:  # nothing of it is to be sent: it was, or it is gone
                    cursor.answer(slot.first, slot.last, slot.totals)
                    cursor.dropped += 0 if inside else slot.last - slot.first + 1
        return self._given_of(slots)

    def _span_of(self, destination: str, cursor: Cursor, backlog_bytes: int) -> int:
        """Choose the narrowest windows in which a backlog fits; once it was made coarser, until it is gone."""
        waits = self._minutes(cursor)
        before = self._spans.get(destination, SLOT_S) if waits > 0 else SLOT_S
        if not backlog_bytes or waits <= 0 or not self._head.fresh:
            return before
        slot = self._head.fresh[-1]
        slots = waits / max(slot.seen, 1)
        fits = (span for span in SPANS_S if slots * slot.wire_bytes * SLOT_S / span <= backlog_bytes)
        return max(before, next(fits, SPANS_S[-1]))

    def _given_of(self, slots: list[Slot]) -> _Given | None:
        parcels: list[Parcel] = []
        given: list[tuple[Slot, range]] = []
        for slot in slots:
            first = len(parcels)
            parcels += self._parcels(slot)
            given.append((slot, range(first, len(parcels))))
        size = sum(slot.wire_bytes for slot in slots)
        return _Given(batch=self._batch(tuple(parcels), size), slots=given) if parcels else None

    def _parcels(self, slot: Slot) -> list[Parcel]:
        mark = f"{slot.first}-{slot.last}"
        windows = {
            key: self.stored.completed(Window(summary=summary, total=slot.totals[key]))
            for key, summary in slot.summaries.items()
        }
        parcels = [Parcel(id=self._id(f"w{mark}-{key}"), content=window) for key, window in windows.items()]
        readings = self.stored.rollups(slot.start_ns, slot.end_ns)
        if readings:
            host = HostWindow(time_ns=slot.start_ns, seconds=float(slot.seconds), readings=readings)
            parcels.append(Parcel(id=self._id(f"h{mark}"), content=host))
        return parcels

    def _minutes(self, cursor: Cursor) -> int:
        return self._head.closed - cursor.low - sum(last - first + 1 for first, last in cursor.beyond)

    def _waiting(self, destination: str, cursor: Cursor) -> Waiting:
        minutes = self._minutes(cursor)
        oldest = self.stored.summaries(cursor.low, 1) if minutes > 0 else []
        return Waiting(
            destination=destination,
            findings=len(self.stored.changes(cursor.findings, MOST_CHANGES)),
            minutes=max(minutes, 0),
            oldest_ns=oldest[0].summary.time_ns if oldest else 0,
            dead_letters=len(self.stored.letters(destination)),
            dropped=cursor.dropped,
            window_s=self._spans.get(destination, SLOT_S),
        )

    def _batch(self, parcels: tuple[Parcel, ...], wire_bytes: int = 0) -> Batch:
        self._batches += 1
        return Batch(number=self._batches, parcels=parcels, wire_bytes=wire_bytes)

    def _id(self, of: str) -> str:
        return f"{self.stored.instance()}-{of}"
