"""The series of a stream: its median latency and its throughput, one point a minute.

A latency needs a few inferences, or it is a gap. Throughput is a number in every minute in which the service ran, also
0: a service that runs and is not asked. A service that stopped, and a minute that it did not run through, is a gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.model import Block, Signal
from detectors.series_watched import SeriesKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import Reading

FEWEST_LATENCIES = 5
KEPT = 8_192  # latencies of a minute; with more, the first ones stand for all

# What is smaller is real, and nobody acts on it: a third slower, half as many.
LATENCY = SeriesKind(Signal("median latency", "runtime", "continuous", "s"), "up", 0.0005, 0.3)
THROUGHPUT = SeriesKind(Signal("throughput", "runtime", "continuous", "1/s"), "both", 0.2, 0.5)


class StreamPoints:
    """Collects blocks, and makes a minute's points of them."""

    def __init__(self) -> None:
        self._latencies: list[NDArray[np.float64]] = []
        self._kept = self._rows = 0

    def take(self, item: Block | Reading) -> None:
        """Take a block in."""
        if not isinstance(item, Block):
            return
        self._rows += len(item)
        latency = item.latency_s[np.isfinite(item.latency_s) & (item.status == 0)][: KEPT - self._kept]
        if len(latency):
            self._latencies.append(latency)
            self._kept += len(latency)

    def close(self, lasted_s: float) -> dict[str, tuple[SeriesKind, float]]:
        """Return the points of a period of `lasted_s` seconds that is over, by their series' names."""
        points = {THROUGHPUT.signal.name: (THROUGHPUT, self._rows / lasted_s)}
        if self._kept >= FEWEST_LATENCIES:
            points[LATENCY.signal.name] = (LATENCY, float(np.median(np.concatenate(self._latencies))))
        self._latencies, self._kept, self._rows = [], 0, 0
        return points
