import math

from msgspec import structs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE, Metric

from exporters import naming
from exporters.otlp import encode_findings, encode_samples
from exporters.samples import Histogram
from exporters.window_samples import samples_of
from tests.exporters.windows import ORIGIN, make_block, make_change, make_window

SAMPLES = list(samples_of(ORIGIN, make_window([make_block(500)])))


def decoded() -> tuple[dict[str, str], dict[str, Metric]]:
    """Return resource attributes and metrics by name, as a receiver reads them."""
    request = ExportMetricsServiceRequest.FromString(encode_samples(ORIGIN, SAMPLES))
    (resource,) = request.resource_metrics
    (scope,) = resource.scope_metrics
    attributes = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
    return attributes, {metric.name: metric for metric in scope.metrics}


def test_every_sample_arrives_as_what_it_is() -> None:
    """Each sample is one point of the metric of its name: a sum that is cumulative, a gauge or a histogram."""
    _, metrics = decoded()
    for sample in SAMPLES:
        metric = metrics[sample.metric.name]
        assert metric.WhichOneof("data") == {"counter": "sum"}.get(sample.metric.kind, sample.metric.kind)
        points = getattr(metric, metric.WhichOneof("data") or "").data_points
        attributes = dict(zip(sample.metric.labels, sample.labels, strict=True))
        (point,) = [
            one for one in points if {pair.key: pair.value.string_value for pair in one.attributes} == attributes
        ]
        assert (point.time_unix_nano, point.start_time_unix_nano) == (sample.time_ns, sample.start_ns)
        if isinstance(sample.value, Histogram):
            sums = [sum(point.bucket_counts[: at + 1]) for at in range(len(point.bucket_counts))]
            assert sums == [count for _, count in sample.value.buckets]
            assert list(point.explicit_bounds) == [bound for bound, _ in sample.value.buckets[:-1]]
            total = point.sum if point.HasField("sum") else None
            assert (point.count, total) == (sample.value.buckets[-1][1], sample.value.total)
        else:
            assert point.as_double == sample.value
    assert metrics[naming.INFERENCES.name].sum.is_monotonic
    assert metrics[naming.LATENCY.name].histogram.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE


def test_the_resource_names_site_device_and_agent() -> None:
    """Resource attributes follow the semantic conventions for the service, and name the place."""
    attributes, _ = decoded()
    assert {key: attributes[key] for key in ("service.name", "service.instance.id", "site", "device")} == {
        "service.name": "driftline-agent",
        "service.instance.id": "0f3a",
        "site": "plant-7",
        "device": "press-3",
    }


def test_a_finding_is_a_log_record_that_can_be_acted_on() -> None:
    """Each state of a finding is a record with its sentence, severity and advice, at the time of the change."""
    request = ExportLogsServiceRequest.FromString(encode_findings(ORIGIN, [make_change(1), make_change(2, "closed")]))
    first, second = request.resource_logs[0].scope_logs[0].log_records
    attributes = {pair.key: pair.value.string_value for pair in first.attributes}
    assert first.body.string_value == "The images are darker."
    assert first.severity_text == "warning"
    assert attributes["driftline.finding.advice"] == "Clean the lens."
    assert attributes["driftline.finding.cause"] == "sensor"
    assert (first.event_name, second.event_name) == ("driftline.finding.open", "driftline.finding.closed")
    assert first.time_unix_nano == make_change(1).end_ns


def test_what_a_person_judged_a_finding_to_be_goes_along() -> None:
    """The fleet can count false alarms; a finding that nobody judged has no such attribute."""
    change = make_change(2, "closed")
    judged = structs.replace(change, finding=structs.replace(change.finding, verdict="false alarm"))
    request = ExportLogsServiceRequest.FromString(encode_findings(ORIGIN, [change, judged]))
    verdicts = [
        {pair.key: pair.value.string_value for pair in record.attributes}.get("driftline.finding.verdict")
        for record in request.resource_logs[0].scope_logs[0].log_records
    ]
    assert verdicts == [None, "false alarm"]


def test_a_finding_of_a_clock_that_is_not_believed_has_no_time() -> None:
    """A receiver goes by when it came; the record says how long before that was, where that is known."""
    told = [structs.replace(make_change(1, "closed"), ago_s=ago_s) for ago_s in (75.0, math.inf)]
    request = ExportLogsServiceRequest.FromString(encode_findings(ORIGIN, told))
    known, unknown = request.resource_logs[0].scope_logs[0].log_records
    assert (
        {one.time_unix_nano for one in (known, unknown)}
        == {one.observed_time_unix_nano for one in (known, unknown)}
        == {0}
    )
    attributes = {pair.key: pair.value for pair in known.attributes}
    assert attributes["driftline.finding.seconds_ago"].double_value == 75.0
    assert attributes["driftline.clock.believed"].bool_value is False
    without = {pair.key for pair in unknown.attributes}
    assert attributes.keys() - without == {"driftline.finding.seconds_ago"}
    assert not without & {f"driftline.finding.{name}" for name in ("onset", "opened", "closed")}
