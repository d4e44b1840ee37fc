"""What a device has to say of times in which no model ran: that it lives, how it fares, and which findings stand.

No summary is numbered then, so that the place in the queue is a moment. A window ends with a slot that has readings
and no summary, which no window of a slot with summaries does. What is older than a day is told by the hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.outgoing.hours import HOUR_NS
from agent.buffer.outgoing.parcels import host_window
from agent.buffer.outgoing.slots import LATE_NS, SLOT_NS
from agent.outbound import Parcel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.buffer.outgoing.cursor import Cursor
    from agent.buffer.outgoing.stored import Stored

WINDOW_BYTES = 1_100  # of one on the wire, compressed, about
MOST = 50  # in a batch: each is read by itself
DAY_NS = 24 * HOUR_NS
LONGEST_NS = 90 * DAY_NS  # for which it is kept in mind


def idle_parcels(stored: Stored, cursor: Cursor, upto_ns: int, most_bytes: int) -> tuple[list[Parcel], int]:
    """Return parcels, oldest first, and up to when they tell everything; none: there is nothing up to `upto_ns`.

    Where nothing is to be told for a while the cursor goes on by that.
    """
    upto_ns = upto_ns // SLOT_NS * SLOT_NS
    if not cursor.idle_ns or cursor.idle_ns > upto_ns + LATE_NS:  # or the clock was set back
        cursor.idle_ns = upto_ns - SLOT_NS
    most = min(MOST, max(1, most_bytes // WINDOW_BYTES))
    parcels: list[Parcel] = []
    from_ns = max(cursor.idle_ns, upto_ns - LONGEST_NS)
    while from_ns < upto_ns:
        day_ns = min(upto_ns, (from_ns // DAY_NS + 1) * DAY_NS)
        for start_ns, end_ns in _spans(stored.idle(from_ns, day_ns), upto_ns - DAY_NS):
            mark = f"{start_ns // SLOT_NS}-{end_ns // SLOT_NS}"
            window = host_window(stored, start_ns, end_ns)
            parcels.append(Parcel(id=f"{stored.instance()}-i{mark}", content=window))
            if len(parcels) == most:
                return parcels, end_ns
        from_ns = day_ns
        if not parcels:
            cursor.idle_ns = from_ns
    return parcels, upto_ns


def _spans(slots: list[int], fine_ns: int) -> Iterator[tuple[int, int]]:
    """Yield from when to when windows are: slots by themselves, or before `fine_ns` those of an hour in a row."""
    first = last = None
    for start_ns in slots:
        if first is not None and last is not None:
            if start_ns < fine_ns and start_ns == last + SLOT_NS and start_ns // HOUR_NS == first // HOUR_NS:
                last = start_ns
                continue
            yield first, last + SLOT_NS
        first = last = start_ns
    if first is not None and last is not None:
        yield first, last + SLOT_NS
