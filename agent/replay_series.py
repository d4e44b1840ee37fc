"""What Driftline would have said on one series of a file: a score a row, and the episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.clock import utc
from detectors import make_series_detector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

ALARM = 0.5
APART_ROWS = 50  # alarms that are nearer belong to one episode


@dataclass(frozen=True, slots=True)
class Scored:
    """One row of the file. `alarm` says whether a new episode begins here."""

    row: int
    time: datetime
    value: float
    score: float
    shape: str
    alarm: bool


def score_series(points: Iterable[tuple[float, float]], progress: Callable[[int], None]) -> Iterator[Scored]:
    """Score rows of (seconds since 1970, value) one by one; a row's score follows from it and the rows before it."""
    detector = make_series_detector()
    last = -APART_ROWS
    for row, (seconds, value) in enumerate(points):
        verdict = detector.judge(value, seconds)
        alarm = verdict.score >= ALARM
        yield Scored(
            row=row,
            time=utc(round(seconds * 1e9)),
            value=value,
            score=verdict.score,
            shape=verdict.shape,
            alarm=alarm and row - last >= APART_ROWS,
        )
        if alarm:
            last = row
        progress(row + 1)
