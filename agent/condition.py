"""How a stream and the device are, in one word each, for the top of every screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.verdicts import counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from agent.findings import FindingBook
    from agent.model import AccuracyEstimate, DeviceState, Finding, StreamChange, StreamState
    from agent.monitor import StreamMonitor
    from agent.status import StreamStatus

STALE_NS = 10_000_000_000  # a stream that has said nothing for so long is shown as waiting


def known_findings(book: FindingBook, monitors: Mapping[str, StreamMonitor]) -> tuple[Finding, ...]:
    """Return what was closed as real and goes on; of a stream that has stopped nothing would tell when it is over."""
    told = ((monitors.get(finding.stream.key), finding) for finding in book.known())
    return tuple(finding for monitor, finding in told if monitor is None or monitor.running)


def counting(book: FindingBook, monitors: Mapping[str, StreamMonitor], now: datetime) -> list[Finding]:
    """Return what counts towards the states: what is open and does not rest, and what is known, as a warning at most.

    Who has closed it as real deals with it; but the model still sees what its reference does not know.
    """
    known = known_findings(book, monitors)
    lesser = (replace(one, severity="warning") if one.severity == "critical" else one for one in known)
    return [*(finding for finding in book.open_findings() if counts(finding, now)), *lesser]


def believed(status: StreamStatus, findings: Iterable[Finding]) -> AccuracyEstimate | None:
    """Take an estimated accuracy for void while it is of any row from before the inputs changed.

    Its own check looks at all of its rows: where most are from before, they hide what came since.
    """
    estimate = status.accuracy
    if estimate is None or not estimate.valid:
        return estimate
    onsets = (
        one.onset
        for one in findings
        if one.stream.key == status.key
        and one.onset_row > estimate.first_row
        and any(signal.role == "input" for signal in one.signals)
    )
    since = min(onsets, default=None)
    if since is None:
        return estimate
    reason = f"the input has changed since {since:%H:%M} UTC; too few inferences since to say"
    return replace(estimate, valid=False, reason=reason)


def stream_state(monitor: StreamMonitor, findings: Iterable[Finding], now_ns: int) -> StreamState:
    """Say how a stream is, `now_ns` on the monotonic clock, by the findings that count and by what it does."""
    severities = {finding.severity for finding in findings if finding.stream.key == monitor.key}
    if "critical" in severities:
        return "critical"
    if "warning" in severities:
        return "warning"
    if not monitor.running:
        return "stopped"
    if monitor.statistics.last_ns is None or now_ns - monitor.statistics.last_ns > STALE_NS:
        return "waiting"
    return "learning" if monitor.reference is None else "ok"


def device_state(streams: Sequence[StreamStatus], findings: Iterable[Finding]) -> DeviceState:
    """Say how the device is: its worst finding, else the least ready of its running streams."""
    severities = {finding.severity for finding in findings}
    if "critical" in severities:
        return "critical"
    if "warning" in severities:
        return "warning"
    states = {stream.state for stream in streams} - {"stopped"}
    if "learning" in states:
        return "learning"
    return "ok" if "ok" in states else "waiting"


def count_change(monitor: StreamMonitor, change: StreamChange) -> None:
    """Take over into a stream's monitor what happened to the stream outside its values."""
    if change.kind == "opened":
        monitor.running[change.source] = monitor.stream = change.stream
    elif change.kind == "closed":
        monitor.running.pop(change.source, None)
    elif change.kind == "lost":
        monitor.lost += change.count
    elif change.kind == "dropped":
        monitor.dropped += change.count
    monitor.changes.appendleft(change)
