"""The outbox: what goes next to each destination. Conforms to `agent.outbound_ports.Outbox`.

Findings go first, then the newest slot that a destination has no answer for, then its backlog from the oldest on, and
what the device has to say of times in which no model ran. Where only a person can mend why findings are not taken, they
and windows take turns. A slot that is fresh is given out before older ones are through; which numbers are answered for
is known by each destination's `Cursor`. A window without an answer comes again as it was, whatever the budget is by
then, but for one that was fresh, found no answer for an hour, and is merged since. Nothing that waits is copied: it is
read from where it is stored.

One walk along the head serves all destinations; each backlog has one of its own while there is any.
"""

from __future__ import annotations

import functools
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

import msgspec

from agent.buffer.outgoing.backlog import oldest, widened
from agent.buffer.outgoing.cursor import Cursor
from agent.buffer.outgoing.given import Given
from agent.buffer.outgoing.head import Head
from agent.buffer.outgoing.idle import WINDOW_BYTES, idle_parcels
from agent.buffer.outgoing.parcels import MOST_CHANGES, change_parcels, first_of, slot_parcels, undated_parcels
from agent.buffer.outgoing.places import Places
from agent.buffer.outgoing.slots import SECOND_NS, Slot
from agent.buffer.outgoing.stored import Sent
from agent.buffer.outgoing.waits import waiting
from agent.outbound import BUNDLE, Batch, DeadLetter, Egress, Parcel, Waiting
from agent.outbound_ports import OutboxAwayError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent.buffer.outgoing.stored import Stored
    from agent.outbound import Outcome
    from agent.steady import Step

GRACE_NS = 15 * SECOND_NS  # after its end, for a slot's last minute to be stored


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
        self._given: dict[str, Given] = {}
        self._passed_by: set[str] = set()  # destinations whose findings let windows go first once
        self._batches = 0
        self._passing = False  # whether the last call came by a part of a backlog that needs no sending
        self._head = Head(stored, grace_ns)
        self._places = Places(stored, self._head)
        self.beside: WeakSet[Outbox] = WeakSet()  # others that read the same
        self.settling_s = grace_ns / 1e9

    @property
    def instance(self) -> str:
        """The random name of the state directory."""
        return self.stored.instance()

    def next(self, destination: str, most_bytes: int, backlog_bytes: int = 0, *, undated: bool = False) -> Batch | None:
        """Return what goes next; see `agent.outbound_ports.Outbox`."""
        self._head.advance(self._places.last)
        self._passing = False
        if destination not in self.places and not self._begin(destination):
            return None
        cursor = self.places[destination]
        self._given.pop(destination, None)
        if undated:
            return self._give(destination, self._undated(cursor, most_bytes))
        if cursor.undated_from:
            cursor.findings, cursor.undated_from = cursor.undated_from - 1, 0
        urgent = functools.partial(self._urgent, destination, cursor, most_bytes)
        given = None if destination in self._passed_by else urgent()
        if self._head.is_behind and backlog_bytes:  # what was taken for fresh would come again in wider windows
            return self._give(destination, given or urgent())
        given = given or self._newest(cursor, most_bytes)
        given = given or self._backlog(destination, cursor, most_bytes, backlog_bytes)
        given = given or self._idle(self.places[destination], most_bytes)
        return self._give(destination, given or urgent())

    @property
    def is_behind(self) -> bool:
        """Whether `next` has not gone through all that is stored; see `agent.outbound_ports.Outbox`."""
        return self._head.is_behind or self._passing

    def settle(self, destination: str, batch: Batch, outcome: Outcome, address: str) -> None:
        """Take what is answered for out of the queue; see `agent.outbound_ports.Outbox`.

        Where it raises an error of the buffer's nothing is settled, and the same can be settled later. Raises
        ValueError for a batch that is not the destination's last.
        """
        given = self._given.get(destination)
        if given is None or given.batch.number != batch.number:
            raise ValueError(f"batch {batch.number} is not on its way to {destination}")
        cursor, now = msgspec.structs.replace(self.places[destination]), self.stored.now_ns()
        given.answered(cursor, outcome)
        if not cursor.waiting(self._head.closed) and not self._head.is_behind:
            cursor.window_s = cursor.window_to = 0
        parcels = batch.parcels
        settled = [(destination, parcels[at].id) for at in outcome.accepted]
        sent = Sent(letters=given.letters(destination, outcome, now), settled=settled)
        if outcome.sent_bytes:
            sent.line = Egress(
                time_ns=now, destination=destination, address=address, parcels=len(parcels),
                accepted=len(outcome.accepted), bytes=outcome.sent_bytes, fields=tuple(sorted(outcome.fields)),
            )  # fmt: skip
        self._places.keep(destination, cursor, sent)
        del self._given[destination]
        self._passed_by.discard(destination)
        if outcome.lasting and not given.slots:  # where findings find nobody, windows may
            self._passed_by.add(destination)

    def latest(self) -> tuple[Parcel, ...]:
        """Return the windows of the newest slot that is over."""
        self._head.advance(self._places.last)
        return tuple(slot_parcels(self.stored, self._head.fresh[-1])) if self._head.fresh else ()

    def enter(self, line: Egress) -> None:
        """Write a line into the ledger of what left beside the queue; durable on return."""
        self.stored.keep(Sent(line=line))

    def waiting(self) -> tuple[Waiting, ...]:
        """Say what waits, per destination."""
        if not self.places:
            return ()
        self._head.advance(self._places.last)
        return tuple(waiting(self.stored, name, self.places[name], self._head) for name in sorted(self.places))

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
        for name in self._places.keep_only({*destinations, BUNDLE}):
            self._given.pop(name, None)

    @property
    def places(self) -> Mapping[str, Cursor]:
        """The places of the destinations."""
        return self._places.cursors

    def move(self, destination: str, cursor: Cursor, sent: Sent) -> None:
        """Give a destination another place, and keep what goes with it; durable on return."""
        if not self.places:  # what is sent from now on adds up with what went before this place
            self._head.begin_at(cursor.low, cursor.totals)
        self._places.keep(destination, cursor, sent)

    def rebase(self, step: Step) -> None:
        """Correct what totals begin at, after the clock was set; with the next delivery where the disk refuses that."""
        for given in self._given.values():
            given.slots = [(slot.rebased(step), places) for slot, places in given.slots]
        with suppress(OutboxAwayError):
            self._places.rebase(step)

    def let_go(self, number: int) -> bool:
        """Have what destinations have not got of the summaries up to a number carried over, some in each call.

        Return whether they are needed no more: with no destination none is; what is in a slot that goes on always is.
        """
        needed = self._places.needed
        if needed is None or needed >= number:
            return True
        if number > self._head.closed:
            self._head.advance(self._places.last)
        closed = self._head.closed
        return number <= closed and self.stored.carry_over(needed, number, closed, self.marks)

    @property
    def carried_bytes(self) -> int:
        """What was carried over takes."""
        return self.stored.carried_bytes

    @property
    def reached(self) -> int:
        """The highest number that a destination, or the walk along the head, has come by."""
        return max(self.marks, default=0)

    @property
    def marks(self) -> set[int]:
        """The numbers after which somebody may go on, now or after a restart."""
        marks = self._places.marks
        for given in self._given.values():
            marks |= given.marks
        return marks.union(*(other.marks for other in self.beside))

    def _begin(self, destination: str) -> bool:
        """Give a destination its place, at the head; False while that is not come by yet."""
        if self._head.is_behind:
            return False
        cursor = Cursor(low=self._head.closed, totals=self._head.totals, findings=self.stored.newest()[1])
        self._places.keep(destination, cursor, Sent())
        return True

    def _give(self, destination: str, given: Given | None) -> Batch | None:
        if given is None:
            return None
        self._given[destination] = given
        return given.batch

    def _undated(self, cursor: Cursor, most_bytes: int) -> Given | None:
        changes = first_of(self.stored.changes(cursor.findings, MOST_CHANGES), most_bytes)
        if not changes:
            return None
        batch = self._batch(undated_parcels(self.stored, changes))
        return Given(batch=batch, findings=changes[-1].number, undated=True)

    def _urgent(self, destination: str, cursor: Cursor, most_bytes: int) -> Given | None:
        """Return states of findings, or what is to be sent once more; no more of it than gets through."""
        changes = first_of(self.stored.changes(cursor.findings, MOST_CHANGES), most_bytes)
        if changes:
            return Given(batch=self._batch(change_parcels(self.stored, changes)), findings=changes[-1].number)
        again = [letter.parcel for letter in self.stored.letters(destination, again=True)[:MOST_CHANGES]]
        return Given(batch=self._batch(first_of(again, most_bytes))) if again else None

    def _newest(self, cursor: Cursor, most_bytes: int) -> Given | None:
        slots: list[Slot] = []
        for slot in reversed(self._head.fresh):
            if not cursor.is_answered(slot.last):
                slots.append(slot)
                most_bytes -= slot.wire_bytes
                if most_bytes <= 0:
                    break
        return self._given_of(slots)

    def _backlog(self, destination: str, cursor: Cursor, most_bytes: int, backlog_bytes: int) -> Given | None:
        head, before = self._head, cursor.low
        for _ in range(2):  # once more where all that the width was chosen for turns out to be answered for
            if cursor.low >= head.closed:
                break
            if cursor.low >= cursor.window_to:
                cursor = widened(self.stored, cursor, head, backlog_bytes)
                if backlog_bytes:  # which may be another one when what follows is sent once more
                    self._places.keep(destination, cursor, Sent())
                else:
                    self._places.cursors[destination] = cursor
            if slots := oldest(self.stored, cursor, head.closed, most_bytes):
                return self._given_of(slots)
        self._passing = before < cursor.low < head.closed
        return None

    def _idle(self, cursor: Cursor, most_bytes: int) -> Given | None:
        upto_ns = self.stored.now_ns() - round(self.settling_s * SECOND_NS)
        parcels, told_ns = idle_parcels(self.stored, cursor, upto_ns, most_bytes)
        size = len(parcels) * WINDOW_BYTES
        return Given(batch=self._batch(tuple(parcels), size), idle_ns=told_ns) if parcels else None

    def _given_of(self, slots: list[Slot]) -> Given | None:
        parcels: list[Parcel] = []
        given: list[tuple[Slot, range]] = []
        for slot in slots:
            first = len(parcels)
            parcels += slot_parcels(self.stored, slot)
            given.append((slot, range(first, len(parcels))))
        size = sum(slot.wire_bytes for slot in slots)
        return Given(batch=self._batch(tuple(parcels), size), slots=given) if parcels else None

    def _batch(self, parcels: tuple[Parcel, ...], wire_bytes: int = 0) -> Batch:
        self._batches += 1
        return Batch(number=self._batches, parcels=parcels, wire_bytes=wire_bytes)
