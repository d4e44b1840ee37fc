"""How a stream and the device are, in one word each, for the top of every screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent.model import DeviceState, Finding, StreamChange, StreamState
    from agent.monitor import StreamMonitor
    from agent.status import StreamStatus

STALE_NS = 10_000_000_000  # a stream that has said nothing for so long is shown as waiting


def stream_state(monitor: StreamMonitor, findings: Iterable[Finding], now_ns: int) -> StreamState:
    """Say how a stream is, `now_ns` on the monotonic clock, by the device's open findings and by what it does."""
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
        monitor.running.add(change.source)
        monitor.stream = change.stream
    elif change.kind == "closed":
        monitor.running.discard(change.source)
    elif change.kind == "lost":
        monitor.lost += change.count
    elif change.kind == "dropped":
        monitor.dropped += change.count
    monitor.changes.appendleft(change)
