"""What waits for a destination, for people: how much, since when, and about what it takes to send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.outgoing.head import CHUNK
from agent.buffer.outgoing.parcels import MOST_CHANGES
from agent.buffer.outgoing.slots import SLOT_S, Walk
from agent.buffer.outgoing.spans import wire_bytes
from agent.outbound import Waiting

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from agent.buffer.outgoing.cursor import Cursor
    from agent.buffer.outgoing.head import Head
    from agent.buffer.outgoing.slots import Numbered, Slot
    from agent.buffer.outgoing.stored import Stored


def waiting(stored: Stored, destination: str, cursor: Cursor, head: Head) -> Waiting:
    """Say what waits up to the head of the queue."""
    oldest = stored.summaries(cursor.low, 1) if cursor.waiting(head.closed) else []
    return _waiting(stored, destination, cursor, head.closed, oldest, head.fresh)


def stored_waiting(stored: Stored, destination: str, cursor: Cursor) -> Waiting:
    """Say what is stored behind a place; there need be no queue."""
    oldest = stored.summaries(cursor.low, CHUNK)
    known = Walk(cursor.low, cursor.totals).take(oldest)
    return _waiting(stored, destination, cursor, stored.newest()[0], oldest, known)


def _waiting(
    stored: Stored, destination: str, cursor: Cursor, closed: int, oldest: Sequence[Numbered], known: Collection[Slot]
) -> Waiting:
    minutes, window_s = cursor.waiting(closed), max(cursor.window_s, SLOT_S)
    return Waiting(
        destination=destination,
        findings=len(stored.changes(cursor.findings, MOST_CHANGES)),
        minutes=minutes,
        oldest_ns=oldest[0].summary.time_ns if oldest else 0,
        dead_letters=len(stored.letters(destination)),
        dropped=cursor.dropped,
        window_s=window_s,
        wire_bytes=round(wire_bytes(minutes, known) * SLOT_S / window_s),
    )
