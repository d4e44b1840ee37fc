"""Running figures of one stream for people and exporters: rate, latency, confidence, class counts. No judgement here.

Bounded: a ring of the last latencies, one histogram, the most frequent classes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.clock import utc
from agent.pulse import Pulse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import Block
    from agent.steady import Step

# 1-2-5 steps from 10 µs, below which no model answers, to 20 s, beyond which nobody waits.
LATENCY_BOUNDS_S = tuple(m * 10.0**e for e in range(-5, 2) for m in (1, 2, 5))[:-1]
RECENT_LATENCIES = 4_096
RECENT_NS = 60_000_000_000
RATE_WINDOW_NS = 10_000_000_000
RATE_STEP_NS = 1_000_000_000
TREND_STEP_NS = 2_000_000_000
TREND_POINTS = 60
STEP_BLOCKS = 64  # blocks of a step whose latencies are kept for its median; the agent looks a few times a second
MAX_CLASSES = 50


class StreamStatistics:
    """Figures over all blocks of one stream, timed by when the agent saw them on a clock that nobody can set.

    Wall time is only `last_inference_ns`, for people, and how long before its end the rows of a block ran: a block that
    waited for the agent to start holds what ran in all that time.
    """

    def __init__(self) -> None:
        self.inferences = 0
        self.errors = 0
        self.latency_sum_s = 0.0
        self.last_inference_ns: int | None = None
        self.last_ns: int | None = None
        self.first_ns: int | None = None
        self.confidence: float | None = None
        self._latency = np.full(RECENT_LATENCIES, np.nan)
        self._latency_ns = np.full(RECENT_LATENCIES, np.iinfo(np.int64).min)  # older than anything
        self._at = 0
        self._histogram = np.zeros(len(LATENCY_BOUNDS_S) + 1, np.int64)
        self._counts: deque[tuple[int, int]] = deque()  # (when, how many rows) within the rate window
        self._step = 0
        self._step_latencies: list[NDArray[np.float64]] = []
        self._trend: deque[float | None] = deque(maxlen=TREND_POINTS)
        self._classes: dict[int, int] = {}
        self.pulse = Pulse()

    def add(self, block: Block, seen_ns: int) -> None:
        """Take a block in that was seen at `seen_ns` of the monotonic clock."""
        rows = len(block)
        self.inferences += rows
        self.errors += int(np.count_nonzero(block.status))
        ages = np.maximum(block.time_ns[-1] - block.time_ns, 0) // RATE_STEP_NS * RATE_STEP_NS
        if self.first_ns is None:
            self.first_ns = seen_ns - int(ages.max())
        self.last_ns = seen_ns
        self.last_inference_ns = int(block.time_ns[-1])
        for age, count in zip(*np.unique(ages[ages <= RATE_WINDOW_NS], return_counts=True), strict=True):
            self._counts.append((seen_ns - int(age), int(count)))
        self.rate(seen_ns)  # forgets what is too old to count
        self._add_latency(block, seen_ns)
        self.pulse.add(block)
        names = [signal.name for signal in block.signals]
        if "confidence" in names:
            confidence = block.values[:, names.index("confidence")]
            confidence = confidence[np.isfinite(confidence)]
            if len(confidence):
                # about the last hundred inferences, whatever the size of the blocks
                share = 1 - 0.99 ** len(confidence)
                before = float(confidence.mean()) if self.confidence is None else self.confidence
                self.confidence = before + share * (float(confidence.mean()) - before)
        if "prediction" in names:
            self._count_classes(block.values[:, names.index("prediction")])

    def rebase(self, step: Step) -> None:
        """Correct the times of the last inferences, after the clock was set."""
        self.pulse.rebase(step)
        if self.last_inference_ns is not None:
            self.last_inference_ns = step.moved(self.last_inference_ns)

    def _add_latency(self, block: Block, seen_ns: int) -> None:
        latency = block.latency_s[np.isfinite(block.latency_s)]
        if not len(latency):
            return
        self.latency_sum_s += float(latency.sum())
        self._histogram += np.bincount(
            np.searchsorted(LATENCY_BOUNDS_S, latency, side="left"), minlength=len(self._histogram)
        )
        kept = slice(-RECENT_LATENCIES, None)
        where = (self._at + np.arange(len(latency[kept]))) % RECENT_LATENCIES
        self._latency[where], self._latency_ns[where] = latency[kept], seen_ns
        self._at = int(where[-1] + 1) % RECENT_LATENCIES
        self._advance_trend(seen_ns)
        if len(self._step_latencies) < STEP_BLOCKS:
            self._step_latencies.append(latency[kept])

    def _advance_trend(self, now_ns: int) -> None:
        step = now_ns // TREND_STEP_NS
        if step == self._step:
            return
        if self._step_latencies:
            self._trend.append(float(np.median(np.concatenate(self._step_latencies))))
            self._step_latencies.clear()
        for _ in range(min(max(step - self._step - 1, 0), TREND_POINTS) if self._step else 0):
            self._trend.append(None)
        self._step = step

    def _count_classes(self, predictions: NDArray[np.float32]) -> None:
        classes, counts = np.unique(predictions[np.isfinite(predictions)], return_counts=True)
        for code, count in zip(classes.tolist(), counts.tolist(), strict=True):
            if int(code) in self._classes or len(self._classes) < MAX_CLASSES:
                self._classes[int(code)] = self._classes.get(int(code), 0) + count

    def rate(self, now_ns: int) -> float:
        """Inferences per second over the last ten seconds (or since the first, where that is less)."""
        began_ns = now_ns - RATE_WINDOW_NS
        self._counts = deque(counted for counted in self._counts if counted[0] >= began_ns)
        if self.first_ns is None:
            return 0.0
        span = min(max(now_ns - self.first_ns, 1_000_000_000), RATE_WINDOW_NS)
        return sum(rows for _, rows in self._counts) * 1e9 / span

    def mean_rate(self) -> float:
        """Inferences per second since the first; 0 before there are any two."""
        if self.first_ns is None or self.last_ns is None or self.last_ns <= self.first_ns:
            return 0.0
        return self.inferences * 1e9 / (self.last_ns - self.first_ns)

    def latency_quantiles(self, now_ns: int) -> tuple[float | None, float | None]:
        """Median and 99th percentile of the last minute, in seconds; None where nothing was measured."""
        recent = self._latency[self._latency_ns > now_ns - RECENT_NS]
        if not len(recent):
            return None, None
        p50, p99 = np.quantile(recent, [0.5, 0.99])
        return float(p50), float(p99)

    def latency_buckets(self) -> tuple[tuple[float, int], ...]:
        """Cumulative histogram since the agent's start: (upper bound in seconds, inferences at or below it)."""
        return tuple(zip(LATENCY_BOUNDS_S, np.cumsum(self._histogram[:-1]).tolist(), strict=True))

    @property
    def latency_count(self) -> int:
        """How many latencies were measured since the agent's start."""
        return int(self._histogram.sum())

    def latency_trend(self) -> tuple[float | None, ...]:
        """Median latency of each of the last two-second steps, oldest first."""
        return tuple(self._trend)

    def predictions(self) -> tuple[tuple[str, int], ...]:
        """How often each class was predicted, by class."""
        return tuple((str(code), count) for code, count in sorted(self._classes.items()))

    def figures(self, now_ns: int) -> dict[str, Any]:
        """Return everything that a stream's status says of it, by field, `now_ns` on the monotonic clock."""
        p50, p99 = self.latency_quantiles(now_ns)
        return {
            "inferences": self.inferences,
            "errors": self.errors,
            "rate": self.rate(now_ns),
            "latency_p50_s": p50,
            "latency_p99_s": p99,
            "latency_sum_s": self.latency_sum_s,
            "latency_count": self.latency_count,
            "latency_buckets": self.latency_buckets(),
            "latency_trend": self.latency_trend(),
            "confidence": self.confidence,
            "predictions": self.predictions(),
            "last_inference": None if self.last_inference_ns is None else utc(self.last_inference_ns),
        }
