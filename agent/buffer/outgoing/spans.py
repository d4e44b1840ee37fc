"""What a window of a backlog spans: five minutes, or wider where so much waits that the budget could not carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.outgoing.slots import SLOT_S

if TYPE_CHECKING:
    from agent.buffer.outgoing.cursor import Cursor
    from agent.buffer.outgoing.slots import Slot

SPANS_S = (SLOT_S, 12 * SLOT_S, 72 * SLOT_S)  # five minutes, an hour, six hours


def span_of(cursor: Cursor, closed: int, newest: Slot | None, backlog_bytes: int) -> int:
    """Choose the narrowest windows in which a backlog fits; once it was made coarser it stays so until it is gone.

    Parameters
    ----------
    cursor
        The destination's place.
    closed
        The last number that can be sent.
    newest
        What a slot takes is estimated by this one; None where none is known.
    backlog_bytes
        What all of it may take; 0 is without limit.

    """
    waits = cursor.waiting(closed)
    before = max(cursor.window_s, SLOT_S) if waits else SLOT_S
    if not backlog_bytes or not waits or newest is None:
        return before
    slots = waits / max(newest.seen, 1)
    fits = (span for span in SPANS_S if slots * newest.wire_bytes * SLOT_S / span <= backlog_bytes)
    return max(before, next(fits, SPANS_S[-1]))
