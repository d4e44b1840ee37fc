"""How a stream ran over a span: latency, rate, confidence and evidence over time, then how latency is distributed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tui import format as fmt
from tui.graphs import chart, over_time, trace
from tui.histogram import axis, drawn_cells, legend, overlay
from tui.spans import fit, heading
from tui.stream_detail import IN_WORDS, StreamPanel, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from agent.screen import Moment, StreamView
    from tui.spans import Line, Tone
    from tui.stream_detail import StreamDetail

_LABEL = 10  # cells left of a graph
_FIGURES = 17  # cells right of it, where there is room for both
_FIGURES_FROM = 60
_CHART_LINES = 4
_MANY_LINES = 30  # of a panel, from which its graphs are drawn twice as high
_LOW_EDGE = 1e-6  # share of rows below which a cell of the latency's distribution counts as empty


class TimePanel(StreamPanel):
    """The span that was chosen, a column a moment, the newest at the right."""

    DEFAULT_CSS = "TimePanel { height: 1fr; min-height: 6; }"

    def title(self, detail: StreamDetail) -> str:
        """Name the span."""
        shown = detail.answer.zoom if detail.answer else detail.zoom
        said = f" ({detail.note})" if detail.note and detail.answer else ""
        return f"3 the last {IN_WORDS[shown]}{said}"

    def lines(self, detail: StreamDetail, width: int) -> list[Line]:
        """Draw it."""
        if detail.answer is None:
            return missing(detail)
        high = _CHART_LINES * (2 if self.size.height >= _MANY_LINES else 1)
        return [*time_lines(detail.answer, width, high), *latency_lines(detail.answer, width, high)]


def time_lines(answer: StreamView, width: int, high: int) -> list[Line]:
    """Draw latency, rate, confidence and evidence over time."""
    moments = answer.moments
    if not any(m.inferences for m in moments):
        return [((" nothing ran in this span", "quiet"),)]
    room = width - _LABEL - (_FIGURES if width >= _FIGURES_FROM else 1)
    lines: list[Line] = []
    p50, p99 = ([getattr(m, name) for m in moments] for name in ("latency_p50_s", "latency_p99_s"))
    for name, values, height in (("median", p50, high), ("p99", p99, max(2, high // 2))):
        lines += _chart_lines(name, values, room, height)
    rates = [m.inferences / m.seconds if m.seconds > 0 else None for m in moments]
    lines += _trace_line("rate", rates, room, fmt.rate, 0.0)
    sure = [m.confidence for m in moments]
    least = min((v for v in sure if v is not None), default=None)
    if least is not None:
        # The least is drawn at half height: a dip is seen, and noise is not.
        lines += _trace_line("sure", sure, room, fmt.percent, max(0.0, 2 * least - 1), 1.0, worst=min)
    evidence = [m.evidence for m in moments]
    lines += _trace_line("evidence", evidence, room, fmt.percent, 0.0, 1.0)
    failed = [float(m.failed) for m in moments]
    if any(failed):
        lines += _trace_line("failed", [v or None for v in failed], room, fmt.count, 0.0, tone="warning")
    return [*lines, _times(moments, room)]


def _chart_lines(name: str, values: Sequence[float | None], room: int, height: int) -> list[Line]:
    rows, top = chart(over_time(values, room), room, height)
    known = [v for v in values if v is not None]
    lines: list[Line] = []
    for at, row in enumerate(rows):
        label = name if not at else ""
        figure = fmt.latency(top) if not at else "0" if at == height - 1 else ""
        now = f" now {fmt.latency(known[-1])}" if known and at == height - 1 and height > 1 else ""
        lines.append(
            (
                (f" {fit(label, _LABEL - 2)} ", "quiet"),
                (row, "accent"),
                (f" {figure}" if figure != "0" else now, "quiet"),
            )
        )
    return lines


def _trace_line(
    name: str, values: Sequence[float | None], room: int, say: Callable[[float], str], low: float,
    high: float | None = None, *, worst: Callable[[list[float]], float] = max, tone: Tone = "accent",
) -> list[Line]:  # fmt: skip
    known = [v for v in values if v is not None]
    if not known:
        return []
    drawn = trace(over_time(values, room, worst), low, max(known) if high is None else high)
    span = f"{say(min(known))} to {say(max(known))}" if min(known) != max(known) else say(known[0])
    return [((f" {fit(name, _LABEL - 2)} ", "quiet"), (drawn.ljust(room), tone), (f" {span}", "quiet"))]


def _times(moments: Sequence[Moment], room: int) -> Line:
    """Write the times of the span below it: its start, its middle and its end."""
    first, middle = moments[0].time, moments[len(moments) // 2].time
    end = moments[-1].time + timedelta(seconds=moments[-1].seconds)
    low, half, high = (
        _clock(moment, long=(end - first) > timedelta(days=1, minutes=1)) for moment in (first, middle, end)
    )
    left = max(1, room // 2 - len(low) - len(half) // 2)
    right = max(1, room - len(low) - left - len(half) - len(high))
    return ((" " * _LABEL + low + " " * left + half + " " * right + high, "quiet"),)


def _clock(moment: datetime, *, long: bool) -> str:
    local = moment.astimezone()
    return f"{local:%d %b %H:%M}" if long else f"{local:%H:%M:%S}"


def latency_lines(answer: StreamView, width: int, high: int) -> list[Line]:
    """Draw how the latency of the span is distributed, over that of the reference where it is known."""
    before, now = dict(answer.latency_before), dict(answer.latency)
    bounds = sorted(now)
    seen = [at for at, bound in enumerate(bounds) if max(now[bound], before.get(bound, 0.0)) > _LOW_EDGE]
    if not seen:
        return []
    shown = bounds[max(0, seen[0] - 1) : seen[-1] + 2]
    drawn = overlay([before.get(b, 0.0) for b in shown] if before else (), [now[b] for b in shown], width - 2, high)
    cells = drawn_cells(len(shown), width - 2)
    key = legend() if before else (((" █", "accent"), (" now; of the reference nothing is known", "quiet")))
    return [
        (), heading("how long inferences took in this span", width), *(((" ", "plain"), *line) for line in drawn),
        ((" ", "plain"), *axis(shown, "s", cells)), key,
    ]  # fmt: skip
