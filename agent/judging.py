"""Has blocks judged, and carries on the findings that come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.episodes import Moment
from agent.host_history import FRESH_NS

if TYPE_CHECKING:
    from agent.findings import FindingBook
    from agent.host_history import HostHistory
    from agent.model import Block, Finding
    from agent.monitor import StreamMonitor


def judge(monitor: StreamMonitor, book: FindingBook, block: Block, seen_ns: int, host: HostHistory) -> list[Finding]:
    """Have a monitor judge a block, and return the findings that opened or changed by it."""
    scores = monitor.process(block, seen_ns)
    time_ns = int(block.time_ns[-1])
    moment = Moment(
        stream=monitor.stream,
        row=monitor.rows,
        time_ns=time_ns,
        effects=monitor.effects,
        changes=tuple(monitor.changes),
        host=host.newest(time_ns - FRESH_NS),
        host_before=host.before,
        pace=monitor.pace,
    )
    return book.update(moment, scores)
