"""The series detector: several views of a point, each a surprise against its own past, into one score.

First version of the method; see `docs/detection.md`.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from detectors.packing import pack, unpack
from detectors.series.moving import MovingMean
from detectors.series.season import DailyForecast
from detectors.series.tail import Tail
from detectors.series.verdict import Verdict

if TYPE_CHECKING:
    from detectors.series.verdict import Shape

FORMAT = 1
ALARM_SURPRISE = 2.4  # the evidence that gives a score of .5
FADE = 0.999  # how the largest evidence so far fades, a point: an episode must outdo it to score again
SLOW = 0.02
SHAPES: tuple[Shape, ...] = ("spike", "level shift", "variance", "variance", "level shift")
_EPOCH, _EPOCH_UTC = datetime(1970, 1, 1), datetime(1970, 1, 1, tzinfo=UTC)  # noqa: DTZ001  # naive times count as UTC
_FLOAT_NOISE = 1e-9


class SeriesDetector:
    """Judges one series, point by point, each against the past alone.

    Bounded memory (about 15 kB) and constant time a point. Nothing needs to be configured: units, heavy tails and a
    rhythm of the day are learned. NaN is a gap: it scores 0 and teaches nothing.

    >>> detector = SeriesDetector()
    >>> quiet = [detector.update(20.0 + i % 7, 60.0 * i) for i in range(3000)]
    >>> detector.update(500.0, 60.0 * 3000) >= 0.5
    True
    """

    def __init__(self) -> None:
        self._season = DailyForecast()
        self._slow = math.nan
        self._last = math.nan
        self._seen = 0
        self._shift = MovingMean(36)
        self._spread = MovingMean(36)
        self._steps = MovingMean(12)
        self._tails = [Tail() for _ in SHAPES]
        self._final = Tail()
        self._top = 0.0

    def update(self, value: float, timestamp: datetime | float) -> float:
        """Return the anomaly score in [0, 1] of the next point; `timestamp` a datetime or seconds since the epoch."""
        return self._judge(value, timestamp)[0]

    def judge(self, value: float, timestamp: datetime | float) -> Verdict:
        """Like `update`, with the p-value and the shape."""
        score, evidence, view = self._judge(value, timestamp)
        return Verdict(score, min(1.0, 10.0**-evidence), SHAPES[view] if score >= 0.5 else "")  # noqa: PLR2004  # the alarm

    def _judge(self, value: float, timestamp: datetime | float) -> tuple[float, float, int]:
        if not math.isfinite(value):
            return 0.0, 0.0, 0
        seconds = timestamp if isinstance(timestamp, float | int) else _seconds(timestamp)
        usual = self._season.take(value, seconds)
        self._seen += 1
        if self._seen == 1:
            self._slow = self._last = value
        noise = _FLOAT_NOISE * abs(value)
        step, slow = value - self._last, value - self._slow
        self._last = value
        self._slow += max(SLOW, 1.0 / self._seen) * slow
        sizes = [math.nan, math.nan, math.nan, self._steps.take(abs(step)), abs(slow)]
        if usual == usual:  # noqa: PLR0124  # not NaN
            off = value - usual
            sizes[:3] = abs(off), abs(self._shift.take(off)), self._spread.take(abs(off))
        most, total, which = 0.0, 0.0, 0
        for view, size in enumerate(sizes):
            if size != size:  # noqa: PLR0124  # NaN
                continue
            surprise = self._tails[view].take(size if size > noise else 0.0)
            total += surprise
            if surprise > most:
                most, which = surprise, view
        evidence = (most + total / len(sizes)) / 2
        calibrated = self._final.take(10.0**evidence)
        top, self._top = self._top, max(self._top * FADE, evidence)
        score = evidence / (evidence + ALARM_SURPRISE) if evidence > top else 0.0
        return score, calibrated, which

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        return pack("series", FORMAT, self._items())

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read or is of another version."""
        items = unpack(state, "series", FORMAT)
        if items.keys() != self._items().keys():
            raise ValueError("stored series state has other parts than this version")
        parts = self._parts()
        for name, part in parts.items():
            prefix = name + "."
            part.load({key[len(prefix) :]: item for key, item in items.items() if key.startswith(prefix)})
        self._slow, self._last, self._top = items["numbers"]
        self._seen = items["seen"]

    def _parts(self) -> dict[str, Any]:
        parts = {"season": self._season, "shift": self._shift, "spread": self._spread, "steps": self._steps}
        return parts | {f"tail{at}": tail for at, tail in enumerate([*self._tails, self._final])}

    def _items(self) -> dict[str, object]:
        items: dict[str, object] = {"numbers": [self._slow, self._last, self._top], "seen": self._seen}
        for name, part in self._parts().items():
            items |= {f"{name}.{key}": item for key, item in part.items().items()}
        return items


def make_series_detector() -> SeriesDetector:
    """Make a detector for one series; there is nothing to configure."""
    return SeriesDetector()


def _seconds(timestamp: datetime) -> float:
    return (timestamp - (_EPOCH if timestamp.tzinfo is None else _EPOCH_UTC)).total_seconds()
