"""How each destination fares, in a line or two of plain text: what `driftline status` and `driftline outbox` print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import format as fmt
from tui.spans import clean, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from agent.forwarded import EgressLine, LinkResult, OutboxView
    from agent.status import DestinationStatus

MOST_LETTERS = 20
SLOT_S = 300  # what a window spans where a backlog is not coarser


def destination_text(one: DestinationStatus, now: datetime) -> str:
    """Say when something was accepted last, what waits, and what is wrong."""
    if not one.kind:  # read from the files of a stopped agent: what waits is all that is known
        return f"{one.name}: {waiting_text(one, now)}"
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
        size = f" (about {fmt.size(one.waiting_bytes)})" if one.waiting_bytes else ""
        waits.append(f"{fmt.plural(one.waiting_summaries, 'minute')} of summaries{since}{size}{coarse}")
    if one.waiting_findings:
        waits.append(fmt.plural(one.waiting_findings, "finding report"))
    is_one = one.waiting_summaries + one.waiting_findings == 1
    parts = [f"{' and '.join(waits)} {'waits' if is_one else 'wait'}" if waits else "nothing waits"]
    if one.dead_letters:
        parts.append(f"{fmt.plural(one.dead_letters, 'parcel')} refused (driftline outbox says why)")
    if one.dropped:
        parts.append(f"{fmt.plural(one.dropped, 'minute')} of summaries made room before they were sent")
    return "; ".join(parts)


def render_outbox(view: OutboxView, width: int, now: datetime) -> str:
    """Render what waits for each destination, and what was refused."""
    if not view.destinations:
        return "no destination is configured"
    lines: list[str] = []
    for one in view.destinations:
        lines += wrap(destination_text(one, now), width, "", " " * 4)
        refused = [letter for letter in view.dead_letters if letter.destination == one.name]
        for letter in refused[:MOST_LETTERS]:
            text = f"{fmt.local_time(letter.time, now)}  refused: {letter.content}: {letter.reason}"
            lines += wrap(text, width, "  ", " " * 4)
        if len(refused) > MOST_LETTERS:
            lines.append(f"  and {len(refused) - MOST_LETTERS:,} more; --json has them all")
    if view.dead_letters:
        lines += wrap("driftline outbox --retry-dead sends what was refused once more", width, "", "  ")
    return "\n".join(clean(line) for line in lines)


def render_egress(lines: Sequence[EgressLine], width: int) -> str:
    """Render the ledger: a line each delivery, what it comes to, and the names of all that was in it."""
    if not lines:
        return "nothing left this device in that time"
    out = [
        f"{fmt.local_time(line.time, lines[0].time):<17} {line.destination:<12} "
        f"{line.accepted}/{line.parcels} accepted  {fmt.size(line.bytes)}"
        for line in lines
    ]
    out.append("")
    for where in sorted({(line.destination, line.address) for line in lines}):
        own = [line for line in lines if (line.destination, line.address) == where]
        sent = fmt.size(sum(line.bytes for line in own))
        out += wrap(f"{where[0]}, {where[1]}: {fmt.plural(len(own), 'time')}, {sent}", width, "to      ", " " * 8)
    names = sorted({name for line in lines for name in line.fields})
    out += wrap(", ".join(names), width, "fields  ", " " * 8)
    return "\n".join(clean(line) for line in out)


def render_links(results: Sequence[LinkResult], width: int) -> str:
    """Render what came back from each destination."""
    lines: list[str] = []
    for one in results:
        lines += wrap(f"{one.destination}, {one.address}: {one.said}", width, "ok    " if one.ok else "FAIL  ", " " * 6)
    return "\n".join(clean(line) for line in lines)
