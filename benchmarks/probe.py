"""What watching adds to a call: Driftline's probe beside prometheus-client and OpenTelemetry, interleaved in one run.

Each subject wraps a stand-in session that answers at once. A sample is what a wrapped call takes longer than a bare
one. Hot: the median over bursts of calls, and the 99th percentile of calls timed singly. Past L2, past L3: between
calls, twice that cache's size of memory is touched, as a small and as a large model does; each call is timed singly.
All figures are medians over rounds; within a round every subject has its turn, so that all see the same machine.

Then: a service answers through the probe while no agent runs, on a directory that may be written to and on one that may
not; every call must give what the model gives. Exits 1 if one does not.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import warnings
from pathlib import Path
from time import monotonic_ns as now
from typing import TYPE_CHECKING, Any

import driftline
import numpy as np
import prometheus_client
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 9
BURSTS = 20
BURST = 200
SINGLE = 1_000
COLD = 60
FAILURE_CALLS = 500_000
MODEL = "bench"


class Tensor:
    """An input or output, as a session describes it."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name, self.shape = name, list(shape)


class InferenceSession:
    """Answers at once with the same arrays; the probe takes it for one of onnxruntime's."""

    def __init__(self, given: tuple[int, ...], answer: Any) -> None:
        self._given, self._answer = given, [answer]

    def get_inputs(self) -> list[Tensor]:
        """Describe the input."""
        return [Tensor("x", self._given)]

    def get_outputs(self) -> list[Tensor]:
        """Describe the output."""
        return [Tensor("y", self._answer[0].shape)]

    def get_providers(self) -> list[str]:
        """Name the provider."""
        return ["CPUExecutionProvider"]

    def run(self, output_names: Any, input_feed: Any, run_options: Any = None) -> list[Any]:
        """Answer."""
        del output_names, input_feed, run_options
        return self._answer


InferenceSession.__module__ = "onnxruntime.standin"


class Prometheus:
    """A session timed the way prometheus-client's documentation has it, label values bound beforehand."""

    def __init__(self, session: InferenceSession) -> None:
        registry = prometheus_client.CollectorRegistry()
        latency = prometheus_client.Histogram("latency_seconds", "Latency.", ["model"], registry=registry)
        inferences = prometheus_client.Counter("inferences", "Inferences.", ["model"], registry=registry)
        observe, count = latency.labels(MODEL).observe, inferences.labels(MODEL).inc
        inner = session.run

        def run(output_names: Any, input_feed: Any, run_options: Any = None) -> list[Any]:
            start = now()
            result = inner(output_names, input_feed, run_options)
            observe((now() - start) / 1e9)
            count()
            return result

        self.run = run


class OpenTelemetry:
    """A session timed with a histogram and a counter of the SDK, attributes made beforehand."""

    def __init__(self, session: InferenceSession) -> None:
        meter = MeterProvider([InMemoryMetricReader()]).get_meter("bench")
        record = meter.create_histogram("latency", unit="s").record
        add = meter.create_counter("inferences").add
        attributes = {"model": MODEL}
        inner = session.run

        def run(output_names: Any, input_feed: Any, run_options: Any = None) -> list[Any]:
            start = now()
            result = inner(output_names, input_feed, run_options)
            record((now() - start) / 1e9, attributes)
            add(1, attributes)
            return result

        self.run = run


Subject = tuple[Any, dict[str, Any]]  # what is called, and with what


def subjects() -> dict[str, tuple[Subject, Subject]]:
    """Return the watched and the bare form of each subject."""
    random = np.random.default_rng(0)
    small = {"x": random.random((1, 8), dtype=np.float32)}
    image = {"x": random.random((1, 1, 8, 8), dtype=np.float32)}
    large = {"x": random.integers(0, 255, (1, 480, 640, 3), dtype=np.uint8)}
    few = np.ones((1, 3), np.float32)
    ten = np.ones((1, 10), np.float32)

    def pair(wrap: Callable[[InferenceSession], Any], feed: dict[str, Any], answer: Any) -> tuple[Subject, Subject]:
        session = InferenceSession(feed["x"].shape, answer)
        return (wrap(session), feed), (session, feed)

    def watched(name: str) -> Callable[[InferenceSession], Any]:
        return lambda session: driftline.watch(session, model=name)

    return {
        "Driftline, record of 84 B (8 features, 3 outputs)": pair(watched("small"), small, few),
        "Driftline, record of 336 B (8 x 8 image, 10 outputs)": pair(watched("image"), image, ten),
        "Driftline, 640 x 480 x 3 image, sampled to 3 kB": pair(watched("large"), large, ten),
        "prometheus-client (histogram + counter)": pair(Prometheus, image, ten),
        "OpenTelemetry SDK (histogram + counter)": pair(OpenTelemetry, image, ten),
    }


def burst(subject: Subject, calls: int) -> float:
    """Return ns a call over a burst."""
    target, feed = subject
    start = now()
    for _ in range(calls):
        target.run(None, feed)
    return (now() - start) / calls


def singly(subject: Subject, calls: int, between: Callable[[], Any] | None = None) -> list[int]:
    """Return ns of each of some calls, timed one by one."""
    target, feed = subject
    taken = []
    for _ in range(calls):
        if between is not None:
            between()
        start = now()
        target.run(None, feed)
        taken.append(now() - start)
    return taken


def cache_bytes(level: int) -> int:
    """Return the size of the core's cache of a level; a usual one where the system does not say."""
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        size = (index / "size").read_text().strip()
        if int((index / "level").read_text()) == level:
            return int(size[:-1]) << {"K": 10, "M": 20}[size[-1]]
    return {2: 1 << 20, 3: 32 << 20}[level]


def evicter(level: int) -> Callable[[], Any]:
    """Return what touches twice the memory that the caches up to a level hold."""
    scratch = np.zeros(2 * cache_bytes(level) // 8)
    return lambda: np.add(scratch, 1.0, out=scratch)


Row = tuple[float, ...]  # p50 and p99 of what a call adds in ns: hot, past the second-level cache, past the last


def one_round(watched: Subject, bare: Subject, cold: list[Callable[[], Any]]) -> Row:
    """Measure one subject once."""
    hot = statistics.median(burst(watched, BURST) - burst(bare, BURST) for _ in range(BURSTS))
    base = statistics.median(singly(bare, SINGLE))
    row = [hot, float(np.percentile(singly(watched, SINGLE), 99)) - base]
    for evict in cold:
        base = statistics.median(singly(bare, COLD, evict))
        row += (np.percentile(singly(watched, COLD, evict), [50, 99]) - base).tolist()
    return tuple(row)


def measure() -> dict[str, Row]:
    """Return a row for each subject."""
    table = subjects()
    cold = [evicter(2), evicter(3)]
    for watched, bare in table.values():  # first laps: rings are reserved bit by bit
        burst(watched, 10_000)
        burst(bare, 1_000)
    rounds = [{name: one_round(*pair, cold) for name, pair in table.items()} for _ in range(ROUNDS)]
    return {name: tuple(np.median([found[name] for found in rounds], axis=0).tolist()) for name in table}


def show(found: dict[str, Row]) -> None:
    """Print the table; the ratios are of the medians hot, past L2 and past L3, to the last two rows."""
    prometheus, telemetry = list(found.values())[-2:]
    figures = [f"{state} {share}" for state in ("hot", "past L2", "past L3") for share in ("p50", "p99")]
    print(f"| {' | '.join(['ns added to a call', *figures, 'to prometheus-client', 'to OpenTelemetry'])} |")
    print(f"|---|{'--:|' * (len(figures) + 2)}")
    for name, row in found.items():
        ratios = [" / ".join(f"{row[at] / peer[at]:.2f}" for at in (0, 2, 4)) for peer in (prometheus, telemetry)]
        print(f"| {' | '.join([name, *(f'{value:,.0f}' for value in row), *ratios])} |")


def failures() -> int:
    """Return how many calls did not answer, with no agent on the machine: with a ring and without one."""
    wrong = 0
    answer = np.ones((1, 10), np.float32)
    feed = {"x": np.zeros((1, 1, 8, 8), np.float32)}
    for name, directory in (("recorded", None), ("nowhere to record to", "/proc/no/such/place")):
        bad = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            watched = driftline.watch(InferenceSession((1, 1, 8, 8), answer), model=name, run_dir=directory)
            for _ in range(FAILURE_CALLS):
                try:
                    bad += watched.run(None, feed)[0] is not answer
                except Exception as error:  # noqa: BLE001  # any would be the probe's
                    print(error, file=sys.stderr)
                    bad += 1
        print(f"agent absent, {name}: {bad} failures in {FAILURE_CALLS:,} calls")
        wrong += bad
    return wrong


def main() -> int:
    """Measure and print."""
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  # as /run, a tmpfs
    directory = tempfile.mkdtemp(prefix="driftline-bench-", dir=where)
    os.environ["DRIFTLINE_RUN"] = directory
    try:
        show(measure())
        print()
        return 1 if failures() else 0
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
