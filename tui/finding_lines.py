"""A finding in lines: the short card beside the list, and the whole page. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import format as fmt
from tui.answers import answer_columns, answer_line, in_columns
from tui.graphs import bar, gauge
from tui.spans import fit, heading, wrap
from tui.timeline import timeline_lines
from tui.words import tone

if TYPE_CHECKING:
    from datetime import datetime

    from agent.model import Cause, Finding, SignalEvidence
    from agent.screen import Answers, Around
    from tui.spans import Line, Tone

_LABEL_CELLS = 9
_WITH_DISTANCES = 76  # cells from which PSI and KS are shown
_SIZES = 3  # signals whose sizes are said with what of them chance alone gives


def labelled(label: str, text: str, width: int, shade: Tone = "plain") -> list[Line]:
    """Set a text beside its label; further lines are indented."""
    lines = wrap(text, max(12, width - _LABEL_CELLS - 3))
    labels = [label] + [""] * (len(lines) - 1)
    return [
        ((f" {fit(name, _LABEL_CELLS)} ", "quiet"), (line, shade)) for name, line in zip(labels, lines, strict=True)
    ]


def since(finding: Finding, now: datetime) -> str:
    """Say since when, and when it was noticed."""
    delay = (finding.opened - finding.onset).total_seconds()
    noticed = f"{fmt.latency(delay)} later" if delay > 0 else "at once"
    rows = max(0, finding.row - finding.onset_row)
    after = f"noticed {noticed}" + (f", after {fmt.plural(rows, 'inference')}" if rows else "")
    return f"{fmt.local_time(finding.onset, now)}, {fmt.between(finding.onset, now)} ago; {after}"


def card_lines(finding: Finding, now: datetime, width: int) -> list[Line]:
    """Say what happened, since when, the likeliest cause and what to try."""
    lines = labelled("what", finding.sentence, width, "strong")
    lines += labelled("try", finding.advice, width, "accent") if finding.advice else []
    if finding.causes:
        cause = finding.causes[0]
        lines += labelled("likely", f"{cause.name} ({fmt.percent(cause.weight)}): {cause.evidence}", width)
    lines += labelled("since", since(finding, now), width)
    lines += labelled("note", finding.note, width) if finding.note else []
    return lines


def page_lines(finding: Finding, now: datetime, width: int, around: Around | None = None) -> list[Line]:
    """Say all that is known of a finding; `around` is what is stored of the time when it came about."""
    lines = what_lines(finding, now, width)
    for title, part in part_lines(finding, now, width, around):
        lines += [(), heading(title, width), *part]
    return lines


def what_lines(finding: Finding, now: datetime, width: int) -> list[Line]:
    """Say what happened, what to try, since when, and what people have decided about it."""
    lines = labelled("what", finding.sentence, width, "strong")
    lines += labelled("try", finding.advice, width, "accent") if finding.advice else []
    lines += labelled("since", since(finding, now), width)
    lines += labelled("state", f"{finding.severity}, {stands(finding, now)}; {finding.kind}, {finding.id}", width)
    lines += labelled("note", finding.note, width) if finding.note else []
    return lines


def part_lines(finding: Finding, now: datetime, width: int, around: Around | None) -> list[tuple[str, list[Line]]]:
    """Give the parts of the page, each with its title."""
    causes = [line for cause in finding.causes for line in _cause(cause, width)]
    parts = [("likely causes", causes or [((" none was found in what the agent can see", "quiet"),)])]
    if around is not None:
        parts.append(("when, and what else happened then", timeline_lines(finding, around.events, now, width)))
    if finding.signals:
        found = _signals(finding.signals, width)
        for text in sizes(finding.signals):
            found += labelled("size", text, width, "quiet")
        parts.append(("signals, furthest from their reference first", found))
    if around is not None:
        parts.append(("recorded inferences around its beginning", rows_lines(finding, around.rows, width)))
    return parts


def stands(finding: Finding, now: datetime) -> str:
    """Say how far the finding has come, and what people have decided about it."""
    parts = [{"open": "open", "acknowledged": "seen, still open", "closed": "closed"}[finding.state]]
    if finding.closed is not None:
        parts[0] += f" at {fmt.local_time(finding.closed, now)}"
    if finding.verdict is not None:
        parts.append(f"judged {finding.verdict}")
    if finding.snoozed_until is not None and finding.snoozed_until > now:
        parts.append(f"snoozed until {fmt.local_time(finding.snoozed_until, now)}")
    return ", ".join(parts)


def rows_lines(finding: Finding, rows: Answers, width: int) -> list[Line]:
    """Give the recorded inferences around the onset, oldest first, with the signals that the finding names first."""
    if not rows.answers:
        return [((" none is stored of that time", "quiet"),)]
    columns = in_columns(rows.signals, [one.name for one in finding.signals])
    titles = answer_columns([rows.signals[at] for at in columns], width - 1)
    lines: list[Line] = [((" " + titles, "quiet"),)]
    begun = False
    for answer in sorted(rows.answers, key=lambda one: one.time):
        if not begun and answer.time >= finding.onset:
            begun = True
            lines.append(((f" {'── it began ':─<{max(8, width - 2)}}", tone(finding.severity)),))
        lines.append(((" ", "plain"), *answer_line(answer, columns, width - 1)))
    return lines


def sizes(signals: tuple[SignalEvidence, ...]) -> list[str]:
    """Say how large the effects on the first few signals are, and what stationary data would show."""
    return [
        f"{signal.name}: PSI {fmt.size_of(signal.psi)} (up to {fmt.size_of(signal.psi_noise)} is noise), "
        f"KS {fmt.size_of(signal.ks)} (up to {fmt.size_of(signal.ks_noise)})"
        for signal in signals[:_SIZES]
        if signal.psi_noise is not None
    ]


def _cause(cause: Cause, width: int) -> list[Line]:
    title: Line = (
        (f" {fmt.percent(cause.weight):>4} ", "strong"),
        (bar(cause.weight, 10) + " ", "warning"),
        (cause.name, "strong"),
        (f"  ({cause.kind})", "quiet"),
    )
    return [title, *(((" " * 17 + line, "plain"),) for line in wrap(cause.evidence, max(12, width - 18)))]


def _signals(signals: tuple[SignalEvidence, ...], width: int) -> list[Line]:
    wide = width >= _WITH_DISTANCES
    name = max(12, min(28, width - (62 if wide else 49)))
    more = f" {'PSI':>5} {'KS':>5}" if wide else ""
    titles = f" {fit('signal', name)} {'reference':>10} {'at worst':>10}  {'shift':>7}{more}  evidence"
    lines: list[Line] = [((titles, "quiet"),)]
    ordered = sorted(signals, key=lambda s: -(s.wasserstein if s.wasserstein is not None else -1.0))
    for signal in ordered:
        share = signal.value / signal.threshold if signal.threshold > 0 else 0.0
        shade: Tone = "warning" if share >= 1 else "plain"
        distance = fmt.UNKNOWN if signal.wasserstein is None else f"{signal.wasserstein:.1f} sd"
        more = f" {fmt.size_of(signal.psi):>5} {fmt.size_of(signal.ks):>5}" if wide else ""
        unit = "s" if signal.name in ("latency", "median latency") else ""
        # The mean of class numbers means nothing.
        before, now = (None, None) if signal.name == "prediction" else (signal.reference_mean, signal.recent_mean)
        means = f"{fmt.value(before, unit):>10} {fmt.value(now, unit):>10}"
        numbers = f"{means}  {distance:>7}{more}  "
        reached = "ALARM" if share >= 1 else fmt.percent(share)
        lines.append(
            ((f" {fit(signal.name, name)} ", "strong"), (numbers, "plain"), (f"{gauge(share, 5)} {reached}", shade))
        )
    return lines
