"""What the host said lately: the newest of each reading, what was usual before a moment, and what came since.

Bounded in memory.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from agent.model import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.steady import Step

Key = tuple[str, tuple[tuple[str, str], ...]]

FRESH_NS = 60_000_000_000  # a reading older than this says nothing of now
KEPT = 360  # of each reading: half an hour at one in five seconds
MOST_KEYS = 1_024  # a device has some sixty; beyond it, the one that was silent longest goes
BEFORE_NS = 600_000_000_000  # what was usual before a moment is that of so long before it
APART_NS = 5_000_000_000  # and of what was measured so long before it at least: onsets are estimates
ROUND = "system.cpu.logical.count"  # measured whenever the host is
# What is used of the processor adds up: bursts count, and processes that came one after another are one. Hence means.
ADDED_UP = {"system.cpu.utilization", "process.cpu.utilization"}
FORGOTTEN = {"process.memory.usage", "process.thread.count", "process.open_file_descriptor.count"}  # but the newest


def _nothing_known(_moment_ns: int) -> tuple[Reading, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class HostLook:
    """The host at one look: the newest of each reading, what was usual before a wall time (ns), and what came since."""

    newest: tuple[Reading, ...] = ()
    before: Callable[[int], tuple[Reading, ...]] = _nothing_known
    since: Callable[[int], tuple[Reading, ...]] = _nothing_known


NO_LOOK = HostLook()


class HostHistory:
    """The last readings of the host, by name and labels."""

    def __init__(self) -> None:
        self._newest: dict[Key, Reading] = {}
        self._past: dict[Key, deque[tuple[int, float]]] = {}
        self._round_ns = 0  # when the host was measured last

    def add(self, reading: Reading) -> None:
        """Take a reading in."""
        key = reading.name, reading.labels
        self._newest.pop(key, None)
        self._newest[key] = reading  # at the end: the first is the one that was silent longest
        if reading.name == ROUND:
            self._round_ns = reading.time_ns
        past = self._past.setdefault(key, deque(maxlen=KEPT))
        if reading.name not in FORGOTTEN:
            past.append((reading.time_ns, reading.value))
        if len(self._newest) > MOST_KEYS:
            oldest = next(iter(self._newest))
            del self._newest[oldest], self._past[oldest]

    def rebase(self, step: Step) -> None:
        """Correct the times, after the clock was set."""
        self._round_ns = step.moved(self._round_ns)
        for key, reading in self._newest.items():
            self._newest[key] = msgspec.structs.replace(reading, time_ns=step.moved(reading.time_ns))
        for key, past in self._past.items():
            self._past[key] = deque(((step.moved(time_ns), value) for time_ns, value in past), maxlen=KEPT)

    def look(self, since_ns: int) -> HostLook:
        """Return a look at it, with the newest readings since then."""
        return HostLook(self.newest(since_ns), self.before, self.since)

    def newest(self, since_ns: int) -> tuple[Reading, ...]:
        """Return the newest of each reading that was measured since then; what is not measured any more is absent.

        A process that was not there when the host was measured last has ended.
        """
        return tuple(
            reading
            for reading in self._newest.values()
            if reading.time_ns >= since_ns
            and (reading.time_ns >= self._round_ns or not reading.name.startswith("process."))
        )

    def before(self, moment_ns: int) -> tuple[Reading, ...]:
        """Return what was usual for some time before a moment: medians, and means of what adds up."""
        return self._typical(moment_ns - BEFORE_NS, moment_ns - APART_NS, median, moment_ns)

    def since(self, moment_ns: int) -> tuple[Reading, ...]:
        """Return how high each reading has been since a moment, and means of what adds up."""
        return self._typical(moment_ns, inf, max, moment_ns)

    def _typical(
        self, first_ns: int, last_ns: float, typical: Callable[[list[float]], float], time_ns: int
    ) -> tuple[Reading, ...]:
        spans = {
            key: [(at_ns, value) for at_ns, value in past if first_ns <= at_ns <= last_ns]
            for key, past in self._past.items()
        }
        rounds = len({at_ns for span in spans.values() for at_ns, _ in span})
        found = []
        for (name, labels), span in spans.items():
            if span:
                values = [value for _, value in span]
                value = sum(values) / rounds if name in ADDED_UP else typical(values)
                found.append(Reading(name, self._newest[name, labels].unit, value, time_ns, labels))
        return tuple(found)
