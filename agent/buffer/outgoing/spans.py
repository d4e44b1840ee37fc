"""What a window of a backlog spans: five minutes, or wider where so much waits that the budget could not carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.outgoing.slots import SLOT_S

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent.buffer.outgoing.cursor import Cursor
    from agent.buffer.outgoing.slots import Slot

SPANS_S = (SLOT_S, 12 * SLOT_S, 72 * SLOT_S)  # five minutes, an hour, six hours


def span_of(cursor: Cursor, closed: int, known: Collection[Slot], backlog_bytes: int) -> int:
    """Choose the narrowest windows in which a backlog fits; once it was made coarser it stays so until it is gone.

    Parameters
    ----------
    cursor
        The destination's place.
    closed
        The last number that can be sent.
    known
        Slots by which it is estimated what all of them take.
    backlog_bytes
        What all of it may take; 0 is without limit.

    """
    waits = cursor.waiting(closed)
    before = max(cursor.window_s, SLOT_S) if waits else SLOT_S
    seen = sum(slot.seen for slot in known)
    if not backlog_bytes or not waits or not seen:
        return before
    size = waits / seen * sum(slot.wire_bytes for slot in known)
    fits = (span for span in SPANS_S if size * SLOT_S / span <= backlog_bytes)
    return max(before, next(fits, SPANS_S[-1]))
