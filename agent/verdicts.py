"""What a person decides about a finding: that it may rest for a while, or that it was real, or a false alarm.

And what bears on that: how grave it is, and when that was. Each decision is a new state of the finding, kept and sent
as every other. It changes nothing in what the detectors learned: `driftline baseline accept` is for that.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, get_args

from msgspec.structs import replace

from agent.clock import utc
from agent.model import Reading, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from agent.model import Finding, Severity
    from agent.ports import Explanation

SEVERITY_RANK: dict[Severity, int] = {"critical": 0, "warning": 1, "info": 2}
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
JUDGED = "driftline.findings.judged.count"
LONGEST_SNOOZE_S = 30 * 86_400.0  # who wants no more of it for longer closes it


def judged(finding: Finding, verdict: Verdict, note: str, time_ns: int) -> Finding:
    """Close a finding by what a person found it to be; one that is closed already stays closed since then."""
    now = not_before(finding.opened, time_ns)
    return replace(
        finding, state="closed", verdict=verdict, note=note or finding.note, updated=now, closed=finding.closed or now,
        snoozed_until=None,
    )  # fmt: skip


def snoozed(finding: Finding, seconds: float, note: str, time_ns: int) -> Finding:
    """Let a finding rest for so long; 0 wakes it."""
    now = not_before(finding.opened, time_ns)
    until = now + timedelta(seconds=seconds) if seconds else None
    return replace(finding, snoozed_until=until, note=note or finding.note, updated=now)


def counts(finding: Finding, now: datetime) -> bool:
    """Tell whether a finding counts towards the state of its device: none that rests does."""
    return finding.snoozed_until is None or finding.snoozed_until <= now


def going_on_words(finding: Finding) -> str:
    """Say what it means that a finding goes on though a person has closed it as real."""
    counting = "" if finding.severity == "info" else ": the state is a warning until it is over"
    return f"it still goes on{counting}"


def judged_readings(judged: Mapping[Verdict, int], time_ns: int) -> tuple[Reading, ...]:
    """Tell how often each verdict was said, as readings of the device, so that the fleet sees them as it does those."""
    return tuple(
        Reading(JUDGED, "1", float(judged.get(verdict, 0)), time_ns, (("verdict", verdict),)) for verdict in VERDICTS
    )


def is_worse(severity: Severity, finding: Finding) -> bool:
    """Tell whether a severity is higher than that of a finding."""
    return SEVERITY_RANK[severity] < SEVERITY_RANK[finding.severity]


def held_severity(said: Explanation, finding: Finding) -> Severity:
    """Keep the severity that a finding reached, unless another kind of cause is what it comes from after all."""
    if not finding.causes or said.causes[0].kind != finding.causes[0].kind:
        return said.severity
    return min(said.severity, finding.severity, key=SEVERITY_RANK.__getitem__)


def not_before(opened: datetime, time_ns: int) -> datetime:
    """Give a time of a finding; one that an earlier boot opened by a clock that was ahead never ends before that."""
    return max(opened, utc(time_ns))
