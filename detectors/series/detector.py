"""The series detector: six views of a point, each a surprise against its own past, make one score.

A real anomaly shows in several views at once, noise in one: the evidence is the mean of the three largest surprises.
"""

from __future__ import annotations

import math
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from detectors.packing import pack, unpack
from detectors.series.episode import Episode
from detectors.series.jump import Jump
from detectors.series.promise import Promise
from detectors.series.shape import KEPT, POINTS, shape_of
from detectors.series.tail import MIN_SEEN, Tail
from detectors.series.verdict import Verdict
from detectors.series.views import VIEWS, Views

if TYPE_CHECKING:
    from detectors.series.verdict import Shape

FORMAT = 4
ALARM = 0.5
HUGE = 1e150  # larger values count as this, so that sums of them stay finite
AGREEING = 3  # views whose mean surprise is the evidence
SURE = 3.0  # decades that ranks can vouch for; what a fitted tail adds counts by its logarithm, for the score
LEVEL = 1.7  # evidence that gives a score of .5, in decades
LENGTH_SHARE, LENGTH_POINTS, LENGTH_MEMORY, LEAST_LENGTH = 0.3, 2_000.0, 4_000, 100.0  # see `_strictness`
TWO_WAYS = math.log10(2)  # to a p-value: the smaller one counts twice
_EPOCH, _EPOCH_UTC = datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)  # noqa: DTZ001  # naive times count as UTC


class SeriesDetector:
    """Judges one series, point by point, each against the past alone.

    Constant time a point and bounded memory; nothing is to be configured: units, heavy tails, and rhythms of the day
    and the week are learned. A value that is not finite is a gap: it scores 0 and teaches nothing.

    >>> detector = SeriesDetector()
    >>> quiet = [detector.update(20.0 + i * i % 7, 60.0 * i) for i in range(3000)]
    >>> max(detector.update(500.0, 60.0 * i) for i in range(3000, 3005)) >= 0.5
    True
    """

    def __init__(self) -> None:
        self._views = Views()
        self._tails = [Tail() for _ in VIEWS]
        self._promise, self._jump = Promise(), Jump()
        self._episode = Episode(LEVEL)
        self._offs: deque[float] = deque(maxlen=KEPT)
        self._seen = 0
        self._after = POINTS  # points since the last alarm, up to POINTS
        self._strongest = ""  # the view with the largest surprise then
        self._shape: Shape = ""

    def update(self, value: float, timestamp: datetime | float) -> float:
        """Return the anomaly score in [0, 1] of the next point; .5 and more is an alarm.

        `timestamp` is a datetime (UTC where it has no zone) or seconds since 1970; it may stand still or go back.
        """
        value = _bounded(value)
        return self._take(value, timestamp)[0] if value == value else 0.0  # noqa: PLR0124  # NaN: a gap

    def judge(self, value: float, timestamp: datetime | float) -> Verdict:
        """Like `update`, with p-value and shape.

        What a p-value promises is learned from points that were judged; so a series is judged from its beginning on.
        """
        value = _bounded(value)
        if value != value:  # noqa: PLR0124  # NaN: a gap
            return Verdict(0.0, 1.0, "")
        score, evidence = self._take(value, timestamp)
        agreed = self._promise.take(evidence) if self._seen > MIN_SEEN else 0.0  # before, no view could speak
        surprise = max(max(agreed, self._jump.take(value)) - TWO_WAYS, 0.0)
        return Verdict(score, 10.0**-surprise, self.shape if score >= ALARM else "")

    @property
    def shape(self) -> Shape:
        """What the last episode looks like by now; empty before the first, settled `POINTS` points after its alarm.

        At its first point a level shift, a trend and a spike are the same thing.
        """
        if self._after < POINTS:
            self._shape = shape_of(list(self._offs), self._strongest, self._views.still)
        return self._shape

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        return pack("series", FORMAT, self._items())

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read or is of another version."""
        items = unpack(state, "series", FORMAT)
        if items.keys() != self._items().keys():
            raise ValueError("stored series state has other parts than this version")
        self._views.load(items["views"])
        self._episode.load(items["episode"])
        for tail, stored in zip(self._tails, items["tails"], strict=True):
            tail.load(stored)
        self._promise.load(items["promise"])
        self._jump.load(items["jump"])
        self._offs = deque(items["offs"], maxlen=KEPT)
        self._seen = items["seen"]
        for name, item in items["last"].items():
            setattr(self, f"_{name}", item)

    def _take(self, value: float, timestamp: datetime | float) -> tuple[float, float]:
        """Give score and evidence of the next point, and learn it."""
        seconds = _seconds(timestamp) if isinstance(timestamp, datetime) else float(timestamp)
        sizes = self._views.take(value, seconds)
        surprises = [
            tail.take(size) if size == size else 0.0  # noqa: PLR0124  # NaN: nothing to say yet
            for tail, size in zip(self._tails, sizes)  # noqa: B905  # as many as VIEWS; the check costs a twentieth
        ]
        self._seen += 1
        self._offs.append(self._views.off)
        evidence = weighed = 0.0
        if any(surprises):
            largest, strictness = sorted(surprises)[-AGREEING:], AGREEING * _strictness(self._seen)
            evidence = weighed = sum(largest) / strictness
            if largest[-1] > SURE:
                weighed = sum(_weighed(surprise) for surprise in largest) / strictness
        new = self._episode.take(weighed, evidence)
        if new >= LEVEL:
            self._after = 0
            self._strongest = VIEWS[max(range(len(VIEWS)), key=surprises.__getitem__)]
        elif self._after < POINTS:
            self._after += 1
            if self._after == POINTS:
                self._shape = shape_of(list(self._offs), self._strongest, self._views.still)
        return new / (new + LEVEL), evidence

    def _items(self) -> dict[str, object]:
        parts: dict[str, object] = {
            "views": self._views.items(),
            "episode": self._episode.items(),
            "promise": self._promise.items(),
        }
        parts["jump"] = self._jump.items()
        parts["tails"] = [tail.items() for tail in self._tails]
        last = {"after": self._after, "strongest": self._strongest, "shape": self._shape}
        return parts | {"offs": list(self._offs), "seen": self._seen, "last": last}


def make_series_detector() -> SeriesDetector:
    """Make a detector for one series; there is nothing to configure."""
    return SeriesDetector()


def _bounded(value: float) -> float:
    """Give a value of which sums stay finite; NaN for what is not finite."""
    value = float(value)
    if -HUGE < value < HUGE:
        return value
    return math.copysign(HUGE, value) if math.isfinite(value) else math.nan


def _weighed(surprise: float) -> float:
    """Doubt a far extrapolation: one view alone makes no alarm below ten decades, two or three agreeing ones do."""
    return surprise if surprise <= SURE else SURE + math.log1p(surprise - SURE)


def _strictness(seen: int) -> float:
    """Ask for more evidence the longer the past: among more points, rarer ones are to be expected."""
    remembered = -LENGTH_MEMORY * math.expm1(-seen / LENGTH_MEMORY)
    return 1.0 + LENGTH_SHARE * math.log10(max(remembered, LEAST_LENGTH) / LENGTH_POINTS)


def _seconds(timestamp: datetime) -> float:
    return (timestamp - (_EPOCH if timestamp.tzinfo is None else _EPOCH_UTC)).total_seconds()
