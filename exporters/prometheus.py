"""The page that Prometheus scrapes: a status in text exposition or OpenMetrics, whichever was asked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from exporters import naming
from exporters.samples import Histogram, Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric as Family

    from agent.status import Status
    from exporters.samples import Samples


class PrometheusPage:
    """Renders statuses of one agent."""

    def __init__(self) -> None:
        self._sampler = Sampler()

    def render(self, status: Status | None, accept: str) -> tuple[bytes, str]:
        """Return the page (empty where there is no status) and its content type, for a request with this `Accept`."""
        encode, content_type = choose_encoder(accept)
        return encode(_Families({} if status is None else self._sampler.sample(status))), content_type


class _Families(Collector):
    """Samples in the form that prometheus_client encodes."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Family]:
        for name, series in self._samples.items():
            metric = naming.METRICS[name]
            if metric.kind == "histogram":
                histogram = HistogramMetricFamily(name, metric.help, labels=metric.labels, unit=metric.unit)
                for labels, value in series.items():
                    assert isinstance(value, Histogram)
                    buckets = [(_bound_text(bound), count) for bound, count in value.buckets]
                    histogram.add_metric(labels, buckets, value.total)
                yield histogram
                continue
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(name, metric.help, labels=metric.labels, unit=metric.unit)
            for labels, value in series.items():
                assert not isinstance(value, Histogram)
                family.add_metric(labels, value)
            yield family


def _bound_text(bound: float) -> str:
    """Write a bucket's bound: the same text for ever, since it is part of the series' identity.

    >>> _bound_text(5 * 10.0**-5), _bound_text(float("inf"))
    ('5e-05', '+Inf')
    """
    return "+Inf" if math.isinf(bound) else f"{bound:.6g}"
