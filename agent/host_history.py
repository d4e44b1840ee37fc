"""What the host said lately: the newest of each reading, and what was usual before a moment. Bounded in memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.model import Reading
    from agent.steady import Step

Key = tuple[str, tuple[tuple[str, str], ...]]

FRESH_NS = 60_000_000_000  # a reading older than this says nothing of now
KEPT = 360  # of each reading: half an hour at one in five seconds
MOST_KEYS = 1_024  # a device has some sixty; beyond it, the one that was silent longest goes
BEFORE_NS = 600_000_000_000  # what was usual before a moment is the median of so long before it
APART_NS = 5_000_000_000  # and of what was measured so long before it at least: onsets are estimates


def _nothing_known(_moment_ns: int) -> tuple[Reading, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class HostLook:
    """The host at one look: the newest of each reading, and what was usual before and since a wall time in ns."""

    newest: tuple[Reading, ...] = ()
    before: Callable[[int], tuple[Reading, ...]] = _nothing_known
    since: Callable[[int], tuple[Reading, ...]] = _nothing_known


NO_LOOK = HostLook()


class HostHistory:
    """The last readings of the host, by name and labels."""

    def __init__(self) -> None:
        self._newest: dict[Key, Reading] = {}
        self._past: dict[Key, deque[tuple[int, float]]] = {}
        self._processes_ns = 0  # when processes were measured last, all of them at once

    def add(self, reading: Reading) -> None:
        """Take a reading in."""
        key = reading.name, reading.labels
        self._newest.pop(key, None)
        self._newest[key] = reading  # at the end: the first is the one that was silent longest
        if _is_of_process(reading):
            self._processes_ns = reading.time_ns
        self._past.setdefault(key, deque(maxlen=KEPT)).append((reading.time_ns, reading.value))
        if len(self._newest) > MOST_KEYS:
            oldest = next(iter(self._newest))
            del self._newest[oldest], self._past[oldest]

    def rebase(self, step: Step) -> None:
        """Correct the times, after the clock was set."""
        self._processes_ns = step.moved(self._processes_ns)
        for key, reading in self._newest.items():
            self._newest[key] = msgspec.structs.replace(reading, time_ns=step.moved(reading.time_ns))
        for key, past in self._past.items():
            self._past[key] = deque(((step.moved(time_ns), value) for time_ns, value in past), maxlen=KEPT)

    def look(self, since_ns: int) -> HostLook:
        """Return a look at it, with the newest readings since then."""
        return HostLook(self.newest(since_ns), self.before, self.since)

    def newest(self, since_ns: int) -> tuple[Reading, ...]:
        """Return the newest of each reading that was measured since then; what is not measured any more is absent."""
        return tuple(
            reading
            for reading in self._newest.values()
            if reading.time_ns >= since_ns and (reading.time_ns == self._processes_ns or not _is_of_process(reading))
        )

    def before(self, moment_ns: int) -> tuple[Reading, ...]:
        """Return what each reading usually was for some time before a moment; what was not measured then is absent."""
        return self._usual(moment_ns - BEFORE_NS, moment_ns - APART_NS, moment_ns)

    def since(self, moment_ns: int) -> tuple[Reading, ...]:
        """Return what each reading usually is since a moment; what was not measured since is absent."""
        return self._usual(moment_ns, inf, moment_ns)

    def _usual(self, first_ns: int, last_ns: float, time_ns: int) -> tuple[Reading, ...]:
        """Take the median of what the machine shows, and of what a process does the mean over the whole time.

        So processes that came one after another add up to one, and work that comes in bursts counts in full.
        """
        spans = {
            key: [value for at_ns, value in past if first_ns <= at_ns <= last_ns] for key, past in self._past.items()
        }
        rounds = max(map(len, spans.values()), default=0)
        return tuple(
            msgspec.structs.replace(
                newest, time_ns=time_ns, value=sum(values) / rounds if _is_of_process(newest) else median(values)
            )
            for key, values in spans.items()
            if values and (newest := self._newest[key])
        )


def _is_of_process(reading: Reading) -> bool:
    return reading.name.startswith("process.")
