"""The head of the queue: one walk along the newest summaries, for all destinations.

A call reads a bounded number of summaries, so that a month is caught up in many short steps, between which rows are
taken in. Where it goes on after a restart is stored with each delivery, and now and then where there is none: at the
slots that are fresh, for what was sent of them, and has no answer, has to come again as it was.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from agent.buffer.outgoing.slots import SECOND_NS, Slot, Walk, moved_totals
from agent.buffer.outgoing.stored import Sent
from agent.summary import Summary  # noqa: TC001  # msgspec resolves the annotations at run time

if TYPE_CHECKING:
    from agent.buffer.outgoing.cursor import Cursor
    from agent.buffer.outgoing.stored import Stored
    from agent.steady import Step

CHUNK = 250  # summaries that are read at once
READ = 8 * CHUNK  # and in one call
FRESH = 12  # slots that are kept in memory as fresh: an hour
KEEP_EVERY_NS = 3_600 * SECOND_NS
KIND = "outbox head"


class Place(msgspec.Struct):
    """The stored form: a number behind which the walk can go on, and the totals there."""

    number: int
    totals: dict[str, Summary]

    def encode(self) -> tuple[str, str, bytes]:
        """Return what is to be kept."""
        return KIND, "", msgspec.msgpack.encode(self)


class Head:
    """Walks along what `stored` has; a slot is over `grace_ns` after its end, when what was last in it is durable.

    Attributes
    ----------
    totals
        Of all streams, at the end of the newest slot that is over.
    fresh
        The newest slots that are over.
    kept
        The number behind which it goes on after a restart.
    is_behind
        Whether there is more to walk along than one call does.

    """

    def __init__(self, stored: Stored, grace_ns: int) -> None:
        self._stored, self._grace_ns = stored, grace_ns
        self.totals: dict[str, Summary] = {}
        self.fresh: deque[Slot] = deque(maxlen=FRESH)
        self.is_behind = False
        self._walk: Walk | None = None
        self._before = Place(0, {})  # the slots that are fresh
        self.kept = 0
        self._kept_ns = 0
        if place := self._restored():
            self.begin_at(place.number, place.totals)
            self.kept = place.number

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
        return {self.kept, self._walk.number, self._walk.closed, *ends}

    def advance(self, behind: Cursor | None = None) -> None:
        """Walk on, from where the last of the destinations is if that is further on; what is over by that is fresh."""
        if behind is not None and behind.low > self.closed:
            kept = self.kept
            self.begin_at(behind.low, behind.totals)
            self.kept = kept
        walk = self._walk or self.begin_at(self._stored.newest()[0], {})
        self.is_behind = True
        for _ in range(READ // CHUNK):
            found = self._stored.summaries(walk.number, CHUNK)
            self._pass(walk.take(found))
            if len(found) < CHUNK:
                self._pass(walk.end(self._stored.now_ns() - self._grace_ns))
                self.is_behind = False
                break
        if self._before.number > self.kept and abs(self._stored.now_ns() - self._kept_ns) > KEEP_EVERY_NS:
            self._stored.keep(Sent(places=[self._before.encode()]))
            self.was_kept(self._before)

    def rebase(self, step: Step) -> None:
        """Walk on from the stored place, with times as they are since the clock was set."""
        place = self._restored()
        if place is None:
            self.begin_anew()
        else:
            self.begin_at(place.number, moved_totals(place.totals, step))
            self.kept = place.number

    def place(self, low: int = 0) -> Place:
        """Return where it is to go on after a restart: behind `low`, or where what is fresh begins."""
        behind = self._before
        for slot in self.fresh:
            if slot.last > max(low, self.kept):  # nothing of before what was kept may be there any more
                break
            behind = Place(slot.last, slot.totals)
        return behind

    def was_kept(self, place: Place) -> None:
        """Hear that a place is durable."""
        self.kept, self._kept_ns = place.number, self._stored.now_ns()

    def begin_at(self, number: int, totals: dict[str, Summary]) -> Walk:
        """Go on behind a number, with the totals there; return the walk."""
        self.begin_anew()
        self.is_behind = True
        self._walk, self._before, self.totals = Walk(number, totals), Place(number, totals), totals
        return self._walk

    def begin_anew(self) -> None:
        """Forget how far it has come: nobody counts on the totals any more, and they begin with the next call."""
        self._walk, self._before, self.kept = None, Place(0, {}), 0
        self.totals = {}
        self.fresh.clear()

    def _restored(self) -> Place | None:
        try:
            return msgspec.msgpack.decode(self._stored.place(KIND, "") or b"", type=Place)
        except msgspec.MsgspecError:  # none yet, or of another version: counters begin anew, and say so by their start
            return None

    def _pass(self, slots: list[Slot]) -> None:
        for slot in slots:
            if len(self.fresh) == FRESH:
                self._before = Place(self.fresh[0].last, self.fresh[0].totals)
            self.fresh.append(slot)
            self.totals = slot.totals
