from __future__ import annotations

import numpy as np

from agent.model import Block, Signal
from agent.statistics import LATENCY_BOUNDS_S, RECENT_LATENCIES, StreamStatistics
from tests.agent.fakes import SECOND_NS, SIGNALS, STREAM

WITH_CONFIDENCE = (*SIGNALS, Signal("confidence", "output"))


def _block(latency_s: list[float], start_s: float = 0.0, step_s: float = 0.1, confidence: float = 0.9) -> Block:
    rows = len(latency_s)
    times = (start_s + step_s * np.arange(rows)) * SECOND_NS
    values = np.column_stack([np.zeros(rows), np.arange(rows) % 3, latency_s, np.full(rows, confidence)])
    return Block(
        STREAM, WITH_CONFIDENCE, times.astype(np.int64), np.array(latency_s), np.zeros(rows, np.uint8),
        values.astype(np.float32),
    )  # fmt: skip


def _add(statistics: StreamStatistics, block: Block) -> None:
    """Have it seen when its last inference ended."""
    statistics.add(block, int(block.time_ns[-1]))


def test_the_histogram_is_cumulative_and_counts_a_bound_below_itself() -> None:
    """Prometheus buckets: at or below the bound, the last one everything."""
    statistics = StreamStatistics()
    _add(statistics, _block([1e-5, 0.001, 0.0011, 100.0]))
    buckets = dict(statistics.latency_buckets())
    assert (buckets[LATENCY_BOUNDS_S[0]], buckets[0.001], buckets[0.002], statistics.latency_count) == (1, 2, 3, 4)
    assert statistics.latency_sum_s == 1e-5 + 0.001 + 0.0011 + 100.0


def test_quantiles_are_of_the_last_minute() -> None:
    """What is older than a minute does not count any more; nothing measured is None, not 0."""
    statistics = StreamStatistics()
    _add(statistics, _block([1.0] * 10))
    assert statistics.latency_quantiles(2 * SECOND_NS) == (1.0, 1.0)
    assert statistics.latency_quantiles(120 * SECOND_NS) == (None, None)


def test_memory_is_bounded_by_a_ring_of_latencies() -> None:
    """More latencies than the ring holds leave the newest."""
    statistics = StreamStatistics()
    _add(statistics, _block([1.0] * RECENT_LATENCIES, step_s=0.001))
    _add(statistics, _block([2.0] * (RECENT_LATENCIES + 5), start_s=5, step_s=0.001))
    assert statistics.latency_quantiles(10 * SECOND_NS) == (2.0, 2.0)


def test_the_rate_is_of_the_last_ten_seconds() -> None:
    """Ten a second while it runs, nothing ten seconds after it stopped."""
    statistics = StreamStatistics()
    for second in range(20):
        _add(statistics, _block([0.001] * 10, start_s=second))
    assert statistics.rate(20 * SECOND_NS) == 10.0
    assert statistics.rate(40 * SECOND_NS) == 0.0


def test_unmeasured_latency_and_failed_calls_do_no_harm() -> None:
    """NaN latencies are no latencies; an exception counts as an error."""
    statistics = StreamStatistics()
    block = _block([float("nan")] * 3)
    _add(statistics, Block(STREAM, block.signals, block.time_ns, block.latency_s, np.ones(3, np.uint8), block.values))
    assert (statistics.errors, statistics.latency_quantiles(SECOND_NS)) == (3, (None, None))


def test_classes_are_counted_and_confidence_follows() -> None:
    """Class counts are exact; confidence forgets over about a hundred inferences."""
    statistics = StreamStatistics()
    _add(statistics, _block([0.001] * 300, confidence=0.9))
    _add(statistics, _block([0.001] * 300, start_s=30, confidence=0.5))
    assert statistics.predictions() == (("0", 200), ("1", 200), ("2", 200))
    assert statistics.confidence is not None
    assert abs(statistics.confidence - 0.5) < 0.03


def test_the_trend_has_gaps_where_nothing_ran() -> None:
    """Two-second medians, None where the stream was silent."""
    statistics = StreamStatistics()
    _add(statistics, _block([0.001] * 10, start_s=2))
    _add(statistics, _block([0.003] * 10, start_s=8))
    _add(statistics, _block([0.005] * 10, start_s=10))
    assert statistics.latency_trend() == (0.001, None, None, 0.003)


def test_a_backlog_is_no_rate() -> None:
    """What ran in the twelve seconds before the agent saw it counts for when it ran, in both rates."""
    statistics = StreamStatistics()
    statistics.add(_block([0.001] * 900, step_s=12 / 900), 100 * SECOND_NS)
    assert 70 <= statistics.rate(100 * SECOND_NS) <= 83
    for second in range(1, 8):
        statistics.add(_block([0.001] * 75, start_s=12 + second, step_s=1 / 75), (100 + second) * SECOND_NS)
        assert 70 <= statistics.rate((100 + second) * SECOND_NS) <= 83
    assert 70 <= statistics.mean_rate() <= 80
