"""One finding on the report's page: what happened, since when, why, what to do, how large it is."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from exporters.report.page_parts import moment, number, share, span, table

if TYPE_CHECKING:
    from agent.model import Finding

MOST_SIGNALS = 12


def write_finding(finding: Finding) -> str:
    """Write a finding as a box."""
    lasted = ((finding.closed or finding.updated) - finding.onset).total_seconds()
    times = [
        ("began", f"{moment(finding.onset)} (estimated)"),
        ("opened", f"{moment(finding.opened)}, {span((finding.opened - finding.onset).total_seconds())} later"),
        ("closed", moment(finding.closed)) if finding.closed else ("last change", moment(finding.updated)),
        ("lasted", span(lasted)) if finding.closed else ("", ""),
        ("note", finding.note),
    ]
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in times if text)
    advice = f"<p><strong>To do:</strong> {escape(finding.advice)}</p>" if finding.advice else ""
    return (
        f'<div class="box {finding.severity}"><p><span class="tag {finding.severity}">{finding.severity}</span>'
        f'<span class="tag">{finding.state}</span><span class="tag">{escape(finding.kind)}</span>'
        f'<span class="quiet">{escape(finding.id)}</span></p>'
        f"<h3>{escape(finding.sentence)}</h3>{advice}<dl>{facts}</dl>{_causes(finding)}{_effects(finding)}</div>\n"
    )


def _causes(finding: Finding) -> str:
    if not finding.causes:
        return ""
    return table(
        ("likely cause", "class", "#weight", "evidence"),
        [
            ("", (("", cause.name), ("word", cause.kind), ("number", share(cause.weight)), ("", cause.evidence)))
            for cause in finding.causes
        ],
    )


def _effects(finding: Finding) -> str:
    if not finding.signals:
        return ""
    rest = len(finding.signals) - MOST_SIGNALS
    more = f'<p class="quiet">and {rest} more signals: they are in the JSON file.</p>' if rest > 0 else ""
    rows = [
        (
            "",
            (
                ("", signal.name),
                ("word", signal.detector),
                ("number", number(signal.reference_mean)),
                ("number", number(signal.recent_mean)),
                ("number", number(signal.ks)),
                ("number", number(signal.psi)),
                ("number", number(signal.wasserstein)),
            ),
        )
        for signal in finding.signals[:MOST_SIGNALS]
    ]
    headings = ("signal", "found by", "#reference mean", "#mean when found", "#KS", "#PSI", "#Wasserstein")
    return table(headings, rows) + more
