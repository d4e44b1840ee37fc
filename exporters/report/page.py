"""The report's HTML: Driftline's own part first, static and readable without scripts, then Evidently's page in it.

One file, nothing loaded from elsewhere: the page forbids its browser to (Content-Security-Policy), whatever a library
put into it. All text in it is data of somebody's: each piece goes through `html.escape`.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from exporters.report.page_findings import write_finding
from exporters.report.page_parts import moment, number, share, table
from exporters.report.page_stored import write_keeping, write_missing
from exporters.report.style import STYLE

if TYPE_CHECKING:
    from exporters.report.document import Baseline, ColumnOpinion, ReportDocument, Window

# 'unsafe-eval': Plotly, inside Evidently's script, makes functions. Nothing can be fetched with them.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; worker-src blob:; base-uri 'none'; form-action 'none'"
)


def write_page(document: ReportDocument, their_page: str) -> str:
    """Put Driftline's part and Evidently's page into one.

    Raises
    ------
    ValueError
        Where Evidently's page has another form than it had.

    """
    head, body = _taken_apart(their_page)
    title = f"{document.key} on {document.device or 'this device'}: Driftline report"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}</title>\n<link rel="icon" href="data:,">\n<style>{STYLE}</style>\n'
        f"{head}\n</head>\n<body>\n"
        f'<main class="dl">\n{_header(document)}{_found(document)}{_beside(document)}{_compared(document)}'
        f"<h2>Evidently {escape(document.evidently.version)}</h2>\n"
        '<p class="quiet">Its drift preset and a plot of each column, with its own defaults.</p>\n</main>\n'
        f"{body}\n</body>\n</html>\n"
    )


def _taken_apart(page: str) -> tuple[str, str]:
    """Return what is in the head of a page, and what is in its body."""
    _, found_head, rest = page.partition("<head>")
    head, found_body, rest = rest.partition("<body>")
    body, found_end, _ = rest.rpartition("</body>")
    if not (found_head and found_body and found_end):
        raise ValueError("Evidently's page is not of the form that its pinned version writes")
    return head.rpartition("</head>")[0], body


def _header(document: ReportDocument) -> str:
    window, agreement = document.window, document.agreement
    stream = document.stream
    model = " ".join(part for part in (stream.runtime, stream.provider) if part)
    rows = [
        ("site", document.site or "(none set)"),
        ("device", document.device),
        ("model", f"{stream.model}{f' {stream.version}' if stream.version else ''}{f', {model}' if model else ''}"),
        ("model file", f"sha256 {stream.sha256}" if stream.sha256 else "unknown"),
        ("window", f"{moment(window.start)} to {moment(window.end)}"),
        ("written", f"{moment(document.generated)} by Driftline {document.driftline_version}"),
    ]
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows)
    return (
        f'<h1>{escape(document.key)}</h1>\n<p class="quiet">Driftline report</p>\n<dl>{facts}</dl>\n'
        f'<div class="box {agreement.verdict}"><h3>{escape(document.driftline.sentence)}</h3>'
        f"<p>{escape(agreement.sentence)}</p></div>\n" + write_missing(document)
    )


def _found(document: ReportDocument) -> str:
    findings = document.driftline.findings
    if not findings:
        return "<h2>What Driftline found</h2>\n<p>No finding of this stream was open in the window.</p>\n"
    return "<h2>What Driftline found</h2>\n" + "".join(write_finding(finding) for finding in findings)


def _beside(document: ReportDocument) -> str:
    opinion, agreement = document.evidently, document.agreement
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in agreement.reasons)
    why = f"<p>Where they differ, what may explain it:</p><ul>{reasons}</ul>" if reasons else ""
    verdict = "Dataset drift is detected" if opinion.dataset_drift else "Dataset drift is not detected"
    left_out = "; ".join(f"{column.name}: {column.reason}" for column in opinion.left_out)
    return (
        "<h2>Driftline beside Evidently</h2>\n"
        f'<div class="box {agreement.verdict}"><p>{escape(agreement.sentence)} {escape(verdict)} by Evidently, which '
        f"asks for half of the columns.</p>{why}</div>\n"
        + table(
            (
                "column", "Driftline", "Evidently", "by", "#score", "#threshold", "#distance", "#mean before",
                "#mean in window", "#missing",
            ),
            [_column_row(column) for column in opinion.columns],
        )
        + (f'<p class="quiet">Not compared: {escape(left_out)}.</p>\n' if left_out else "")
        + '<p class="quiet">Distance: Kolmogorov-Smirnov, for categories total variation; 0 is the same, 1 is apart. '
        "A score that is a p-value speaks of drift below its threshold, any other from it on.</p>\n"
    )  # fmt: skip


def _column_row(column: ColumnOpinion) -> tuple[str, tuple[tuple[str, str], ...]]:
    return (
        "differ" if column.drifted != bool(column.findings) else "",
        (
            ("", column.name),
            ("yes", "finding") if column.findings else ("no", "no finding"),
            ("yes", "drifted") if column.drifted else ("no", "not drifted"),
            ("word", column.method),
            ("number", number(column.score)),
            ("number", number(column.threshold)),
            ("number", f"{column.distance:.3f}"),
            ("number", number(column.baseline_mean)),
            ("number", number(column.mean)),
            ("number", share(column.missing)),
        ),
    )


def _compared(document: ReportDocument) -> str:
    facts = [("window", _window(document.window)), ("against", _baseline(document.baseline))]
    facts += [("note", note) for note in document.baseline.notes]
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts)
    keeping = write_keeping(document.keeping) if document.keeping else ""
    return f"<h2>What was compared</h2>\n<dl>{rows}</dl>\n{keeping}"


def _window(window: Window) -> str:
    failed = f"; {window.failed} more failed and are left out" if window.failed else ""
    return (
        f"{moment(window.start)} to {moment(window.end)}: {window.compared:,} rows of {window.stored:,} "
        f"in the buffer{failed}"
    )


def _baseline(baseline: Baseline) -> str:
    if baseline.window is not None:
        return f"an earlier window, {_window(baseline.window)}"
    learned = baseline.learned_rows or 0
    return f"the stream's reference: {baseline.compared:,} of the {learned:,} rows that it was learned from"
