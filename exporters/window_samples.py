"""From a parcel to samples of declared metrics, each with the time it is of: what every kind of destination is sent.

A sample stands at the end of its window. Counters and histograms are totals since `start_ns`. Names and labels are
those of the page that Prometheus scrapes, so that one dashboard shows both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.outbound import HostWindow, Window
from agent.summary import GAMMA
from exporters import naming
from exporters.bounds import MAX_FINDINGS, MAX_SENSORS, MAX_SIGNALS, label_text
from exporters.private import LEAST_VALUES, inner_edges
from exporters.samples import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agent.outbound import Origin, Rollup
    from agent.summary import SignalSummary
    from exporters.naming import Metric

# Bounds of the latency histogram, 31 and the infinite one: 12.5 µs to 19.5 s, each 1.61 times the one before. They are
# ends of a summary's own buckets, so that nothing is counted to the wrong side.
LATENCY_BUCKETS = range(-570, 151, 24)
QUANTILES = (0.5, 0.9, 0.99)
MOST_BINS = 10  # of a signal's histogram, the infinite one included


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one series. `start_ns` is 0 for a gauge; both times are wall time."""

    metric: Metric
    labels: tuple[str, ...]  # values, in the order of the metric's declaration
    value: float | Histogram
    time_ns: int
    start_ns: int = 0


def samples_of(origin: Origin, content: Window | HostWindow) -> Iterator[Sample]:
    """Yield what is known of a window; no two samples share metric and labels.

    What is not a number is not known: it was taken out before the window left its device (`exporters.bundle.reduced`).
    """
    device = (label_text(origin.site), label_text(origin.device))
    found = _window(device, content) if isinstance(content, Window) else _host(device, origin, content)
    return (sample for sample in found if isinstance(sample.value, Histogram) or not math.isnan(sample.value))


def _window(device: tuple[str, str], window: Window) -> Iterator[Sample]:
    summary, total = window.summary, window.total
    stream = (*device, label_text(summary.stream.model), label_text(naming.version_label(summary.stream)))
    end_ns, start_ns = window.end_ns, total.time_ns
    yield Sample(naming.INFERENCES, stream, float(total.inferences), end_ns, start_ns)
    yield Sample(naming.ERRORS, stream, float(total.failed), end_ns, start_ns)
    if total.latency.count:
        spread = Histogram(latency_buckets(total.buckets), total.latency_sum_ns / 1e9)
        yield Sample(naming.LATENCY, stream, spread, end_ns, start_ns)
    for share in QUANTILES:
        latency = summary.latency_quantile(share)
        if latency is not None:
            yield Sample(naming.LATENCY_QUANTILE, (*stream, f"{share:g}"), latency, end_ns)
    if summary.latency.count:
        yield Sample(naming.LATENCY_QUANTILE, (*stream, "1"), summary.latency.most, end_ns)
    totals = {signal.name: signal for signal in total.signals}
    watched = {one.signal.name: one for one in window.watched}
    for signal in summary.signals[:MAX_SIGNALS]:
        labels = (*stream, label_text(signal.name))
        yield from _signal(labels, signal, summary.inferences, end_ns)
        edges, whole = window.edges.get(signal.name, ()), totals.get(signal.name)
        told = inner_edges(signal.signal, edges)
        if whole is not None and told and len(whole.bins) == 2 * len(edges) + 1:
            spread = Histogram(value_buckets(edges, whole.bins, told))
            yield Sample(naming.SIGNAL_VALUES, labels, spread, end_ns, start_ns)
        judged = watched.pop(signal.name, None)
        if judged is not None:
            yield Sample(naming.EVIDENCE, labels, judged.evidence, end_ns)
        if judged is not None and signal.moments.count >= LEAST_VALUES:
            effects = ((naming.PSI, judged.psi), (naming.KS, judged.ks), (naming.WASSERSTEIN, judged.wasserstein))
            yield from (Sample(metric, labels, value, end_ns) for metric, value in effects if value is not None)
    for name, judged in watched.items():  # a series that is no signal of the blocks, such as the throughput
        yield Sample(naming.EVIDENCE, (*stream, label_text(name)), judged.evidence, end_ns)


def _signal(labels: tuple[str, ...], signal: SignalSummary, inferences: int, end_ns: int) -> Iterator[Sample]:
    moments = signal.moments
    yield Sample(naming.SIGNAL_MISSING, labels, 1.0 - moments.count / inferences if inferences else 0.0, end_ns)
    if moments.count >= LEAST_VALUES:
        yield Sample(naming.SIGNAL_MEAN, labels, moments.mean, end_ns)
        yield Sample(naming.SIGNAL_DEVIATION, labels, math.sqrt(moments.variance), end_ns)
        if signal.name == "confidence":
            yield Sample(naming.CONFIDENCE, labels[:-1], moments.mean, end_ns)
    if moments.count:
        yield Sample(naming.SIGNAL_LEAST, labels, moments.least, end_ns)
        yield Sample(naming.SIGNAL_MOST, labels, moments.most, end_ns)


def _host(device: tuple[str, str], origin: Origin, window: HostWindow) -> Iterator[Sample]:
    """Of sensors that share their labels the first stands for all; of one measure at most MAX_SENSORS are sent."""
    yield Sample(naming.BUILD, (*device, label_text(origin.version)), 1.0, window.end_ns)
    yield from _standing(device, window)
    sent: dict[str, set[tuple[str, ...]]] = {}
    for reading in window.readings:
        metric = naming.READINGS.get(reading.name)
        if metric is None:
            continue
        given = dict(reading.labels)
        own = (label_text(given.get(label, naming.UNKNOWN)) for label in metric.labels[len(naming.DEVICE) :])
        labels = (*device, *own)
        before = sent.setdefault(metric.name, set())
        if labels not in before and len(before) < MAX_SENSORS:
            before.add(labels)
            yield Sample(metric, labels, _level(metric, reading), window.end_ns)


def _standing(device: tuple[str, str], window: HostWindow) -> Iterator[Sample]:
    """Tell which findings stand, the groups that have any first, and those that have none any more with a 0."""
    for one in sorted(window.findings, key=lambda one: one.count == 0)[:MAX_FINDINGS]:
        version = naming.version_label(one.stream)
        labels = (*device, *map(label_text, (one.stream.model, version, one.kind, one.severity, one.state, one.cause)))
        yield Sample(naming.STREAM_FINDINGS, labels, float(one.count), window.end_ns)
        if one.count:
            yield Sample(naming.STREAM_ONSET, labels, one.onset_ns / 1e9, window.end_ns)


def _level(metric: Metric, reading: Rollup) -> float:
    """Say how high a measure was in a window: a counter's last value, the worst of a flag or a state, else the mean."""
    if metric.kind == "counter":
        return reading.last
    is_state = "state" in metric.labels and not metric.unit
    return reading.moments.most if is_state or not metric.unit else reading.moments.mean


def latency_buckets(buckets: Mapping[int, int]) -> tuple[tuple[float, int], ...]:
    """Return cumulative counts at LATENCY_BUCKETS, of a summary's buckets; the last is infinite.

    >>> latency_buckets({-571: 1, -570: 2, -569: 3, 200: 1})[:2], latency_buckets({200: 1})[-1]
    (((1.2528...e-05, 3), (2.0151...e-05, 6)), (inf, 1))
    """
    out, seen, ordered, at = [], 0, sorted(buckets), 0
    for bound in LATENCY_BUCKETS:
        while at < len(ordered) and ordered[at] <= bound:
            seen += buckets[ordered[at]]
            at += 1
        out.append((GAMMA**bound, seen))
    return (*out, (math.inf, sum(buckets.values())))


def value_buckets(edges: Sequence[float], bins: Sequence[int], told: range) -> tuple[tuple[float, int], ...]:
    """Return cumulative counts at some of a signal's edges, evenly chosen of the places that may be told.

    `bins` are 2 n + 1 as `bin_edges` says.

    >>> value_buckets((1.0, 2.0, 4.0), (1, 10, 2, 20, 3, 30, 4), range(1, 3))
    ((2.0, 33), (4.0, 66), (inf, 70))
    """
    step = max(1, math.ceil(len(told) / (MOST_BINS - 1)))
    chosen = told[::-step][::-1]
    return (*((edges[at], sum(bins[: 2 * at + 2])) for at in chosen), (math.inf, sum(bins)))
