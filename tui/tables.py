"""The two tables, line by line: a stream a line, a finding a line. Pure functions; plain text and screens share them.

Columns are chosen by the width that there is: 80 cells show what decides, more cells add what explains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from tui import format as fmt
from tui.graphs import gauge, sparkline
from tui.spans import clip, fit
from tui.words import drift, in_short, tone

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from agent.model import Finding
    from agent.status import StreamStatus
    from tui.spans import Line, Span, Tone

_WIDE = 110  # cells from which the columns that explain are shown
_NAME_CELLS = (12, 30)
_PHRASE_CELLS = 19


class _Column(NamedTuple):
    title: str
    width: int
    align: Literal["left", "right"]
    cell: Callable[[StreamStatus], Span]


_STATE = _Column("state", 8, "left", lambda s: (s.state.upper(), tone(s.state)))
_RATE = _Column("rate", 6, "right", lambda s: (fmt.rate(s.rate), "plain"))
_P50 = _Column("p50", 6, "right", lambda s: (fmt.latency(s.latency_p50_s), "plain"))
_P99 = _Column("p99", 6, "right", lambda s: (fmt.latency(s.latency_p99_s), "plain"))
_SURE = _Column("sure", 4, "right", lambda s: (fmt.percent(s.confidence), "plain"))


def _lost(stream: StreamStatus) -> Span:
    missing = stream.lost + stream.dropped
    return fmt.count(missing), "warning" if missing else "quiet"


_MEDIAN = 7, 16  # cells of the latency trend, and with room to spare
_BAR = 4, 8  # the same of the gauge
# What explains, in the order in which it is given room.
_BUILD = _Column("build", 12, "left", lambda s: (s.stream.sha256 or s.stream.version or fmt.UNKNOWN, "quiet"))
_COUNT = _Column("inferences", 11, "right", lambda s: (fmt.count(s.inferences), "plain"))
_ERRORS = _Column("errors", 6, "right", lambda s: (fmt.count(s.errors), "warning" if s.errors else "quiet"))
_LOST = _Column("lost", 6, "right", _lost)


def _trend(cells: int) -> _Column:
    return _Column("median"[:cells], cells, "left", lambda s: (sparkline(s.latency_trend, cells), "accent"))


def _name(cells: int) -> _Column:
    return _Column("model", cells, "left", lambda s: (s.stream.model, "strong"))


def _layout(width: int) -> tuple[list[_Column], int, int]:
    """Choose columns for a width; then the cells of the drift gauge and of its phrase."""
    always = (_STATE, _RATE, _P50, _P99, _SURE)
    low, high = _NAME_CELLS
    spare = width - sum(c.width + 1 for c in always) - low - _MEDIAN[0] - _BAR[0] - _PHRASE_CELLS - 3
    longer = min(high - low, max(0, spare)) if width < _WIDE else min(6, spare)
    spare -= longer
    added = []
    for column in (_LOST, _ERRORS, _COUNT, _BUILD):
        if spare > column.width:
            added.append(column)
            spare -= column.width + 1
    roomy = spare >= (_MEDIAN[1] - _MEDIAN[0]) + (_BAR[1] - _BAR[0])
    explaining = [c for c in (_BUILD, _COUNT, _ERRORS, _LOST) if c in added]
    columns = [_STATE, _name(low + longer), _RATE, _P50, _P99, _trend(_MEDIAN[roomy]), _SURE, *explaining]
    bar = _BAR[roomy]
    return columns, bar, max(4, width - sum(c.width + 1 for c in columns) - bar - 1)


def stream_header(width: int) -> Line:
    """Give the titles over `stream_line`."""
    columns, _, _ = _layout(width)
    return ((" ".join(fit(c.title, c.width, c.align) for c in columns) + " drift", "quiet"),)


def stream_line(stream: StreamStatus, finding: Finding | None, width: int) -> Line:
    """Give one stream, with its worst open finding where it has one."""
    columns, bar, room = _layout(width)
    spans: list[Span] = []
    for column in columns:
        text, shade = column.cell(stream)
        spans += [(_cell(text, column), shade), (" ", "plain")]
    state = drift(stream, finding)
    spans += [(gauge(state.share, bar), state.tone), (" ", "plain"), (fit(state.phrase(room), room), state.tone)]
    return clip(tuple(spans), width)


def _cell(text: str, column: _Column) -> str:
    # A hash is cut without an ellipsis: its first characters are its short form.
    return fit(text[: column.width] if column.title == "build" else text, column.width, column.align)


GOES_ON = "goes on"


def _tone(finding: Finding, *, quiet: bool) -> Tone:
    return "quiet" if quiet else "warning" if finding.state == "closed" else tone(finding.severity)


def finding_line(finding: Finding, now: datetime, width: int) -> Line:
    """Give one finding: how bad, for how long, which model, what happened; a mark says that it was seen or snoozed.

    In place of how bad it is stands of a closed one that it goes on.
    """
    closed = finding.state == "closed"
    seen, snoozed = finding.state == "acknowledged", finding.snoozed_until is not None and finding.snoozed_until > now
    name = 18 if width >= _WIDE else 12
    spans: tuple[Span, ...] = (
        (f"{(GOES_ON if closed else finding.severity).upper():8} ", _tone(finding, quiet=seen or snoozed)),
        ("z" if snoozed else "✓" if seen else " ", "ok"),
        (f"{fmt.between(finding.onset, now):>6} ", "plain"),
        (fit(finding.stream.model, name) + " ", "strong"),
        (fit(in_short(finding), max(0, width - 18 - name)), "quiet" if seen or snoozed else "plain"),
    )
    return clip(spans, width)
