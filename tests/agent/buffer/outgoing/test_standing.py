"""Which findings stood at a moment, by what the buffer keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from agent.buffer import BufferConfig, open_buffer
from agent.clock import ManualClock
from tests.exporters.windows import make_change

if TYPE_CHECKING:
    from pathlib import Path

    from agent.model import Finding

DAY_NS = 86_400_000_000_000


def state(number: int, state: str = "open", severity: str = "warning", name: str = "f-1") -> Finding:
    """Return a state of a finding, some seconds after the one before."""
    return structs.replace(make_change(number, state).finding, severity=severity, id=name)


def test_a_group_is_empty_for_a_day_after_its_last_finding(tmp_path: Path) -> None:
    """Two findings stand, one becomes critical, both close: each group is told until a day after its last one."""
    history = [
        state(1),
        state(2, name="f-2"),
        state(3, severity="critical", name="f-2"),
        state(4, "closed"),
        state(5, "closed", severity="critical", name="f-2"),
    ]
    buffer = open_buffer(tmp_path / "state", ManualClock(make_change(9).end_ns), BufferConfig())
    try:
        for finding in history:
            buffer.save_finding(finding)
        found = [
            {(one.severity, one.state): one.count for one in buffer.outbox.stored.standing(make_change(at).end_ns)}
            for at in range(1, 6)
        ]
        (warning,) = buffer.outbox.stored.standing(make_change(2).end_ns)
        later = buffer.outbox.stored.standing(make_change(5).end_ns + DAY_NS)
    finally:
        buffer.close()
    assert found == [
        {("warning", "open"): 1},
        {("warning", "open"): 2},
        {("warning", "open"): 1, ("critical", "open"): 1},
        {("warning", "open"): 0, ("critical", "open"): 1},
        {("warning", "open"): 0, ("critical", "open"): 0},
    ]
    assert (warning.cause, warning.onset_ns) == ("sensor", round(history[0].onset.timestamp() * 1e9))
    assert later == ()
