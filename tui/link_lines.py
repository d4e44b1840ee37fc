"""The links in lines: whether each destination is reached, what waits for it, and since when. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tui import format as fmt
from tui.finding_lines import labelled
from tui.forwarding_lines import MOST_LETTERS, waiting_text
from tui.spans import clip, fit, heading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from agent.forwarded import EgressLine, OutboxView
    from agent.status import DestinationStatus, Status
    from tui.spans import Line, Tone

_NAME, _WORD = 12, 12

NO_DESTINATION = "no destination: everything stays on this device"
HOW_TO_SEND = (
    "A [[destination]] table in the configuration sends summaries and findings on: docs/forwarding.md.",
    "Without a network, `driftline bundle` writes them to a file.",
)


def link_word(one: DestinationStatus) -> tuple[str, Tone]:
    """Say how a destination is reached, in a word."""
    if one.trouble:
        return ("NEEDS YOU", "critical") if one.lasting else ("NOT REACHED", "warning")
    return ("CONNECTED", "ok") if one.last_accepted else ("NOT TRIED", "waiting")


def links_text(destinations: Sequence[DestinationStatus]) -> str:
    """Say how many destinations there are, and how many of them are not reached; nothing of one alone."""
    troubled = sum(bool(one.trouble) for one in destinations)
    if len(destinations) <= 1:
        return ""
    return f"{len(destinations)} destinations, {troubled or 'none'} in trouble"


def link_lines(status: Status, width: int) -> list[Line]:
    """Give a line a destination, those in trouble first; where there is none, what is kept here."""
    if not status.destinations:
        return [clip(_kept(status), width)]
    worst_first = sorted(status.destinations, key=lambda one: (not one.lasting, not one.trouble))
    return [_line(one, status.time, width) for one in worst_first]


def _kept(status: Status) -> Line:
    """Say what would wait for a destination, or what is stored here, where there is none."""
    waits = _summary(replace(status.unsent, waiting_since=None), status.time) if status.unsent else ""
    if waits:
        return ((" no destination: ", "plain"), (f"{waits} kept here", "quiet"))
    return ((f" {NO_DESTINATION}", "plain"), (f"; {fmt.size(status.buffer.bytes)} are kept", "quiet"))


def _line(one: DestinationStatus, now: datetime, width: int) -> Line:
    word, shade = link_word(one)
    if one.trouble:
        said = f"for {fmt.age(one.trouble_s)}: {one.trouble}"
    else:
        said = f"last {fmt.between(one.last_accepted, now)} ago" if one.last_accepted else ""
    text = "; ".join(filter(None, (said, _waits(one, now))))
    return clip(((f" {fit(one.name, _NAME)} ", "strong"), (f"{word:{_WORD}} ", shade), (text, "plain")), width)


def _waits(one: DestinationStatus, now: datetime) -> str:
    """Say in short what waits, and since when."""
    waits = _summary(one, now)
    refused = f", {fmt.count(one.dead_letters)} refused" if one.dead_letters else ""
    return (f"{waits} wait" if waits else "nothing waits") + refused


def _summary(one: DestinationStatus, now: datetime) -> str:
    """Say how much of what is not sent yet; empty for nothing."""
    parts = [fmt.plural(one.waiting_findings, "finding report")] if one.waiting_findings else []
    if one.waiting_summaries:
        since = f" since {fmt.short_time(one.waiting_since, now)}" if one.waiting_since else ""
        size = f" (about {fmt.size(one.waiting_bytes)})" if one.waiting_bytes else ""
        parts.append(f"{fmt.plural(one.waiting_summaries, 'minute')}{since}{size}")
    return " and ".join(parts)


def link_page_lines(
    status: Status, outbox: OutboxView | None, egress: Sequence[EgressLine], note: str, width: int
) -> list[Line]:
    """Say all that is known of the links: each destination, what it refused, and what left the device lately."""
    now = status.time
    lines: list[Line] = []
    if not status.destinations:
        lines.append(((f" {NO_DESTINATION}; {fmt.size(status.buffer.bytes)} are kept", "strong"),))
        if status.unsent and _summary(status.unsent, now):
            lines += labelled("to send", waiting_text(status.unsent, now).rpartition(" wait")[0], width)
        lines += [line for text in HOW_TO_SEND for line in labelled("", text, width)]
    for one in status.destinations:
        lines += [heading(one.name, width), *_destination(one, now, width)]
        refused = [letter for letter in outbox.dead_letters if letter.destination == one.name] if outbox else []
        for letter in refused[:MOST_LETTERS]:
            said = f"{fmt.local_time(letter.time, now)}  {letter.content}: {letter.reason}"
            lines += labelled("refused", said, width, "warning")
        if len(refused) > MOST_LETTERS:
            lines += labelled("", f"and {len(refused) - MOST_LETTERS:,} more: driftline outbox has them all", width)
        lines.append(())
    lines.append(heading("what left this device in the last day", width))
    if note:
        lines.append(((f" {note}", "quiet"),))
    elif not egress:
        lines.append(((" nothing", "quiet"),))
    return [*lines, *(_left(line, now, width) for line in egress)]


def _destination(one: DestinationStatus, now: datetime, width: int) -> list[Line]:
    word, shade = link_word(one)
    accepted = fmt.local_time(one.last_accepted, now) if one.last_accepted else "nothing since the agent started"
    taken = f"{fmt.plural(one.accepted, 'parcel')} accepted, {fmt.count(one.rejected)} refused"
    lines = [*labelled("state", word, width, shade)]
    if one.trouble:
        since = f"for {fmt.age(one.trouble_s)}: {one.trouble}"
        person = "; it takes a person to mend this" if one.lasting else "; it is tried again by itself"
        lines += labelled("fails", since + person, width, "warning")
    lines += labelled("waits", waiting_text(one, now), width)
    lines += labelled("last", f"accepted: {accepted}", width)
    lines += labelled("sent", f"{taken}, {fmt.size(one.sent_bytes)}", width)
    return lines + labelled("to", f"{one.url or 'not known'} ({one.kind or 'not known'})", width)


def _left(line: EgressLine, now: datetime, width: int) -> Line:
    said = f"{line.accepted} of {fmt.plural(line.parcels, 'parcel')} accepted, {fmt.size(line.bytes)}"
    return clip(
        (
            (f" {fmt.local_time(line.time, now)} ", "quiet"),
            (fit(line.destination, _NAME) + " ", "strong"),
            (said, "plain" if line.accepted == line.parcels else "warning"),
        ),
        width,
    )
