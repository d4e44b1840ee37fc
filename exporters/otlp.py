"""Parcels in the OpenTelemetry protocol: metrics of windows, and a log record for each state of a finding.

Metrics have the names of the scrape page on every way into every store, because the ways spell dotted names and the
unit 1 differently. `site` and `device` are attributes of the resource, and of each point as well: stores put resource
attributes beside the series, where `by (site)` does not find them. Temporality is cumulative; delta is dropped by
Prometheus. Nothing is encoded that the allow-list does not name.

Loads opentelemetry-sdk and protobuf: imported by what uses it, when it does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from exporters.samples import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.util.types import AnyValue

    from agent.model import Finding, Severity
    from agent.outbound import FindingChange, Origin
    from exporters import naming
    from exporters.window_samples import Sample

SCOPE = "driftline"
# Case-sensitive UCUM, https://ucum.org; what has no unit there has none here.
UNITS = {"bytes": "By", "celsius": "Cel", "hertz": "Hz", "seconds": "s", "volts": "V", "watts": "W"}
_SEVERITIES: dict[Severity, SeverityNumber] = {
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "critical": SeverityNumber.ERROR,
}


def encode_samples(origin: Origin, samples: Iterable[Sample]) -> bytes:
    """Return the body of an ExportMetricsServiceRequest (protobuf)."""
    points: dict[str, tuple[naming.Metric, list[NumberDataPoint | HistogramDataPoint]]] = {}
    for sample in samples:
        points.setdefault(sample.metric.name, (sample.metric, []))[1].append(_point(sample))
    metrics = [_metric(metric, found) for metric, found in points.values()]
    scope = ScopeMetrics(scope=_scope(origin), metrics=metrics, schema_url="")
    data = MetricsData([ResourceMetrics(resource=_resource(origin), scope_metrics=[scope], schema_url="")])
    return bytes(encode_metrics(data).SerializeToString())


def encode_findings(origin: Origin, changes: Iterable[FindingChange]) -> bytes:
    """Return the body of an ExportLogsServiceRequest (protobuf)."""
    resource, scope = _resource(origin), _scope(origin)
    records = [ReadableLogRecord(_record(change), resource, scope) for change in changes]
    return bytes(encode_logs(records).SerializeToString())


def _resource(origin: Origin) -> Resource:
    return Resource(
        {
            "service.name": "driftline-agent",
            "service.version": origin.version,
            "service.instance.id": origin.instance,
            "site": origin.site,
            "device": origin.device,
        }
    )


def _scope(origin: Origin) -> InstrumentationScope:
    return InstrumentationScope(SCOPE, origin.version)


def _point(sample: Sample) -> NumberDataPoint | HistogramDataPoint:
    attributes = dict(zip(sample.metric.labels, sample.labels, strict=True))
    if not isinstance(sample.value, Histogram):
        return NumberDataPoint(attributes, sample.start_ns, sample.time_ns, sample.value)
    counts = [count for _, count in sample.value.buckets]
    return HistogramDataPoint(
        attributes=attributes,
        start_time_unix_nano=sample.start_ns,
        time_unix_nano=sample.time_ns,
        count=counts[-1],
        sum=sample.value.total,  # type: ignore[arg-type]  # optional in the protocol
        bucket_counts=[now - before for before, now in zip([0, *counts], counts, strict=False)],
        explicit_bounds=[bound for bound, _ in sample.value.buckets[:-1]],
        min=None,  # type: ignore[arg-type]  # optional in the protocol: those of a total say nothing
        max=None,  # type: ignore[arg-type]
    )


def _metric(metric: naming.Metric, points: list[NumberDataPoint | HistogramDataPoint]) -> Metric:
    cumulative = AggregationTemporality.CUMULATIVE
    data: Gauge | Sum | HistogramData
    if metric.kind == "histogram":
        data = HistogramData([point for point in points if isinstance(point, HistogramDataPoint)], cumulative)
    else:
        numbers = [point for point in points if isinstance(point, NumberDataPoint)]
        data = Gauge(numbers) if metric.kind == "gauge" else Sum(numbers, cumulative, is_monotonic=True)
    return Metric(metric.name, metric.help, UNITS.get(metric.unit, ""), data)


def _record(change: FindingChange) -> LogRecord:
    finding = change.finding
    attributes: dict[str, AnyValue] = {
        "driftline.finding.id": finding.id,
        "driftline.finding.number": change.number,
        "driftline.finding.kind": finding.kind,
        "driftline.finding.severity": finding.severity,
        "driftline.finding.state": finding.state,
        "driftline.finding.advice": finding.advice,
        **({} if finding.verdict is None else {"driftline.finding.verdict": finding.verdict}),
        "driftline.model": finding.stream.model,
        "driftline.model.version": finding.stream.version,
        **_cause(finding),
        **_times(change),
    }
    time_ns = change.end_ns if change.ago_s is None else 0  # unknown: a receiver goes by when it came
    return LogRecord(
        timestamp=time_ns,
        observed_timestamp=time_ns,
        severity_text=finding.severity,
        severity_number=_SEVERITIES[finding.severity],
        body=finding.sentence,
        attributes=attributes,
        event_name=f"driftline.finding.{finding.state}",
    )


def _times(change: FindingChange) -> dict[str, AnyValue]:
    """Say when, or where the device does not know the time, how long ago."""
    finding, prefix = change.finding, "driftline.finding"
    if change.ago_s is None:
        closed = {} if finding.closed is None else {f"{prefix}.closed": finding.closed.isoformat()}
        return {f"{prefix}.onset": finding.onset.isoformat(), f"{prefix}.opened": finding.opened.isoformat(), **closed}
    known = math.isfinite(change.ago_s)
    return {"driftline.clock.believed": False, **({f"{prefix}.seconds_ago": change.ago_s} if known else {})}


def _cause(finding: Finding) -> dict[str, str]:
    if not finding.causes:
        return {}
    return {"driftline.finding.cause": finding.causes[0].kind, "driftline.finding.cause.name": finding.causes[0].name}
