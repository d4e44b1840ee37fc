"""A batch that is on its way to a destination, and what its place in the queue is once there is an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.buffer.outgoing.slots import Slot  # noqa: TC001  # msgspec resolves the annotations at run time
from agent.outbound import Batch, DeadLetter

if TYPE_CHECKING:
    from agent.buffer.outgoing.cursor import Cursor
    from agent.outbound import Outcome


class Given(msgspec.Struct, kw_only=True):
    """`findings`: the last number of the states in it. `slots`: each with the places of its parcels in the batch.

    idle_ns: up to when it tells of times in which no model ran. undated: its findings went without a time.
    """

    batch: Batch
    findings: int = 0
    slots: list[tuple[Slot, range]] = []
    idle_ns: int = 0
    undated: bool = False

    def answered(self, cursor: Cursor, outcome: Outcome) -> None:
        """Move a place behind what is answered for."""
        waits = set(outcome.retry)
        if self.findings and not waits:
            if self.undated and not cursor.undated_from:
                cursor.undated_from = cursor.findings + 1
            cursor.findings = self.findings
        if self.idle_ns and not waits:
            cursor.idle_ns = self.idle_ns
        for slot, places in self.slots:
            if waits.isdisjoint(places):
                cursor.answer(slot.first, slot.last, slot.totals)
                cursor.dropped += slot.last - slot.first + 1 - slot.seen

    def letters(self, destination: str, outcome: Outcome, now_ns: int) -> list[DeadLetter]:
        """Return what was rejected for good; what went without a time goes once more by itself."""
        if self.undated:
            return []
        parcels = self.batch.parcels
        return [
            DeadLetter(destination=destination, parcel=parcels[at], reason=why, time_ns=now_ns)
            for at, why in outcome.rejected.items()
        ]

    @property
    def marks(self) -> set[int]:
        """The numbers of summaries at which it begins and ends."""
        return {end for slot, _ in self.slots for end in (slot.first - 1, slot.last)}
