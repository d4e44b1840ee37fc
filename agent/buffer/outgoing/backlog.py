"""What waits for a destination before what is fresh: its oldest windows, as wide as its budget can carry.

How wide is chosen for the next READ numbers at a time, before any of them is sent: a window that has no answer comes
again as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.buffer.outgoing.head import CHUNK, READ
from agent.buffer.outgoing.slots import Slot, Walk
from agent.buffer.outgoing.spans import span_of

if TYPE_CHECKING:
    from agent.buffer.outgoing.cursor import Cursor
    from agent.buffer.outgoing.head import Head
    from agent.buffer.outgoing.stored import Stored


def widened(stored: Stored, cursor: Cursor, head: Head, backlog_bytes: int) -> Cursor:
    """Return a place with what the next windows of its backlog span; all of it may take `backlog_bytes`, 0: any."""
    known = head.fresh or Walk(cursor.low, cursor.totals).take(stored.summaries(cursor.low, CHUNK))  # none at a start
    span = span_of(cursor, head.closed, known, backlog_bytes)
    return msgspec.structs.replace(cursor, window_s=span, window_to=min(cursor.low + READ, head.closed))


def oldest(stored: Stored, cursor: Cursor, closed: int, most_bytes: int) -> list[Slot]:
    """Return the oldest slots up to a number that have no answer; the place moves over what needs no sending."""
    walk, slots = Walk(cursor.low, cursor.totals, cursor.window_s), list[Slot]()
    for left in reversed(range(READ // CHUNK)):
        if walk.number >= closed:
            break
        run = cursor.next_answered(walk.number + 1)
        inside = run is not None and run[0] <= walk.number + 1
        limit = closed if run is None else run[1] if inside else run[0] - 1
        found = [one for one in stored.summaries(walk.number, CHUNK) if one.last <= limit]
        over = walk.take(found)
        if len(found) < CHUNK or walk.number >= limit:
            over += walk.cut(limit)
        elif not (left or slots or over):  # so many streams that no window ends within READ: it ends here
            over += walk.cut(walk.number)
        for slot in over:
            if most_bytes <= 0 or slot.first > cursor.window_to:
                return slots
            if not inside and (slots or slot.summaries):
                slots.append(slot)
                most_bytes -= slot.wire_bytes
            elif not slots:  # nothing of it is to be sent: it was, or it is gone
                cursor.answer(slot.first, slot.last, slot.totals)
                cursor.dropped += 0 if inside else slot.last - slot.first + 1
    return slots
