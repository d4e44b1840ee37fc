"""Sets Driftline's verdict and Evidently's side by side, and says in figures why they may differ.

Evidently looks once at a window as a whole; Driftline looks at every row as it comes, against an alarm budget. Neither
is the truth: a disagreement is information, and is shown as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exporters.report.document import Agreement, ColumnOpinion, DriftlineVerdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from agent.model import Finding
    from exporters.report.document import EvidentlyOpinion
    from exporters.report.job import Job, Rows

LARGE = 0.1  # the distance at which Evidently's own tests for more than 1,000 rows speak of drift
MOST_OF = 0.5
NAMED = 4
P_VALUE = "p_value"
SEVERITIES = ("critical", "warning", "info")


def findings_by_signal(findings: Sequence[Finding]) -> dict[str, tuple[str, ...]]:
    """Return, per signal that a finding names, the findings' ids."""
    named: dict[str, tuple[str, ...]] = {}
    for finding in findings:
        for signal in finding.signals:
            named[signal.name] = (*named.get(signal.name, ()), finding.id)
    return named


def verdict(job: Job) -> DriftlineVerdict:
    """Say what Driftline found in the window."""
    findings = tuple(sorted(job.findings, key=lambda f: (SEVERITIES.index(f.severity), f.opened)))
    if not findings:
        return DriftlineVerdict(sentence="Driftline: no finding.", findings=())
    going = sum(finding.state != "closed" for finding in findings)
    words = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
    return DriftlineVerdict(
        sentence=f"Driftline: {words}, {going or 'none'} still open.",
        findings=findings,
    )


def compare(job: Job, rows: Rows, evidently: EvidentlyOpinion) -> Agreement:
    """Compare the two over the columns that both judged."""
    drifted = {column.name for column in evidently.columns if column.drifted}
    found = {column.name for column in evidently.columns if column.findings}
    names = [column.name for column in evidently.columns]
    sets = (drifted & found, drifted - found, found - drifted)
    both, theirs, ours = (tuple(name for name in names if name in chosen) for chosen in sets)
    agree = bool(both) or not (drifted or found)
    reasons = [
        *_why_evidently_only([c for c in evidently.columns if c.name in theirs], job, evidently),
        *_why_driftline_only([c for c in evidently.columns if c.name in ours], job, rows),
        *_beyond(job, names),
    ]
    return Agreement(
        verdict="agree" if agree else "disagree",
        material=not agree and _material(evidently, set(theirs), set(ours), job, rows),
        sentence=_sentence(evidently, job, found, agree=agree),
        both=both,
        evidently_only=theirs,
        driftline_only=ours,
        reasons=tuple(reasons),
    )


def listed(names: Sequence[str]) -> str:
    """Write some names out, and count the rest.

    >>> listed(["a", "b"]), listed(["a", "b", "c", "d", "e", "f"])
    ('a, b', 'a, b, c, d and 2 more')
    """
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _sentence(evidently: EvidentlyOpinion, job: Job, found: set[str], *, agree: bool) -> str:
    ours = "no finding" if not job.findings else f"{len(job.findings)} finding{'s' * (len(job.findings) > 1)}"
    if job.findings and not found:
        ours += ", none of them about these columns"
    elif found:
        ours += f" about {listed(sorted(found))}"
    return (
        f"Evidently: {evidently.drifted} of {len(evidently.columns)} columns drifted; Driftline: {ours}. "
        f"They {'agree' if agree else 'disagree'}."
    )


def _why_evidently_only(columns: Sequence[ColumnOpinion], job: Job, evidently: EvidentlyOpinion) -> list[str]:
    if not columns:
        return []
    reasons = []
    tests = [column for column in evidently.columns if P_VALUE in column.method]
    if tests:
        chance = sum(column.threshold for column in tests)
        reasons.append(
            f"Evidently tests {len(tests)} columns at p < {tests[0].threshold:g} each: where nothing has changed it "
            f"calls {chance:.1f} of them drifted on average. Driftline's alarms share one budget over time."
        )
    apart = job.window.stored / max(1, job.window.compared)  # rows of the stream between two that are compared
    dependent = [c for c in columns if P_VALUE in c.method and job.independent_rows.get(c.name, 1) > apart]
    if dependent:
        told = listed([f"{c.name} ({job.independent_rows[c.name]} rows)" for c in dependent])
        reasons.append(
            "A p-value takes rows to be independent. In the reference these are so only at a distance: "
            f"{told}; the p-values are far too small."
        )
    small = [c for c in columns if c.distance < LARGE]
    if small:
        reasons.append(
            f"Small: {listed([f'{c.name} ({c.distance:.2f})' for c in small])}. A distance below {LARGE:g} is "
            f"significant in {job.window.compared} rows and seldom matters; Driftline asks for a least effect."
        )
    if any(finding.signals for finding in job.findings):
        reasons.append("A finding names the signals whose own evidence was enough; others can change with them.")
    if job.baseline.kind == "window":
        reasons.append("Driftline compares with the stream's reference, this report with an earlier window.")
    reasons += [f"Driftline's reference warns: {note}" for note in job.baseline.notes[:2]]
    timed = [c.name for c in columns if c.role == "runtime"]
    if timed:
        reasons.append(
            f"{listed(timed)}: Driftline asks whether the service has become slower by as much as somebody would "
            "notice, not whether the distribution has moved: that follows whatever else the device does."
        )
    large = [c for c in columns if c.distance >= LARGE and c.role != "runtime"]
    if large:
        reasons.append(
            f"Not small: {listed([f'{c.name} ({c.distance:.2f})' for c in large])}. Look at the plots: a rhythm longer "
            "than the reference can look like this, or a change that Driftline has missed."
        )
    return reasons


def _why_driftline_only(columns: Sequence[ColumnOpinion], job: Job, rows: Rows) -> list[str]:
    reasons = []
    for finding in job.findings:
        names = [column.name for column in columns if finding.id in column.findings]
        if not names:
            continue
        share = covered(finding, rows)
        end = f" and was over at {_time(finding.closed)}" if finding.closed and finding.closed < job.window.end else ""
        if share < MOST_OF:
            reasons.append(
                f"{listed(names)}: the change began at {_time(finding.onset)}{end}: {share:.0%} of the compared rows. "
                "Evidently judges the window as a whole; a shorter --since would show it more clearly."
            )
        if any(signal.name in names and signal.detector == "quality" for signal in finding.signals):
            reasons.append(f"{listed(names)}: found by exact checks of single values, which a distribution can hide.")
        small = [c for c in columns if c.name in names and c.distance < LARGE and share >= MOST_OF]
        if small:
            reasons.append(
                f"{listed([f'{c.name} ({c.distance:.2f})' for c in small])}: small, and Evidently saw "
                f"{job.window.compared} of {job.window.stored} rows; Driftline adds up evidence over all."
            )
    if job.baseline.kind == "window" and columns:
        reasons.append("The earlier window may hold the same change; Driftline compares with the stream's reference.")
    return reasons


def _beyond(job: Job, names: Sequence[str]) -> list[str]:
    compared = set(names)
    others = [f for f in job.findings if not any(signal.name in compared for signal in f.signals)]
    if not others:
        return []
    kinds = ", ".join(sorted({finding.kind for finding in others}))
    verb = "concerns" if len(others) == 1 else "concern"
    return [f"{len(others)} of Driftline's findings {verb} what Evidently was not asked about ({kinds})."]


def _material(evidently: EvidentlyOpinion, theirs: set[str], ours: set[str], job: Job, rows: Rows) -> bool:
    if any(c.name in theirs and c.distance >= LARGE and c.role != "runtime" for c in evidently.columns):
        return True
    naming = [f for f in job.findings if any(signal.name in ours for signal in f.signals)]
    return any(covered(finding, rows) >= MOST_OF for finding in naming)


def covered(finding: Finding, rows: Rows) -> float:
    """Return the share of the window's compared rows that lie between a finding's onset and its end."""
    if not len(rows.time_ns):
        return 0.0
    held = rows.time_ns >= finding.onset.timestamp() * 1e9
    if finding.closed is not None:
        held &= rows.time_ns <= finding.closed.timestamp() * 1e9
    return float(np.mean(held))


def _time(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
