"""Which findings stood at a moment, in groups with the same labels, and which groups had some within the day before.

It is read from the history, so that it is the same whenever it is asked, of a moment long ago as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.buffer import outgoing_schema as sql
from agent.buffer import schema
from agent.model import Finding
from agent.outbound import Standing

if TYPE_CHECKING:
    from agent.buffer.engine import Engine

DAY_US = 86_400_000_000  # for which a group that nothing is left of is told to be empty
MOST_STATES = 500  # that are looked at, the newest
UNKNOWN = "unknown"  # the cause where none is known

_finding = msgspec.json.Decoder(Finding)
_Group = tuple[str, str, str, str, str]


def standing_at(engine: Engine, time_ns: int) -> tuple[Standing, ...]:
    """Return the groups at a moment of wall time; states of a later version are passed over."""
    time_us = time_ns // 1_000 + 1
    rows = engine.run(sql.READ_STANDING.format(db=schema.CORE), [time_us, time_us - DAY_US, MOST_STATES])
    groups: dict[_Group, Standing] = {}
    for record, is_newest in rows:
        try:
            finding = _finding.decode(record)
        except msgspec.MsgspecError:
            continue
        cause = finding.causes[0].kind if finding.causes else UNKNOWN
        key = (finding.stream.key, finding.kind, finding.severity, finding.state, cause)
        if finding.state == "closed":
            continue
        group = groups.get(key) or Standing(
            finding.stream, finding.kind, finding.severity, finding.state, cause, count=0, onset_ns=0
        )
        onset_ns = round(finding.onset.timestamp() * 1e9)
        if is_newest:
            onset_ns = min(group.onset_ns or onset_ns, onset_ns)
            group = msgspec.structs.replace(group, count=group.count + 1, onset_ns=onset_ns)
        groups[key] = group
    return tuple(groups[key] for key in sorted(groups))
