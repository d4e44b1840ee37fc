import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporters.naming import METRICS
from exporters.prometheus import PrometheusPage
from tests.exporters.statuses import make_finding, make_status, make_stream

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
STREAM = {"site": "north", "device": "cam-07", "model": "meter-reader", "version": "1.4+9f86d081884c"}


def test_a_plain_page_can_be_read_back() -> None:
    """The text exposition says what the status says, types included."""
    body, content_type = PrometheusPage().render(make_status(), "")
    families = {family.name: family for family in parse_text(body.decode())}
    assert content_type.startswith("text/plain; version=0.0.4")
    inferences = families["driftline_inferences"]
    assert inferences.type == "counter"
    assert [(s.name, s.labels, s.value) for s in inferences.samples] == [("driftline_inferences_total", STREAM, 12_000)]


def test_openmetrics_is_spoken_to_those_who_ask() -> None:
    """A strict OpenMetrics parser accepts the page, and finds the units."""
    status = make_status(findings=(make_finding(),))
    body, content_type = PrometheusPage().render(status, OPENMETRICS)
    families = {family.name: family for family in parse_openmetrics(body.decode())}  # type: ignore[no-untyped-call]
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert families["driftline_inference_latency_seconds"].unit == "seconds"
    assert families["driftline_stream_findings_open"].samples[0].value == 1.0


def test_the_latency_histogram_is_cumulative_and_complete() -> None:
    """Buckets rise to the count, bounds are spelt the same for ever, the sum is in seconds."""
    body, _ = PrometheusPage().render(make_status(), "")
    (family,) = (f for f in parse_text(body.decode()) if f.name == "driftline_inference_latency_seconds")
    buckets = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    figures = {s.name.rpartition("_")[2]: s.value for s in family.samples if not s.name.endswith("_bucket")}
    assert (buckets["5e-05"], buckets["0.005"], buckets["0.01"], buckets["+Inf"]) == (0, 6_000, 12_000, 12_000)
    assert list(buckets.values()) == sorted(buckets.values())
    assert figures == {"count": 12_000.0, "sum": 60.0}


def test_the_page_holds_declared_metrics_with_their_labels_only() -> None:
    """Every sample's name and label names are those of its declaration."""
    status = make_status(findings=(make_finding(),))
    body, _ = PrometheusPage().render(status, "")
    labels_by_name = {name: set(metric.labels) for metric in METRICS.values() for name in metric.series_names}
    for family in parse_text(body.decode()):
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == labels_by_name[sample.name]


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_before_the_first_status_the_page_is_empty(accept: str) -> None:
    """A scrape that comes too early is no error, and invents nothing."""
    body, _ = PrometheusPage().render(None, accept)
    assert body in {b"", b"# EOF\n"}


def test_a_hostile_model_name_does_not_break_the_page() -> None:
    """Quotes, newlines and stray bytes in a name stay inside its label."""
    status = make_status(streams=(make_stream('evil"} 1\n\\\udcff'),))
    body, _ = PrometheusPage().render(status, "")
    (family,) = (f for f in parse_text(body.decode()) if f.name == "driftline_confidence_ratio")
    assert family.samples[0].labels["model"] == 'evil"} 1\n\\?'
