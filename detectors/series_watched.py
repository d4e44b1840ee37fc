"""One watched series: its detector, its evidence, its history, and the episode that it may be in."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from agent.model import Effect, Score, Signal
from detectors.series_evidence import Evidence
from detectors.series_history import PERIOD_S, History, Hour, Point, Quarter
from detectors.series_sizes import compare

if TYPE_CHECKING:
    from agent.model import Stream

NAME = "series"
HOLD = 10  # points for which evidence waits for the change to become one that matters, and after which calm is over
WORSE = 1.5  # times the change that was last told is told anew
HALF = 0.5
YOUNG = 1.5  # times what matters, while not a whole day was seen
LONGEST_S = 7 * 86_400.0  # what has lasted so long is how it now is
NS = 1_000_000_000
NEVER = -1e18

Ways = Literal["up", "down", "both"]


class Judged(Protocol):
    """What a detector says of a point, as in `detectors.series.Verdict`."""

    @property
    def p_value(self) -> float:
        """In (0, 1]."""
        ...

    @property
    def shape(self) -> str:
        """What it looks like, or nothing."""
        ...


class PointJudge(Protocol):
    """The detector of one series, as in `detectors.series.SeriesDetector`."""

    def judge(self, value: float, timestamp: float, /) -> Judged:
        """Judge a point and learn from it."""
        ...

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        ...

    def restore(self, state: bytes, /) -> None:
        """Go on from `state`. Raises ValueError."""
        ...


class SeriesKind(msgspec.Struct, frozen=True):
    """What is watched in a series: a change `up`, `down` or both, of at least `least` and of `share` of the usual."""

    signal: Signal
    ways: Ways
    least: float
    share: float

    def matters(self, usual: float) -> float:
        """Return the smallest change that anybody would want to know of, in the series' unit."""
        return max(self.least, self.share * abs(usual))

    def change(self, usual: float, now: float) -> float:
        """Return how far `now` is from `usual` in a way that is watched, else 0."""
        change = now - usual
        return change if self.ways in ("both", "up" if change > 0 else "down") else 0.0


class Episode(msgspec.Struct):
    """An alarm that lasts.

    value: log evidence, and one more with each time that the change is told anew. told: the change that was last told.
    before: what the usual value is the median of. calm: points that were near it, one after the other.
    """

    onset_s: float
    usual: float
    before: list[float]
    shape: str
    value: float
    told: float
    calm: int = 0


class StoredSeries(msgspec.Struct):
    """What a restart needs of one series."""

    kind: SeriesKind
    detector: bytes
    evidence: Evidence
    fine: list[Point]
    coarse: list[Quarter]
    hours: list[Hour]
    quarter: list[Point]
    seen_s: float
    shape: str
    crossed_s: float
    episode: Episode | None


class WatchedSeries:
    """One series."""

    def __init__(self, kind: SeriesKind, detector: PointJudge, seconds: float) -> None:
        self.kind, self.detector, self.seen_s = kind, detector, seconds
        self.evidence, self.history = Evidence(), History()
        self.episode: Episode | None = None
        self.shape = ""
        self.crossed_s = NEVER  # when the evidence last sufficed

    def take(self, kind: SeriesKind, value: float, seconds: float) -> None:
        """Judge a point."""
        self.kind, self.seen_s = kind, seconds
        verdict = self.detector.judge(value, seconds)
        self.evidence.add(verdict.p_value, beyond=self._beyond(value))
        self.shape = verdict.shape or self.shape
        self.history.add(seconds, value, healthy=self.episode is None)

    def _beyond(self, value: float) -> bool | None:
        """Tell whether a value is further out than anything in the last week, by half of what matters."""
        week, usual = self.history.week(), self.history.usual()
        if week is None or usual is None or self.episode is not None:
            return None
        margin = HALF * self.kind.matters(usual)
        low, high = week
        return self.kind.change(low, value) < -margin or self.kind.change(high, value) > margin

    def alarmed(self, threshold: float, seconds: float, *, present: bool) -> bool:
        """Open, carry on or end the episode; tell whether there is one."""
        if self._log() >= threshold:
            self.crossed_s = seconds
        if self.episode is None:
            return present and self._opens(threshold, seconds)
        now = self.history.now() if present else None
        matters = self.kind.matters(self.episode.usual)
        change = 0.0 if now is None else self.kind.change(self.episode.usual, now)
        self.episode.calm = 0 if abs(change) > HALF * matters else self.episode.calm + 1
        if abs(change) > WORSE * abs(self.episode.told):
            self.episode.told = change
            self.episode.value += 1.0
        if self.episode.calm < HOLD and abs(seconds - self.episode.onset_s) < LONGEST_S:
            return True
        self._end()
        return False

    def _opens(self, threshold: float, seconds: float) -> bool:
        usual, now = self.history.usual(), self.history.now()
        if usual is None or now is None or not 0 <= seconds - self.crossed_s <= HOLD * PERIOD_S:
            return False
        change, matters = self.kind.change(usual, now), self.kind.matters(usual)
        lowest, highest = self.history.range()
        farthest = highest if change > 0 else lowest  # what it did yesterday by itself is no news today
        beyond = (now - farthest) * math.copysign(1.0, change)
        if abs(change) < matters * (YOUNG if self.history.young else 1.0) or beyond < HALF * matters:
            return False
        limit = usual + math.copysign(HALF * matters, change)
        onset_s = self.history.onset(limit, upwards=change > 0)
        self.episode = Episode(
            onset_s, usual, self.history.before(), self.shape, max(self._log(), threshold), told=change
        )
        return True

    def _end(self) -> None:
        self.episode = None
        self.shape = ""
        self.crossed_s = NEVER
        self.evidence.reset()

    def score(self, stream: Stream, threshold: float) -> Score:
        """Return the episode's score."""
        assert self.episode is not None
        return Score(
            detector=NAME,
            stream=stream,
            signal=self.kind.signal,
            time_ns=round(self.seen_s * NS),
            row=0,
            value=max(self.episode.value, threshold),
            threshold=threshold,
            onset_ns=round(self.episode.onset_s * NS),
            detail=self.episode.shape,
        )

    def effect(self) -> Effect:
        """Return how large the episode's change is now."""
        assert self.episode is not None
        since = self.history.since(self.episode.onset_s)
        now = self.history.now()
        sizes = compare(self.episode.before, since)
        return Effect(
            signal=self.kind.signal, psi=sizes.psi, ks=sizes.ks, wasserstein=sizes.wasserstein,
            reference_mean=self.episode.usual, recent_mean=self.history.last() if now is None else now,
            rows=len(since),
        )  # fmt: skip

    def share(self, threshold: float) -> float:
        """Return the share of the way to an alarm."""
        if self.episode is not None:
            return 1.0
        return min(max(self._log() / threshold, 0.0), 1.0)

    def _log(self) -> float:
        return math.log(max(self.evidence.total(), 1.0))

    def stored(self) -> StoredSeries:
        """Return everything that a restart needs."""
        return StoredSeries(
            self.kind, self.detector.state(), self.evidence, *self.history.state(),
            self.seen_s, self.shape, self.crossed_s, self.episode,
        )  # fmt: skip

    @classmethod
    def restored(cls, stored: StoredSeries, detector: PointJudge) -> WatchedSeries:
        """Go on from what `stored` gave. Raises ValueError where the detector cannot."""
        detector.restore(stored.detector)
        watched = cls(stored.kind, detector, stored.seen_s)
        watched.evidence = stored.evidence
        watched.history = History(stored.fine, stored.coarse, stored.hours, stored.quarter)
        watched.shape, watched.crossed_s, watched.episode = stored.shape, stored.crossed_s, stored.episode
        return watched
