"""What Driftline would have said on one series of a file: a score a row, and the episodes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.clock import utc
from detectors import make_series_detector
from detectors.series import SHAPE_POINTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

ALARM = 0.5
APART_ROWS = 50  # alarms that are nearer belong to one episode


@dataclass(frozen=True, slots=True)
class Episode:
    """One alarm, with those that follow close by. Row, time and value are those of the first, the score is the largest.

    The shape is what the rows after the alarm made clear.
    """

    row: int
    time: datetime
    value: float
    score: float
    shape: str


class SeriesReplay:
    """Scores rows of (seconds since 1970, value); a row's score follows from it and the rows before it alone."""

    def __init__(self) -> None:
        self.episodes: list[Episode] = []

    def scores(self, points: Iterable[tuple[float, float]]) -> Iterator[float]:
        """Yield the score of each row; `episodes` grows meanwhile."""
        detector = make_series_detector()
        last = -max(APART_ROWS, SHAPE_POINTS) - 1
        for row, (seconds, value) in enumerate(points):
            score = detector.update(value, seconds)
            if score >= ALARM:
                if row - last > APART_ROWS:
                    self.episodes.append(Episode(row, utc(round(seconds * 1e9)), value, score, ""))
                last = row
                self.episodes[-1] = replace(self.episodes[-1], score=max(score, self.episodes[-1].score))
            if row - last <= SHAPE_POINTS:
                self.episodes[-1] = replace(self.episodes[-1], shape=detector.shape)
            yield score
