"""The slow detector: a lasting delay is found, stalls, jitter and neighbours are not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agent.model import Score, Signal
from detectors import fit_reference
from detectors.latency import LatencyDetector
from tests.detectors.streams import make_block

SIGNALS = (Signal("latency", "runtime", "continuous", "s"),)


def usual(seed: int, rows: int) -> np.ndarray:
    """Half a millisecond with jitter, and one in fifty inferences that waits for the scheduler."""
    rng = np.random.default_rng(seed)
    return 0.0005 * rng.lognormal(0, 0.3, rows) + np.where(rng.random(rows) < 0.02, rng.exponential(0.01, rows), 0)


def make() -> LatencyDetector:
    """Make a detector that knows the usual latency."""
    latency = usual(0, 1_000)
    return LatencyDetector(fit_reference(latency[:, None], SIGNALS), 1e6)


def run(detector: LatencyDetector, latency: np.ndarray, step_ns: int = 10_000_000, size: int = 20) -> list[Score]:
    """Feed a stream of latencies."""
    scores = []
    for at in range(0, len(latency), size):
        part = latency[at : at + size]
        block = make_block(part[:, None], SIGNALS, start=at, latency=part, step_ns=step_ns)
        scores += detector.score(block)
        detector.learn(block)
    return scores


def test_a_service_delayed_by_twenty_milliseconds_is_found_within_a_hundred_inferences() -> None:
    """At the rate that a delay of 20 ms leaves, the alarm comes within some hundred inferences, dated to its start."""
    latency = usual(1, 2_000)
    latency[1_000:] += 0.02
    first = run(make(), latency, step_ns=25_000_000)[0]
    assert (first.signal, first.detector) == (SIGNALS[0], "latency")
    assert 1_000 <= first.row <= 1_110
    assert abs(first.onset_row - 1_000) <= 8
    assert first.value >= first.threshold == math.log(1e6)


def test_jitter_is_quiet() -> None:
    """A hundred thousand inferences with jitter and scheduling waits raise nothing."""
    assert run(make(), usual(2, 100_000), size=1_000) == []


def test_a_busy_neighbour_is_quiet() -> None:
    """Half a second of threefold latency every five seconds raises nothing."""
    latency = usual(3, 20_000)
    latency[np.arange(20_000) % 500 < 50] *= 3
    assert run(make(), latency, size=500) == []


def test_a_stall_is_quiet() -> None:
    """Every inference of a second and a half being slow is a stall, no slow service."""
    latency = usual(4, 3_000)
    latency[1_000:1_150] += 0.05
    assert run(make(), latency) == []


def test_a_change_that_no_one_would_notice_is_quiet() -> None:
    """Half a millisecond more is below the least relevant effect."""
    assert run(make(), usual(5, 20_000) + 0.0005, size=500) == []


def test_streams_without_latency_are_quiet() -> None:
    """NaN latencies, in the stream or in the reference, raise nothing."""
    assert run(make(), np.full(1_000, np.nan)) == []
    unmeasured = LatencyDetector(fit_reference(np.full((500, 1), np.nan), SIGNALS), 1e6)
    assert run(unmeasured, usual(6, 1_000) + 1) == []


@pytest.mark.parametrize("size", [1, 7, 300])
def test_does_not_depend_on_how_the_stream_is_cut(size: int) -> None:
    """The first alarm is the same whatever the length of the blocks."""
    latency = usual(7, 1_200)
    latency[600:] += 0.02
    assert run(make(), latency, size=size)[0].row == run(make(), latency, size=20)[0].row


def test_a_file_without_times_is_judged_by_rows() -> None:
    """Where times are unknown (zero), blocks end by rows alone."""
    latency = usual(8, 600)
    latency[300:] += 0.02
    detector, rows = make(), []
    for at in range(0, 600, 20):
        part = latency[at : at + 20]
        block = make_block(part[:, None], SIGNALS, latency=part)
        block.time_ns[:] = 0
        rows += [score.row for score in detector.score(block)]
        detector.learn(block)
    assert 300 <= rows[0] <= 400
