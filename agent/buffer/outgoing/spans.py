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
    size = wire_bytes(waits, known)
    if not backlog_bytes or not size:
        return before
    fits = (span for span in SPANS_S if size * SLOT_S / span <= backlog_bytes)
    return max(before, next(fits, SPANS_S[-1]))


def wire_bytes(summaries: int, known: Collection[Slot]) -> float:
    """Estimate by some slots what others take on the wire in windows of SLOT_S, compressed; 0 where none is known."""
    seen = sum(slot.seen for slot in known)
    return summaries / seen * sum(slot.wire_bytes for slot in known) if seen else 0.0
