"""The head of the queue: one walk along the newest summaries, for all destinations.

A call reads a bounded number of summaries, so that a month is caught up in many short steps, between which rows are
taken in. Where it has come is stored with each delivery, and now and then where there is none.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from agent.buffer.outgoing.slots import SECOND_NS, Slot, Walk, moved_totals
from agent.buffer.outgoing.stored import Sent
from agent.summary import Summary  # noqa: TC001  # msgspec resolves the annotations at run time

if TYPE_CHECKING:
    from agent.buffer.outgoing.stored import Stored
    from agent.steady import Step

CHUNK = 250  # summaries that are read at once
READ = 8 * CHUNK  # and in one call
FRESH = 12  # slots that are kept in memory as fresh: an hour
KEEP_EVERY_NS = 3_600 * SECOND_NS
KIND = "outbox head"


class _Place(msgspec.Struct):
    """The stored form: the number up to which slots are over, and the totals there."""

    number: int
    totals: dict[str, Summary]


class Head:
    """Walks along what `stored` has; a slot is over `grace_ns` after its end, when what was last in it is durable.

    Attributes
    ----------
    totals
        Of all streams, at the end of the newest slot that is over.
    fresh
        The newest slots that are over.
    is_behind
        Whether there is more to walk along than one call does.

    """

    def __init__(self, stored: Stored, grace_ns: int) -> None:
        self._stored, self._grace_ns = stored, grace_ns
        self.totals: dict[str, Summary] = {}
        self.fresh: deque[Slot] = deque(maxlen=FRESH)
        self.is_behind = False
        self._walk: Walk | None = None
        self._kept = 0
        self._kept_ns = 0
        if place := self._restored():
            self._walk, self.totals, self._kept = Walk(place.number, place.totals), place.totals, place.number

    @property
    def closed(self) -> int:
        """The last number of the slots that are over."""
        return self._walk.closed if self._walk else 0

    @property
    def marks(self) -> set[int]:
        """The numbers at which somebody may go on: of the stored place, of the walk, of the slots that are fresh."""
        if self._walk is None:
            return set()
        ends = {end for slot in self.fresh for end in (slot.first - 1, slot.last)}
        return {self._kept, self._walk.number, self._walk.closed, *ends}

    def advance(self) -> None:
        """Walk on; what is over by that is fresh."""
        walk = self._walk
        if walk is None:
            walk = self._walk = Walk(self._stored.newest()[0], {})
        self.is_behind = True
        for _ in range(READ // CHUNK):
            found = self._stored.summaries(walk.number, CHUNK)
            self._pass(walk.take(found))
            if len(found) < CHUNK:
                self._pass(walk.end(self._stored.now_ns() - self._grace_ns))
                self.is_behind = False
                break
        if self.closed > self._kept and abs(self._stored.now_ns() - self._kept_ns) > KEEP_EVERY_NS:
            self._stored.keep(Sent(places=[self.place()]))
            self.was_kept()

    def rebase(self, step: Step) -> None:
        """Walk on from the stored place, with times as they are since the clock was set."""
        place = self._restored()
        if place is None:
            self.begin_anew()
        else:
            self.begin_at(place.number, moved_totals(place.totals, step))
            self._kept = place.number

    def place(self) -> tuple[str, str, bytes]:
        """Return what is to be kept of it."""
        return KIND, "", msgspec.msgpack.encode(_Place(self.closed, self.totals))

    def was_kept(self) -> None:
        """Hear that its place, as it is, is durable."""
        self._kept, self._kept_ns = self.closed, self._stored.now_ns()

    def begin_at(self, number: int, totals: dict[str, Summary]) -> None:
        """Go on behind a number, with the totals there."""
        self.begin_anew()
        self._walk, self.totals = Walk(number, totals), totals

    def begin_anew(self) -> None:
        """Forget how far it has come: nobody counts on the totals any more, and they begin with the next call."""
        self._walk, self._kept = None, 0
        self.totals = {}
        self.fresh.clear()

    def _restored(self) -> _Place | None:
        try:
            return msgspec.msgpack.decode(self._stored.place(KIND, "") or b"", type=_Place)
        except msgspec.MsgspecError:  # none yet, or of another version: counters begin anew, and say so by their start
            return None

    def _pass(self, slots: list[Slot]) -> None:
        self.fresh.extend(slots)
        if slots:
            self.totals = slots[-1].totals
