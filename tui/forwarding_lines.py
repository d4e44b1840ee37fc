"""How each destination fares, in a line or two of plain text: what `driftline status` and `driftline outbox` print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import format as fmt

if TYPE_CHECKING:
    from datetime import datetime

    from agent.status import DestinationStatus

SLOT_S = 300  # what a window spans where a backlog is not coarser


def destination_text(one: DestinationStatus, now: datetime) -> str:
    """Say when something was accepted last, what waits, and what is wrong."""
    last = f"last accepted {fmt.local_time(one.last_accepted, now)}" if one.last_accepted else "nothing accepted yet"
    parts = [f"{one.name}: {last}", waiting_text(one, now)]
    if one.trouble:
        lasts = f" for {fmt.age(one.trouble_s)}" if one.trouble_s >= 1 else ""
        parts.insert(1, f"fails{lasts}: {one.trouble}")
    return "; ".join(parts)


def waiting_text(one: DestinationStatus, now: datetime) -> str:
    """Say what waits, in which windows, and what was refused or lost."""
    waits = []
    if one.waiting_summaries:
        since = f" since {fmt.local_time(one.waiting_since, now)}" if one.waiting_since else ""
        coarse = f", sent in windows of {fmt.age(one.window_s)}" if one.window_s > SLOT_S else ""
        waits.append(f"{fmt.plural(one.waiting_summaries, 'minute')} of summaries{since}{coarse}")
    if one.waiting_findings:
        waits.append(fmt.plural(one.waiting_findings, "finding"))
    parts = [f"{' and '.join(waits)} wait" if waits else "nothing waits"]
    if one.dead_letters:
        parts.append(f"{fmt.plural(one.dead_letters, 'parcel')} refused (driftline outbox says why)")
    if one.dropped:
        parts.append(f"{fmt.plural(one.dropped, 'minute')} of summaries made room before they were sent")
    return "; ".join(parts)
