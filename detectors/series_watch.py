"""Judges the series of one subject (a stream, or the device), one point a minute: when an alarm begins and ends.

An alarm needs both: evidence, which the alarm budget bounds, and a change that matters to somebody, which the series'
kind states. It is given again with every point while it lasts, and is over when the series has stood nearer to its
usual value than half of what matters for a while: one episode, however restless.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import msgspec

from agent.status import SeriesStatus
from detectors.series_watched import NS, StoredSeries, WatchedSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent.model import Block, Effect, Reading, Score, Stream
    from detectors.series_watched import PointJudge, SeriesKind

FORMAT = 1
MAX_SERIES = 64
FORGOTTEN_S = 7 * 86_400.0  # a series without points for so long has no place any more


class _Stored(msgspec.Struct):
    version: int
    series: dict[str, StoredSeries]


class PointMaker(Protocol):
    """Collects what belongs to a period, and makes one point a series of it."""

    def take(self, item: Block | Reading) -> None:
        """Collect."""
        ...

    def close(self, lasted_s: float) -> dict[str, tuple[SeriesKind, float]]:
        """Return the points of the `lasted_s` seconds that are over, and begin the next."""
        ...


class SeriesWatcher:
    """Conforms to `agent.series.SeriesWatch`: watches any number of series, up to MAX_SERIES, that come and go.

    `Score.value` is the log evidence in nats, `threshold` the log of the points that share one false alarm: all series
    together reach theirs once in `alarms_per` points in the mean (each gets an equal part).

    Parameters
    ----------
    stream
        The subject, for the scores.
    points
        Makes a period's points of what it is given.
    make
        Makes the detector of one series.
    alarms_per
        Points (minutes) of all series side by side in which one false alarm may be expected.

    """

    def __init__(self, stream: Stream, points: PointMaker, make: Callable[[], PointJudge], alarms_per: float) -> None:
        self.stream = stream
        self.alarms_per = alarms_per
        self._points = points
        self._make = make
        self._watched: dict[str, WatchedSeries] = {}

    def take(self, item: Block | Reading) -> None:
        """Take in what belongs to the period."""
        self._points.take(item)

    def close(self, time_ns: int, lasted_s: float, *, whole: bool) -> list[Score]:
        """Judge the period, and begin the next."""
        points = self._points.close(lasted_s)
        return self.judge(points if whole else {}, time_ns / NS)

    def judge(self, points: Mapping[str, tuple[SeriesKind, float]], seconds: float) -> list[Score]:
        """Judge the points of one period, whose end is `seconds` of wall time. A series without a point has a gap."""
        for name, (kind, value) in points.items():
            if not math.isfinite(value):
                continue
            if name not in self._watched:
                if len(self._watched) >= MAX_SERIES:
                    continue
                self._watched[name] = WatchedSeries(kind, self._make(), seconds)
            self._watched[name].take(kind, value, seconds)
        self._watched = {n: w for n, w in self._watched.items() if abs(seconds - w.seen_s) < FORGOTTEN_S}
        threshold = self._threshold()
        return [
            watched.score(self.stream, threshold)
            for name, watched in self._watched.items()
            if watched.alarmed(threshold, seconds, present=name in points)
        ]

    def series(self) -> tuple[SeriesStatus, ...]:
        """Describe each series, for people."""
        threshold = self._threshold()
        return tuple(
            SeriesStatus(
                signal=watched.kind.signal,
                evidence=watched.share(threshold),
                value=watched.history.last(),
                usual=watched.history.usual() if watched.episode is None else watched.episode.usual,
            )
            for watched in self._watched.values()
        )

    def effects(self) -> tuple[Effect, ...]:
        """Return how large the change is in each series that alarms now."""
        return tuple(watched.effect() for watched in self._watched.values() if watched.episode is not None)

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        stored = {name: watched.stored() for name, watched in self._watched.items()}
        return msgspec.msgpack.encode(_Stored(FORMAT, stored))

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read, and changes nothing then."""
        try:
            stored = msgspec.msgpack.decode(state, type=_Stored)
        except msgspec.MsgspecError as error:
            raise ValueError(f"no stored series: {error}") from error
        if stored.version != FORMAT:
            raise ValueError(f"series stored as version {stored.version}, not {FORMAT}")
        self._watched = {name: WatchedSeries.restored(one, self._make()) for name, one in stored.series.items()}

    def _threshold(self) -> float:
        return math.log(max(self.alarms_per * max(len(self._watched), 1), math.e))
