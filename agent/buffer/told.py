"""What is stored of findings and of the device's history, as a screen tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.clock import utc
from agent.model import Finding
from agent.status import EventLine

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FINDING = "SELECT record FROM findings WHERE id = $1"
_EVENTS = (
    "SELECT epoch_ns(time), subject, kind, detail FROM events "
    "WHERE time >= make_timestamp_ns($1) AND time < make_timestamp_ns($2) ORDER BY time DESC LIMIT $3"
)

_finding = msgspec.json.Decoder(Finding)


def stored_finding(cursor: DuckDBPyConnection, finding_id: str) -> Finding:
    """Return the newest state of a finding. Raises KeyError, duckdb.Error."""
    rows = cursor.execute(_FINDING, (finding_id,)).fetchall()
    if not rows:
        raise KeyError(f"no finding has the id {finding_id}")
    return _finding.decode(rows[0][0])


def stored_events(cursor: DuckDBPyConnection, since_ns: int, until_ns: int, most: int) -> list[EventLine]:
    """Return the history of a time, newest first, at most so many lines of it. Raises duckdb.Error."""
    rows = cursor.execute(_EVENTS, (max(0, since_ns), until_ns, most)).fetchall()
    return [EventLine(utc(time_ns), event_text(subject, kind, detail)) for time_ns, subject, kind, detail in rows]


def event_text(subject: str, kind: str, detail: str) -> str:
    """Say a stored event as `agent.events` says it."""
    return f"{subject}: {kind}: {detail}"
