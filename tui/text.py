"""A status in plain text, for `driftline status`, for pipes, logs and terminals that can do nothing.

No colour, no cursor movement, no line wider than asked for; every name in it is cleaned. Imports neither Textual nor
Rich nor numpy: `driftline status` answers at once because of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import format as fmt
from tui.finding_lines import sizes
from tui.forwarding_lines import destination_text
from tui.machine import WATCHED, host_facts, process_facts, series_facts
from tui.spans import clean, cut, flow, plain, wrap
from tui.stored_lines import stored_lines
from tui.tables import stream_header, stream_line
from tui.words import ATTACH, accuracy_text, drift, headline, truth_text, worst_by_stream, worst_first

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from agent.model import Cause, Finding
    from agent.status import Status, StreamStatus

_NARROWEST = 60
_CAUSES = 3
_SIZES = 1
_EVENTS = 3


def render_status(status: Status, width: int = 80) -> str:
    """Render everything a person needs to know of the device; ends without a newline."""
    width = max(width, _NARROWEST)
    lines = _head(status, width)
    lines.append("")
    lines += _streams(status, width)
    lines.append("")
    lines.append(render_findings(status.findings, width, now=status.time))
    lines.append("")
    lines += _device(status, width)
    troubled = [part for part in status.agent.parts if not part.ok]
    for part in troubled:
        lines += wrap(f"{part.name}: {part.note}", width, "part failing  ", " " * 14)
    for note in status.buffer.notes:
        lines += wrap(note, width, "buffer  ", " " * 8)
    return "\n".join(clean(line).rstrip() for text in lines for line in text.split("\n"))


def _head(status: Status, width: int) -> list[str]:
    agent = status.agent
    place = f"{agent.device}, site {agent.site}" if agent.site else agent.device
    when = fmt.local_time(status.time)
    return [
        *wrap(f"{place}: {headline(status)}", width, f"{status.state.upper()}  ", "  "),
        cut(f"{when}  driftline {agent.version}, up {fmt.age(agent.uptime_s)}", width),
    ]


def _streams(status: Status, width: int) -> list[str]:
    if not status.streams:
        return [line for step in ATTACH for line in wrap(step, width, "  " * step.startswith(" "))]
    worst = worst_by_stream(status.findings)
    lines = [cut(plain(stream_header(width)), width)]
    for stream in worst_first(status.streams):
        lines.append(plain(stream_line(stream, worst.get(stream.key), width)))
        for note in _remarks(stream, status.time):
            lines += wrap(note, width, " " * 9)
    return lines


def _remarks(stream: StreamStatus, now: datetime) -> list[str]:
    remarks = list(stream.reference_notes)
    if stream.accuracy is not None:
        remarks.append(accuracy_text(stream.accuracy))
    if stream.truth is not None:
        remarks.append(truth_text(stream.truth, now))
    if stream.errors:
        remarks.append(f"{fmt.plural(stream.errors, 'inference')} raised an error")
    if stream.lost or stream.dropped:
        remarks.append(f"{fmt.plural(stream.lost + stream.dropped, 'record')} lost before the agent could read them")
    return remarks


def render_findings(findings: Sequence[Finding], width: int = 80, now: datetime | None = None) -> str:
    """Render findings in full, in the order given; ages are counted to `now`, else from each finding's last update."""
    if not findings:
        return "no open findings"
    width = max(width, _NARROWEST)
    lines: list[str] = []
    for finding in findings:
        until = now or finding.updated
        state = {"acknowledged": ", seen", "closed": ", closed"}.get(finding.state, "")
        title = f"{finding.severity.upper()}{state}  {finding.stream.model}: {finding.kind}"
        since = f"for {fmt.between(finding.onset, until)}" if finding.state != "closed" else ""
        if lines:
            lines.append("")
        lines.append(cut("  ".join(filter(None, (title, since, finding.id))), width))
        lines += wrap(finding.sentence, width, "  ")
        since_when = f"since {fmt.local_time(finding.onset, until)}, noticed {fmt.local_time(finding.opened, until)}"
        lines += wrap(since_when + _ended(finding, until), width, "  ")
        lines += [line for cause in finding.causes[:_CAUSES] for line in _cause(cause, width)]
        lines += [
            line for text in sizes(finding.signals[:_SIZES]) for line in wrap(text, width, "  size    ", " " * 10)
        ]
        lines += wrap(finding.advice, width, "  try     ", " " * 10) if finding.advice else []
        lines += wrap(finding.note, width, "  note    ", " " * 10) if finding.note else []
    return "\n".join(clean(line).rstrip() for line in lines)


def _ended(finding: Finding, now: datetime) -> str:
    return f", closed {fmt.local_time(finding.closed, now)}" if finding.closed else ""


def _cause(cause: Cause, width: int) -> list[str]:
    return wrap(f"{cause.name} ({fmt.percent(cause.weight)}): {cause.evidence}", width, "  likely  ", " " * 10)


def _device(status: Status, width: int) -> list[str]:
    facts = [f"{fact.label} {fact.text}" for fact in host_facts(status.host)]
    services = [f"{fact.label} {fact.text}" for fact in process_facts(status)]
    agent = status.agent
    lines = flow(facts or ["no readings yet"], width, "device  ")
    for fact in series_facts(status.series, WATCHED):
        lines += wrap(f"{fact.label} {fact.text}", width, "watched ", " " * 8)
    for service in services:
        lines += wrap(service, width, "service ", " " * 8)
    lines += stored_lines(status, width)
    for one in status.destinations:
        lines += wrap(destination_text(one, status.time), width, "forward ", " " * 8)
    lines += wrap(f"{fmt.size(agent.rss_bytes)}, {agent.cpu_percent:.1f}% of a core", width, "agent   ", " " * 8)
    for event in status.events[:_EVENTS]:
        lines += wrap(f"{fmt.local_time(event.time, status.time)}  {event.text}", width, "event   ", " " * 8)
    return lines


def render_line(status: Status) -> str:
    """Render the status in one line, for a log: the device's word, each stream in short, the worst finding."""
    worst = worst_by_stream(status.findings)
    parts = [status.state.upper()]
    for stream in status.streams:
        state = drift(stream, worst.get(stream.key))
        parts.append(
            f"{stream.stream.model} {fmt.rate(stream.rate)} p50 {fmt.latency(stream.latency_p50_s)} "
            f"p99 {fmt.latency(stream.latency_p99_s)} {state.phrase(40)}"
        )
    if status.findings:
        first = status.findings[0]
        parts.append(f"{first.severity.upper()}: {first.sentence}")
    elif not status.streams:
        parts.append("no model attached yet")
    return clean("  ".join((fmt.local_time(status.time, status.time), " | ".join(parts))))
