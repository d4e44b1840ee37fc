"""From the records of the outbox to what people are shown of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.clock import utc
from agent.forwarded import DeadLetterLine, EgressLine
from agent.outbound import FindingChange, HostWindow
from agent.status import DestinationStatus

if TYPE_CHECKING:
    from agent.outbound import DeadLetter, Egress, Parcel, Waiting


def letter_line(letter: DeadLetter) -> DeadLetterLine:
    """Describe what was refused."""
    return DeadLetterLine(
        destination=letter.destination, time=utc(letter.time_ns), id=letter.parcel.id,
        content=content_text(letter.parcel), reason=letter.reason,
    )  # fmt: skip


def egress_line(line: Egress) -> EgressLine:
    """Describe what left."""
    return EgressLine(
        time=utc(line.time_ns), destination=line.destination, address=line.address, parcels=line.parcels,
        accepted=line.accepted, bytes=line.bytes, fields=line.fields,
    )  # fmt: skip


def waiting_status(waiting: Waiting) -> DestinationStatus:
    """Describe what waits for a destination of which nothing else is known."""
    return DestinationStatus(
        name=waiting.destination,
        waiting_findings=waiting.findings,
        waiting_summaries=waiting.minutes,
        waiting_since=utc(waiting.oldest_ns) if waiting.oldest_ns else None,
        waiting_bytes=waiting.wire_bytes,
        window_s=waiting.window_s,
        dead_letters=waiting.dead_letters,
        dropped=waiting.dropped,
    )


def content_text(parcel: Parcel) -> str:
    """Say what a parcel holds."""
    content = parcel.content
    if isinstance(content, FindingChange):
        return f"finding {content.finding.id} of {content.finding.stream.model}, {content.finding.state}"
    if isinstance(content, HostWindow) and not content.seconds:
        return f"which findings stood at {utc(content.end_ns):%Y-%m-%d %H:%M} UTC"
    minutes = content.seconds if isinstance(content, HostWindow) else content.summary.seconds
    whose = "the device" if isinstance(content, HostWindow) else content.summary.stream.model
    return f"{minutes / 60:.0f} min of {whose} until {utc(content.end_ns):%Y-%m-%d %H:%M} UTC"
