"""A stream in lines: its signals against their reference, its classes, its latency, who it is. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import format as fmt
from tui.finding_lines import labelled
from tui.graphs import bar, chart, gauge
from tui.spans import cut, fit, heading
from tui.words import accuracy_text, accuracy_tone, effect_size, truth_text, truth_tone

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from agent.model import Finding
    from agent.status import SignalStatus, StreamStatus
    from tui.spans import Line, Tone

_CHART_LINES = 4
_ALARM_NEAR = 0.5
_BAR_CELLS = 40
_NUMBERS_FROM = (58, 72, 84)  # cells from which the shift is shown, PSI and KS too, and what of both chance alone gives


def facts_lines(stream: StreamStatus, finding: Finding | None, now: datetime, width: int) -> list[Line]:
    """Say how it runs, and what the reference warns of."""
    last = fmt.between(stream.last_inference, now) + " ago" if stream.last_inference else "none yet"
    runs = f"{fmt.rate(stream.rate)}, {fmt.plural(stream.inferences, 'inference')}, the last {last}"
    sure = f", {fmt.percent(stream.confidence)} sure" if stream.confidence is not None else ""
    lines = [*labelled("runs", runs + sure, width), *accuracy_lines(stream, finding, now, width)]
    if stream.errors:
        lines += labelled("errors", f"{fmt.plural(stream.errors, 'inference')} raised an error", width, "warning")
    if stream.lost or stream.dropped:
        told = f"{fmt.count(stream.lost)} lost before the agent read them, {fmt.count(stream.dropped)} dropped"
        lines += labelled("records", told, width, "warning")
    lines += labelled("reference", _reference(stream), width, "learning" if stream.state == "learning" else "plain")
    for note in stream.reference_notes:
        lines += labelled("", note, width, "warning")
    return lines


def accuracy_lines(stream: StreamStatus, finding: Finding | None, now: datetime, width: int) -> list[Line]:
    """Say how often it is right: as estimated, and by labels; nothing where neither is known."""
    lines: list[Line] = []
    if stream.accuracy is not None:
        lines += labelled("accuracy", accuracy_text(stream.accuracy), width, accuracy_tone(stream.accuracy))
    if stream.truth is not None:
        lines += labelled(
            "labels", truth_text(stream.truth, now, finding.onset if finding else None), width, truth_tone(stream.truth)
        )
    return lines


def _reference(stream: StreamStatus) -> str:
    if stream.state == "learning":
        return f"learning: {fmt.count(stream.reference_rows)} of {fmt.count(stream.reference_target)} inferences"
    if not stream.reference_rows:
        return "none yet"
    budget = stream.alarm_every_inferences
    every = f"; at most one false alarm in {fmt.roughly(budget)} inferences" if budget else ""
    if budget and stream.rate > 0:
        every += f" ({fmt.age(budget / stream.rate)} at this rate)"
    return f"learned from {fmt.plural(stream.reference_rows, 'inference')}{every}"


def signals_lines(stream: StreamStatus, found: AbstractSet[str], width: int) -> list[Line]:
    """Give the signals, those furthest from their reference first; the gauge is full at the alarm, and for `found`."""
    if not stream.signals:
        return [((" none yet: they are judged once the reference is learned", "quiet"),)]
    ordered = sorted(stream.signals, key=effect_size, reverse=True)
    return [
        ((signal_columns(width, anew=bool(found)), "quiet"),),
        *(signal_line(signal, width, found=signal.signal.name in found) for signal in ordered),
    ]


def _signal_layout(width: int) -> tuple[int, int, int]:
    """Choose how many of the optional columns are shown; then the cells of the gauge and of the name."""
    columns = next((n for n, needed in enumerate(_NUMBERS_FROM) if width < needed), len(_NUMBERS_FROM))
    cells = 8 if columns else 5
    return columns, cells, max(12, min(26, width - cells - 28 - (0, 8, 20, 32)[columns]))


def signal_columns(width: int, *, anew: bool = False) -> str:
    """Give the titles over `signal_line`; `anew`: an alarm was raised, and evidence is what came since."""
    columns, cells, name = _signal_layout(width)
    evidence = fit("since alarm" if anew else "evidence", cells + 6)
    titles = f" {fit('signal', name)} {evidence} {'reference':>9} {'now':>9}"
    distances = f" {'PSI':>5} {'KS':>5}", f" {'PSI':>5} {'noise':>5} {'KS':>5} {'noise':>5}"
    return cut(titles + (f" {'shift':>7}" if columns else "") + (distances[columns - 2] if columns > 1 else ""), width)


def signal_line(status: SignalStatus, width: int, *, found: bool = False) -> Line:
    """Give one signal; `found`: an open finding names it, and its detector, which started anew, shows that no more."""
    columns, cells, name = _signal_layout(width)
    effect, share = status.effect, status.evidence
    alarms = share >= 1 or found
    shade: Tone = "warning" if alarms else "learning" if share >= _ALARM_NEAR else "ok"
    reached = "ALARM" if alarms else fmt.percent(share)
    # The mean of class numbers means nothing.
    means = effect is not None and status.signal.kind != "categorical"
    before, after = (effect.reference_mean, effect.recent_mean) if effect and means else (None, None)
    unit = status.signal.unit
    numbers = f" {fmt.value(before, unit):>9} {fmt.value(after, unit):>9}"
    if columns and effect is not None:
        numbers += f" {f'{effect.wasserstein:.1f} sd':>7}"
    if columns > 1 and effect is not None:
        for size, noise in ((effect.psi, effect.psi_noise), (effect.ks, effect.ks_noise)):
            numbers += f" {fmt.size_of(size):>5}" + (f" {fmt.size_of(noise):>5}" if columns > 2 else "")  # noqa: PLR2004
    return (
        (f" {fit(status.signal.name, name)} ", "strong"),
        (f"{gauge(1.0 if alarms else share, cells)} {reached:>5}", shade),
        (numbers, "plain"),
    )


def latency_lines(stream: StreamStatus, width: int) -> list[Line]:
    """Draw the median latency over time."""
    lines: list[Line] = [heading("median latency", width)]
    if not any(v is not None for v in stream.latency_trend):
        return [*lines, ((" not measured yet", "quiet"),)]
    rows, top = chart(stream.latency_trend, max(10, width - 9), _CHART_LINES)
    for position, row in enumerate(rows):
        label = fmt.latency(top) if not position else "0" if position == len(rows) - 1 else ""
        lines.append(((f"{label:>7} ", "quiet"), (row, "accent")))
    p50, p99 = fmt.latency(stream.latency_p50_s), fmt.latency(stream.latency_p99_s)
    return [*lines, ((f"{'':8}last minute: p50 {p50}, p99 {p99}", "plain"),)]


def classes_lines(stream: StreamStatus, width: int, limit: int = 10) -> list[Line]:
    """Draw how often each class was predicted lately, the most frequent first."""
    lines: list[Line] = [heading("predicted classes", width)]
    total = sum(n for _, n in stream.predictions)
    if not total:
        return [*lines, ((" none: this model predicts no classes, or nothing yet", "quiet"),)]
    ordered = sorted(stream.predictions, key=lambda p: -p[1])
    name = min(14, max(len(label) for label, _ in ordered))
    largest = ordered[0][1]
    for label, n in ordered[:limit]:
        share: Line = (
            (bar(n / largest, max(6, min(_BAR_CELLS, width - name - 8))), "quiet"),
            (f" {fmt.percent(n / total):>4}", "plain"),
        )
        lines.append(((f" {fit(label, name)} ", "plain"), *share))
    if len(ordered) > limit:
        lines.append(((f" and {len(ordered) - limit} more", "quiet"),))
    return lines


def identity_lines(stream: StreamStatus, width: int) -> list[Line]:
    """Say which model this is and what runs it."""
    model = stream.stream
    facts = (
        ("version", model.version),
        ("sha256", model.sha256),
        ("runtime", model.runtime),
        ("provider", model.provider),
        ("pid", str(model.pid) if model.pid else ""),
    )
    return [line for name, text in facts for line in labelled(name, text or "not known", width)]
