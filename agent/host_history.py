"""What the host said lately: the newest of each reading, and what was usual before a moment. Bounded in memory."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from agent.model import Reading
    from agent.steady import Step

Key = tuple[str, tuple[tuple[str, str], ...]]

FRESH_NS = 60_000_000_000  # a reading older than this says nothing of now
KEPT = 360  # of each reading: half an hour at one in five seconds
MOST_KEYS = 1_024  # a device has some sixty; beyond it, the one that was silent longest goes
BEFORE_NS = 600_000_000_000  # what was usual before a moment is the median of so long before it
APART_NS = 5_000_000_000  # and of what was measured so long before it at least: onsets are estimates


class HostHistory:
    """The last readings of the host, by name and labels."""

    def __init__(self) -> None:
        self._newest: dict[Key, Reading] = {}
        self._past: dict[Key, deque[tuple[int, float]]] = {}

    def add(self, reading: Reading) -> None:
        """Take a reading in."""
        key = reading.name, reading.labels
        self._newest.pop(key, None)
        self._newest[key] = reading  # at the end: the first is the one that was silent longest
        self._past.setdefault(key, deque(maxlen=KEPT)).append((reading.time_ns, reading.value))
        if len(self._newest) > MOST_KEYS:
            oldest = next(iter(self._newest))
            del self._newest[oldest], self._past[oldest]

    def rebase(self, step: Step) -> None:
        """Correct the times, after the clock was set."""
        for key, reading in self._newest.items():
            self._newest[key] = msgspec.structs.replace(reading, time_ns=step.moved(reading.time_ns))
        for key, past in self._past.items():
            self._past[key] = deque(((step.moved(time_ns), value) for time_ns, value in past), maxlen=KEPT)

    def newest(self, since_ns: int) -> tuple[Reading, ...]:
        """Return the newest of each reading that was measured since then; what is not measured any more is absent."""
        return tuple(reading for reading in self._newest.values() if reading.time_ns >= since_ns)

    def before(self, moment_ns: int) -> tuple[Reading, ...]:
        """Return of each reading the median of some time before a moment; what was not measured then is absent."""
        usual = []
        for key, past in self._past.items():
            values = [value for time_ns, value in past if -BEFORE_NS <= time_ns - moment_ns <= -APART_NS]
            if values:
                newest = self._newest[key]
                usual.append(msgspec.structs.replace(newest, value=median(values), time_ns=moment_ns))
        return tuple(usual)
