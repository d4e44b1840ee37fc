"""Batches for a file: what a destination has not got, all of it, and its place moved only when the file is safe.

A draft is an outbox of its own over the same buffer, which keeps what it settles in memory. Where it begins decides its
totals, and those must agree with what other destinations are sent: with its place in the queue; without one with the
place of the destination that is furthest behind; without any at what is stored, with totals that begin there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.outgoing.cursor import Cursor
from agent.buffer.outgoing.outbox import Outbox
from agent.buffer.outgoing.places import KIND as PLACE
from agent.buffer.outgoing.stored import Sent
from agent.buffer.outgoing.waits import stored_waiting
from agent.outbound import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent.buffer.outgoing.slots import Numbered
    from agent.buffer.outgoing.stored import Stored
    from agent.outbound import Batch, DeadLetter, Egress, FindingChange, Rollup, Standing, Waiting, Window

BEFORE = "outbox place before"  # where the last draft began


class Draft:
    """All that waits for one destination. Conforms to `agent.outbound_ports.Draft`."""

    def __init__(self, stored: Stored, destination: str, start: Cursor) -> None:
        self.destination, self.start = destination, start.encode()
        self._overlay = _Overlay(stored, destination, self.start)
        self.outbox = Outbox(self._overlay)

    def next(self, most_bytes: int) -> Batch | None:
        """Return what comes next, None after the last."""
        waited = None
        while True:
            batch = self.outbox.next(self.destination, most_bytes)
            if batch is not None:
                everything = Outcome(accepted=tuple(range(len(batch.parcels))))
                self.outbox.settle(self.destination, batch, everything, "")
                return batch
            waits = self.outbox.waiting()[0].minutes
            if not waits or waits == waited:
                return None
            waited = waits  # a call reads a bounded number, of which nothing was to be sent

    @property
    def end(self) -> Cursor:
        """The place behind it."""
        return Cursor.decode(self._overlay.kept)


class Drafts:
    """Drafts over one outbox. Conforms to `agent.outbound_ports.Drafts`."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def begin(self, destination: str, *, again: bool = False) -> Draft:
        """Begin behind the last draft that was kept; with `again` where that one began."""
        draft = Draft(self._outbox.stored, destination, self._start(destination, again=again))
        self._outbox.beside.add(draft.outbox)
        return draft

    def waiting(self, destination: str) -> Waiting:
        """Say what the next draft would hold."""
        return stored_waiting(self._outbox.stored, destination, self._start(destination, again=False))

    def keep(self, draft: Draft, line: Egress) -> None:
        """Move the destination's place behind a draft, and write the ledger; durable on return."""
        before = (BEFORE, draft.destination, draft.start)
        self._outbox.move(draft.destination, draft.end, Sent(places=[before], line=line))

    def _start(self, destination: str, *, again: bool) -> Cursor:
        stored, places = self._outbox.stored, self._outbox.places
        if again and (before := stored.place(BEFORE, destination)):
            return Cursor.decode(before)
        if destination in places:
            return places[destination]
        if places:
            behind = min(places.values(), key=lambda place: place.low)
            return Cursor(low=behind.low, totals=behind.totals, idle_ns=behind.idle_ns)
        first = stored.summaries(0, 1)
        return Cursor(low=first[0].first - 1 if first else stored.newest()[0], totals={})


class _Overlay:
    """The buffer, with one destination and what is settled for it in memory. Conforms to `Stored`."""

    def __init__(self, stored: Stored, destination: str, place: bytes) -> None:
        self._stored, self._destination = stored, destination
        self.kept = place

    def place(self, kind: str, name: str) -> bytes | None:
        return self.kept if kind == PLACE else self._stored.place(kind, name)

    def places(self, kind: str) -> list[str]:
        return [self._destination] if kind == PLACE else self._stored.places(kind)

    def keep(self, sent: Sent) -> None:
        self.kept = next((content for kind, _, content in sent.places if kind == PLACE), self.kept)

    def letters(self, _destination: str | None, *, again: bool = False) -> list[DeadLetter]:  # noqa: ARG002  # of Stored
        return []

    def send_again(self, _destination: str | None) -> int:
        return 0

    def egress(self, _since_ns: int, _most: int) -> list[Egress]:
        return []

    def now_ns(self) -> int:
        return self._stored.now_ns()

    def instance(self) -> str:
        return self._stored.instance()

    def summaries(self, after: int, most: int) -> list[Numbered]:
        return self._stored.summaries(after, most)

    def carry_over(self, after: int, upto: int, most: int, marks: Collection[int]) -> bool:
        return self._stored.carry_over(after, upto, most, marks)

    @property
    def carried_bytes(self) -> int:
        return self._stored.carried_bytes

    def changes(self, after: int, most: int) -> list[FindingChange]:
        return self._stored.changes(after, most)

    def newest(self) -> tuple[int, int]:
        return self._stored.newest()

    def standing(self, time_ns: int) -> tuple[Standing, ...]:
        return self._stored.standing(time_ns)

    def rollups(self, start_ns: int, end_ns: int) -> tuple[Rollup, ...]:
        return self._stored.rollups(start_ns, end_ns)

    def idle(self, start_ns: int, end_ns: int) -> list[int]:
        return self._stored.idle(start_ns, end_ns)

    def completed(self, window: Window) -> Window:
        return self._stored.completed(window)
