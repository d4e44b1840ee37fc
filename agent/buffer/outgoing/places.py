"""The places of all destinations and of the head: kept together, and what that says of the numbers that are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.outgoing.cursor import Cursor
from agent.buffer.outgoing.head import KIND as HEAD
from agent.buffer.outgoing.slots import moved_totals
from agent.buffer.outgoing.stored import Sent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from agent.buffer.outgoing.head import Head
    from agent.buffer.outgoing.stored import Stored
    from agent.steady import Step

KIND = "outbox place"
_ALL = 2**62  # numbers


class Places:
    """Where each destination is; `cursors` may be ahead of what is stored by what needs no sending."""

    def __init__(self, stored: Stored, head: Head) -> None:
        self._stored, self._head = stored, head
        self.cursors = dict(self._restored())
        self._low = {name: cursor.low for name, cursor in self.cursors.items()}  # as stored

    def keep(self, destination: str, cursor: Cursor, sent: Sent) -> None:
        """Keep a place, that of the head, and what goes with it; durable on return."""
        low = min((self._low | {destination: cursor.low}).values())
        head = self._head.place(low)
        sent.places += [(KIND, destination, cursor.encode()), head.encode()]
        sent.passed = min(head.number, low)
        self._stored.keep(sent)
        self._head.was_kept(head)
        self.cursors[destination], self._low[destination] = cursor, cursor.low

    def keep_only(self, destinations: Collection[str]) -> list[str]:
        """Forget the places of others; return theirs."""
        gone = [name for name in self.cursors if name not in destinations]
        if not gone:
            return []
        places = [(KIND, name, b"") for name in gone]
        if len(gone) == len(self.cursors):  # nobody counts on the totals: they begin anew with the next destination
            places.append((HEAD, "", b""))
        left = [low for name, low in self._low.items() if name not in gone]
        self._stored.keep(Sent(places=places, passed=min(self._head.kept, *left) if left else _ALL))
        for name in gone:
            del self.cursors[name], self._low[name]
        if not self.cursors:
            self._head.begin_anew()
        return gone

    def rebase(self, step: Step) -> None:
        """Correct the times that totals begin at, after the clock was set; where the disk takes that."""
        self._head.rebase(step)
        for cursor in self.cursors.values():
            cursor.totals = moved_totals(cursor.totals, step)
            cursor.idle_ns = step.moved(cursor.idle_ns)
        if self.cursors:
            places = [(KIND, name, cursor.encode()) for name, cursor in self.cursors.items()]
            self._stored.keep(Sent(places=[*places, self._head.place().encode()]))
            self._low = {name: cursor.low for name, cursor in self.cursors.items()}

    @property
    def last(self) -> Cursor | None:
        """The place that is furthest behind."""
        return min(self.cursors.values(), key=lambda cursor: cursor.low, default=None)

    @property
    def needed(self) -> int | None:
        """The number up to which nobody needs summaries, after a restart either; None: there is no destination."""
        return min(self._head.kept, *self._low.values()) if self._low else None

    @property
    def marks(self) -> set[int]:
        """The numbers after which somebody may go on, now or after a restart."""
        marks = self._head.marks | set(self._low.values())
        for cursor in self.cursors.values():
            marks |= {cursor.low, *(end for first, last in cursor.beyond for end in (first - 1, last))}
        return marks

    def _restored(self) -> Iterator[tuple[str, Cursor]]:
        for name in self._stored.places(KIND):
            try:
                yield name, Cursor.decode(self._stored.place(KIND, name) or b"")
            except ValueError:  # of another version, or damaged: the destination begins anew
                continue
