"""From one `Status` to samples of declared metrics: what a device says of itself, bounded. No format, no transport.

Within one result no two samples share metric and labels: a store refuses a page that says a thing twice. A value that
is not known has no sample; it is never 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from agent.model import DEVICE, DeviceState, Severity, StreamState
from exporters import bounds, naming

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from agent.model import AccuracyEstimate, Stream
    from agent.status import Status, StreamStatus, TruthStatus
    from exporters.naming import Metric

Labels = tuple[str, ...]  # values, in the order of the metric's declaration


@dataclass(frozen=True, slots=True)
class Histogram:
    """Cumulative buckets (upper bound in base units, count at or below it; the last bound is infinite) and a sum.

    Without a sum where values can be negative (no counter then), or where it would show a single one.
    """

    buckets: tuple[tuple[float, int], ...]
    total: float | None = None


Value = float | Histogram
Samples = dict[str, dict[Labels, Value]]  # metric name -> labels -> value


class Sampler:
    """Turns statuses of one device into samples.

    It remembers which predicted classes have a series of their own, and nothing else.
    """

    def __init__(self) -> None:
        self._classes = bounds.ClassPlaces()

    def sample(self, status: Status) -> Samples:
        """Return all samples of a status, by metric name in the order of their declaration."""
        page = _Page(status.agent.site, status.agent.device)
        streams = bounds.first_streams(status.streams)
        page.cut("streams", len(status.streams) - len(streams))
        _sample_agent(page, status)
        _sample_destinations(page, status)
        _sample_findings(page, status)
        _sample_host(page, status)
        page.put(naming.LABELS_WAITING, status.labels.waiting)
        page.put(naming.LABELS_LOST, status.labels.not_found, "not_found")
        page.put(naming.LABELS_LOST, status.labels.lost, "lost")
        self._classes.forget_all_but(frozenset(stream.key for stream in streams))
        for stream in streams:
            _sample_stream(page, stream)
            counts, beyond = self._classes.counts(stream.key, stream.predictions)
            for name, count in counts.items():
                page.put(naming.PREDICTIONS, count, *_stream_labels(stream.stream), name)
            page.cut("classes", beyond)
        _sample_signals(page, streams)
        _sample_watched(page, status)
        return page.samples()


class _Page:
    """Samples in the making: adds site and device, keeps labels in bounds, joins what says the same thing."""

    def __init__(self, site: str, device: str) -> None:
        self._device = (bounds.label_text(site), bounds.label_text(device))
        self._values: Samples = {}
        self._cut = dict.fromkeys(("streams", "signals", "series", "classes", "findings", "host"), 0)

    def put(self, metric: Metric, value: Value | None, *labels: str) -> None:
        """Add a sample; None says that the value is not known."""
        if value is None:
            return
        series = self._values.setdefault(metric.name, {})
        key = (*self._device, *map(bounds.label_text, labels))
        before = series.get(key)
        if isinstance(value, Histogram) or isinstance(before, Histogram):
            series[key] = value
        elif before is None:
            series[key] = float(value)
        elif metric.combine == "sum":
            series[key] = before + value
        else:
            series[key] = max(before, float(value))

    def one_of(self, metric: Metric, states: Iterable[str], current: str, *labels: str) -> None:
        """Add a sample for each of `states`: 1 for `current`, 0 for the others, so that a change can be counted."""
        for state in states:
            self.put(metric, state == current, *labels, state)

    def series(self, metric: Metric) -> Mapping[Labels, Value]:
        """Return what is there of a metric."""
        return self._values.get(metric.name, {})

    def has(self, metric: Metric, labels: Iterable[str]) -> bool:
        """Whether there is a sample with these labels."""
        return (*self._device, *map(bounds.label_text, labels)) in self.series(metric)

    def cut(self, kind: str, count: int) -> None:
        """Count what was left out."""
        self._cut[kind] += count

    def samples(self) -> Samples:
        """Return everything, what was cut included."""
        for kind, count in self._cut.items():
            self.put(naming.SERIES_CUT, count, kind)
        return {name: self._values[name] for name in naming.METRICS if name in self._values}


def _sample_agent(page: _Page, status: Status) -> None:
    agent, buffer = status.agent, status.buffer
    page.put(naming.BUILD, 1, agent.version)
    page.one_of(naming.DEVICE_STATE, get_args(DeviceState), status.state)
    page.put(naming.SNAPSHOT, status.time.timestamp())
    page.put(naming.UPTIME, agent.uptime_s)
    page.put(naming.AGENT_RSS, agent.rss_bytes)
    page.put(naming.AGENT_CPU, agent.cpu_percent / 100)
    page.put(naming.AGENT_READY, agent.ready_s)
    page.put(naming.PARTS_FAILED, sum(not part.ok for part in agent.parts))
    page.put(naming.BUFFER_BYTES, buffer.bytes)
    page.put(naming.BUFFER_LIMIT, buffer.limit_bytes)
    page.put(naming.BUFFER_ROWS, buffer.rows)
    page.put(naming.BUFFER_SEGMENTS, buffer.segments)
    page.put(naming.BUFFER_DURABLE, buffer.mode == "disk")
    page.put(naming.BUFFER_DISCARDED, buffer.discarded_rows)
    page.put(naming.BUFFER_COMMIT, _unix(buffer.last_commit))
    page.put(naming.BUFFER_RESERVE, buffer.reserve_bytes)
    page.put(naming.BUFFER_QUARANTINE, buffer.quarantine_bytes)
    if buffer.wear is not None:
        page.put(naming.WRITTEN, buffer.wear.written_bytes)
        page.put(naming.WRITTEN_LIMIT, buffer.wear.limit_bytes)
        page.put(naming.THINNING, buffer.wear.thinning)


def _sample_destinations(page: _Page, status: Status) -> None:
    for one in status.destinations[: bounds.MAX_DESTINATIONS]:
        page.put(naming.SENT_BYTES, one.sent_bytes, one.name)
        page.put(naming.ACCEPTED, one.accepted, one.name)
        page.put(naming.REJECTED, one.rejected, one.name)
        page.put(naming.FAILING, one.trouble_s, one.name)
        page.put(naming.WAITING, one.waiting_summaries, one.name)
        page.put(naming.WAITING_FINDINGS, one.waiting_findings, one.name)
        since = one.waiting_since or status.time
        page.put(naming.WAITING_AGE, max((status.time - since).total_seconds(), 0.0), one.name)
        page.put(naming.DEAD_LETTERS, one.dead_letters, one.name)
        page.put(naming.UNSENT, one.dropped, one.name)


def _sample_findings(page: _Page, status: Status) -> None:
    severities = [finding.severity for finding in status.findings]
    for severity in get_args(Severity):
        page.put(naming.FINDINGS, severities.count(severity), severity)
    groups: dict[Labels, list[float]] = {}
    for finding in status.findings:
        stream = finding.stream
        cause = finding.causes[0].kind if finding.causes else naming.UNKNOWN
        group = (stream.model, naming.version_label(stream), finding.kind, finding.severity, finding.state, cause)
        groups.setdefault(group, []).append(finding.onset.timestamp())
    for labels, onsets in list(groups.items())[: bounds.MAX_FINDINGS]:  # worst first, as the status has them
        page.put(naming.STREAM_FINDINGS, len(onsets), *labels)
        page.put(naming.STREAM_ONSET, min(onsets), *labels)
    page.cut("findings", max(len(groups) - bounds.MAX_FINDINGS, 0))


def _sample_host(page: _Page, status: Status) -> None:
    for reading in (*status.host, *status.judged):
        metric = naming.READINGS.get(reading.name)
        if metric is None:
            page.cut("host", 1)
            continue
        given = dict(reading.labels)
        labels = [given.get(label, naming.UNKNOWN) for label in metric.labels[len(naming.DEVICE) :]]
        if len(page.series(metric)) < bounds.MAX_SENSORS or page.has(metric, labels):
            page.put(metric, reading.value, *labels)
        else:
            page.cut("host", 1)


def _sample_stream(page: _Page, stream: StreamStatus) -> None:
    labels = _stream_labels(stream.stream)
    page.one_of(naming.STREAM_STATE, get_args(StreamState), stream.state, *labels)
    page.put(naming.INFERENCES, stream.inferences, *labels)
    page.put(naming.ERRORS, stream.errors, *labels)
    page.put(naming.LOST, stream.lost, *labels)
    page.put(naming.DROPPED, stream.dropped, *labels)
    page.put(naming.CONFIDENCE, stream.confidence, *labels)
    if stream.accuracy is not None:
        _sample_accuracy(page, stream.accuracy, labels)
    if stream.truth is not None:
        _sample_truth(page, stream.truth, labels)
    page.put(naming.REFERENCE_ROWS, stream.reference_rows, *labels)
    page.put(naming.REFERENCE_TARGET, stream.reference_target, *labels)
    page.put(naming.LAST_INFERENCE, _unix(stream.last_inference), *labels)
    page.put(naming.ALARM_BUDGET, stream.alarm_every_inferences, *labels)
    if stream.latency_buckets:
        buckets = (*stream.latency_buckets, (math.inf, stream.latency_count))
        page.put(naming.LATENCY, Histogram(bounds.fewer_buckets(buckets), stream.latency_sum_s), *labels)


def _sample_accuracy(page: _Page, estimate: AccuracyEstimate, labels: Labels) -> None:
    page.put(naming.ACCURACY_VALID, estimate.valid, *labels)
    page.put(naming.ACCURACY_CALIBRATED, estimate.calibrated, *labels)
    if estimate.valid:
        page.put(naming.ACCURACY, estimate.estimate, *labels)
        page.put(naming.ACCURACY_LOW, estimate.low, *labels)
        page.put(naming.ACCURACY_HIGH, estimate.high, *labels)


def _sample_truth(page: _Page, truth: TruthStatus, labels: Labels) -> None:
    page.put(naming.TRUE_ACCURACY, truth.accuracy, *labels)
    page.put(naming.TRUE_ACCURACY_LOW, truth.accuracy_low, *labels)
    page.put(naming.TRUE_ACCURACY_HIGH, truth.accuracy_high, *labels)
    page.put(naming.ABSOLUTE_ERROR, truth.mean_absolute_error, *labels)
    page.put(naming.LABELS, truth.labels, *labels, "labelled")
    page.put(naming.LABELS, truth.replaced, *labels, "replaced")
    page.put(naming.LABELS, truth.refused, *labels, "refused")


def _sample_signals(page: _Page, streams: tuple[StreamStatus, ...]) -> None:
    chosen = bounds.first_signals(streams)
    for stream in streams:
        page.cut("signals", len(stream.signals) - len(chosen[stream.key]))
        for entry in chosen[stream.key]:
            labels = (*_stream_labels(stream.stream), entry.signal.name)
            page.put(naming.EVIDENCE, entry.evidence, *labels)
            if entry.effect is not None:
                page.put(naming.PSI, _known(entry.effect.psi), *labels)
                page.put(naming.KS, _known(entry.effect.ks), *labels)
                page.put(naming.WASSERSTEIN, _known(entry.effect.wasserstein), *labels)


def _sample_watched(page: _Page, status: Status) -> None:
    """Sample the series of the streams that are sent, and of the device."""
    for stream in bounds.first_streams(status.streams):
        for watched in stream.series:
            page.put(naming.EVIDENCE, watched.evidence, *_stream_labels(stream.stream), watched.signal.name)
    worst = sorted(status.series, key=lambda watched: -watched.evidence)
    page.cut("series", len(worst[bounds.MAX_WATCHED :]))
    for watched in worst[: bounds.MAX_WATCHED]:
        page.put(naming.EVIDENCE, watched.evidence, *_stream_labels(DEVICE), watched.signal.name)


def _stream_labels(stream: Stream) -> tuple[str, str]:
    return stream.model, naming.version_label(stream)


def _unix(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
