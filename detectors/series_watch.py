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
from detectors.series_history import PERIOD_S
from detectors.series_watched import NS, SeriesKind, StoredSeries, WatchedSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from agent.model import Block, Effect, Reading, Score, Stream
    from detectors.series_watched import PointJudge

FORMAT = 1
MAX_SERIES = 64
MOST_SINCE = 1_440  # periods that `since` remembers: a day without a state being taken
FORGOTTEN = 7 * 1_440  # a series without points for so many periods has no place any more


class _Stored(msgspec.Struct):
    version: int
    series: dict[str, StoredSeries]


class _Since(msgspec.Struct):
    """What was judged since a state was taken."""

    version: int
    kinds: dict[str, SeriesKind] = {}
    periods: list[tuple[float, list[float | None]]] = []  # seconds, and points in the order of `kinds`

    def add(self, points: Mapping[str, tuple[SeriesKind, float]], seconds: float) -> None:
        if len(self.periods) < MOST_SINCE:
            self.kinds |= {name: kind for name, (kind, _) in points.items()}
            self.periods.append((seconds, [points[name][1] if name in points else None for name in self.kinds]))

    def points(self) -> Iterator[tuple[dict[str, tuple[SeriesKind, float]], float]]:
        for seconds, values in self.periods:
            named = zip(self.kinds.items(), values, strict=False)  # a series may have come later
            yield {name: (kind, value) for (name, kind), value in named if value is not None}, seconds


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
        self._since = _Since(FORMAT)
        self._idle: dict[str, int] = {}  # periods without a point
        self._last_s = self._led_s = -math.inf
        self._lead_s = 0.0

    def take(self, item: Block | Reading) -> None:
        """Take in what belongs to the period."""
        self._points.take(item)

    def close(self, time_ns: int, lasted_s: float, *, whole: bool) -> list[Score]:
        """Judge the period, and begin the next."""
        points = self._points.close(lasted_s)
        return self.judge(points if whole else {}, time_ns / NS)

    def judge(self, points: Mapping[str, tuple[SeriesKind, float]], seconds: float) -> list[Score]:
        """Judge the points of one period, whose end is `seconds` of wall time. A series without a point has a gap."""
        self._since.add(points, seconds)
        wall_ns, seconds = round(seconds * NS), self._on_axis(seconds)
        for name, (kind, value) in points.items():
            if not math.isfinite(value):
                continue
            if name not in self._watched:
                if len(self._watched) >= MAX_SERIES and not self._make_room(seconds):
                    continue
                self._idle[name] = 0
                self._watched[name] = WatchedSeries(kind, self._make(), seconds)
            self._watched[name].take(kind, value, seconds)
        self._forget(points)
        threshold = self._threshold()
        return [
            self._dated(watched.score(self.stream, threshold), wall_ns)
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
        """Return everything that a restart needs; `since` is empty from here on."""
        self._since = _Since(FORMAT)
        stored = {name: watched.stored() for name, watched in self._watched.items()}
        return msgspec.msgpack.encode(_Stored(FORMAT, stored))

    def since(self) -> bytes:
        """Return the periods that were judged since `state` was called: much less than a state."""
        return msgspec.msgpack.encode(self._since)

    def restore(self, state: bytes, since: bytes = b"") -> None:
        """Go on from `state`, and judge `since` again. Raises ValueError where one cannot be read; nothing changes."""
        try:
            stored = msgspec.msgpack.decode(state, type=_Stored)
            later = msgspec.msgpack.decode(since, type=_Since) if since else _Since(FORMAT)
        except msgspec.MsgspecError as error:
            raise ValueError(f"no stored series: {error}") from error
        if {stored.version, later.version} != {FORMAT}:
            raise ValueError(f"series stored as version {stored.version}, not {FORMAT}")
        self._watched = {name: WatchedSeries.restored(one, self._make()) for name, one in stored.series.items()}
        self._since = _Since(FORMAT)
        for points, seconds in later.points():
            self.judge(points, seconds)

    def _on_axis(self, seconds: float) -> float:
        """Give a time that never goes back, whatever the clock does: histories are kept in its order.

        Behind what was seen, it goes on from there by a period a point, until the clock has caught up.
        """
        last = max((watched.seen_s for watched in self._watched.values()), default=-math.inf)
        last = max(last, self._last_s)
        if self._lead_s and seconds > last:
            self._lead_s = 0.0
        if seconds + self._lead_s <= last:
            self._lead_s, self._led_s = last + PERIOD_S - seconds, last
        self._last_s = seconds + self._lead_s
        return self._last_s

    def _dated(self, score: Score, wall_ns: int) -> Score:
        """Date a score as the clock shows the time, where that is behind."""
        if not self._lead_s:
            return score
        led = score.onset_ns > self._led_s * NS
        onset_ns = score.onset_ns - round(self._lead_s * NS) if led else score.onset_ns
        return msgspec.structs.replace(score, time_ns=wall_ns, onset_ns=min(onset_ns, wall_ns))

    def _make_room(self, seconds: float) -> bool:
        """Let the series go that was seen longest ago, if that is long enough."""
        name, oldest = min(self._watched.items(), key=lambda pair: pair[1].seen_s)
        if seconds - oldest.seen_s < FORGOTTEN * PERIOD_S:
            return False
        del self._watched[name]
        return True

    def _forget(self, points: Collection[str]) -> None:
        """Let go of the series that had no point for a week of being watched; time off, or a clock set, is none."""
        for name in self._watched:
            self._idle[name] = 0 if name in points else self._idle.get(name, 0) + 1
        self._watched = {name: one for name, one in self._watched.items() if self._idle[name] < FORGOTTEN}
        self._idle = {name: self._idle[name] for name in self._watched}

    def _threshold(self) -> float:
        return math.log(max(self.alarms_per * max(len(self._watched), 1), math.e))
