"""What is stored on the device, in plain text: how much, how far it is thinned, and what that costs the storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import format as fmt
from tui.machine import reports_wear
from tui.spans import wrap

if TYPE_CHECKING:
    from datetime import datetime

    from agent.status import Status, WearStatus


def stored_lines(status: Status, width: int) -> list[str]:
    """Say what is kept and what is written, of how much; how far rows are thinned, and whether the storage ages."""
    buffer = status.buffer
    kept = f"{fmt.size(buffer.bytes)} of {fmt.size(buffer.limit_bytes)}, {fmt.plural(buffer.rows, 'row')}"
    where = f"{buffer.path}: {kept}" if buffer.mode == "disk" else f"in memory only, {kept} ({buffer.path})"
    lines = wrap(where, width, "buffer  ", " " * 8)
    if buffer.wear is not None:
        lines += wrap(_written(buffer.wear), width, "written ", " " * 8)
        lines += wrap(_level(buffer.wear, status.time), width, "thinned " if buffer.wear.why else "level   ", " " * 8)
    if not reports_wear(status.host):
        lines += wrap("life: not reported", width, "storage ", " " * 8)
    return lines


def _written(wear: WearStatus) -> str:
    written = "an unknown amount" if wear.written_bytes is None else fmt.size(wear.written_bytes)
    return f"{written} of {fmt.size(wear.limit_bytes)} in the last 24 h"


def _level(wear: WearStatus, now: datetime) -> str:
    since = f" (level {wear.thinning}, since {fmt.local_time(wear.since, now)})" if wear.since else ""
    return f"{wear.why or wear.level}{since}"
