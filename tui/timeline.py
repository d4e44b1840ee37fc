"""A finding's time line: when it began and was noticed, and what else happened then. Pure functions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from tui import format as fmt
from tui.spans import ELLIPSIS, cut, fit
from tui.words import tone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from agent.model import Finding
    from agent.status import EventLine
    from tui.spans import Line, Tone

_CALM, _UNNOTICED, _KNOWN, _MARK = "─", "░", "█", "↑"
_MARGIN = 0.08  # of the span, on either side
_LEAST_MARGIN_S = 5.0
_WHEN_CELLS = 15


class Happening(NamedTuple):
    """Something that happened, and the tone in which it is told."""

    time: datetime
    text: str
    tone: Tone


def happenings(finding: Finding, events: Iterable[EventLine], most: int) -> list[Happening]:
    """Put the finding's own times among the events nearest to its onset, oldest first."""
    rows = max(0, finding.row - finding.onset_row)
    after = f", after {fmt.plural(rows, 'inference')}" if rows else ""
    own = [
        Happening(finding.onset, "IT BEGAN, as far as that can be told", tone(finding.severity)),
        Happening(finding.opened, f"NOTICED{after}", tone(finding.severity)),
    ]
    if finding.closed is not None:
        said = f"CLOSED as {finding.verdict}" if finding.verdict else "CLOSED"
        own.append(Happening(finding.closed, said, "ok"))
    others = [Happening(e.time, e.text, "plain") for e in events if finding.sentence not in e.text]
    nearest = sorted(others, key=lambda one: abs(one.time - finding.onset))[:most]
    return sorted([*own, *nearest], key=lambda one: one.time)


def timeline_lines(
    finding: Finding, events: Iterable[EventLine], now: datetime, width: int, most: int = 8
) -> list[Line]:
    """Draw the time line, and say below it what happened when."""
    told = happenings(finding, events, most)
    lines = _axis(finding, told, now, width - 2)
    for one in told:
        when = f"{fmt.local_time(one.time, now)[-8:]} {fit(_offset(finding, one), _WHEN_CELLS)} "
        lines.append(((f" {when}", "quiet"), (cut(one.text, max(12, width - len(when) - 1)), one.tone)))
    return lines


def _offset(finding: Finding, one: Happening) -> str:
    seconds = (one.time - finding.onset).total_seconds()
    if not round(seconds):
        return ""
    return f"{fmt.age(abs(seconds))} {'after' if seconds > 0 else 'before'}"


def _axis(finding: Finding, told: list[Happening], now: datetime, width: int) -> list[Line]:
    first, last = told[0].time, told[-1].time
    end = finding.closed or now
    margin = timedelta(seconds=max(_LEAST_MARGIN_S, _MARGIN * (last - first).total_seconds()))
    left, right = first - margin, max(last, min(last + margin, now))
    span = (right - left).total_seconds()

    def column(moment: datetime) -> int:
        return min(width - 1, max(0, int((moment - left).total_seconds() / span * width)))

    onset, noticed, over = column(finding.onset), column(finding.opened), column(end)
    going_on = end > right
    bar: Line = (
        (" " + _CALM * onset, "rule"),
        (_UNNOTICED * (noticed - onset), "warning"),
        (_KNOWN * (over - noticed + 1), tone(finding.severity)),
        (_CALM * (width - over - 1), "rule"),
    )
    marks = [" "] * width
    for one in told:
        marks[column(one.time)] = _MARK
    start, stop = fmt.local_time(left, now)[-8:], fmt.local_time(right, now)[-8:]
    tail = f"{stop} {ELLIPSIS} {fmt.between(right, end)} more" if going_on and finding.closed is None else stop
    ends = start + " " * max(1, width - len(start) - len(tail)) + tail
    return [bar, ((" " + "".join(marks), "quiet"),), ((" " + ends, "quiet"),)]
