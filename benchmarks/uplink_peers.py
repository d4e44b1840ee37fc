"""The same signals by other ways: the OpenTelemetry SDK's periodic reader, and an event of JSON for each inference.

The SDK's exporter package is not needed: its reader is asked at the interval, and what it gives is encoded by the
exporter's own encoder, as the exporter does. Histograms have the bounds that Driftline's have on the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource

from agent.summary import GAMMA
from benchmarks.uplink_rows import RATE, SIGNALS, STREAM
from exporters.window_samples import LATENCY_BUCKETS, MOST_BINS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.model import Block

_LABELS = {"model": STREAM.model, "version": STREAM.version}


def sdk_exports(rows: Block, edges: dict[str, tuple[float, ...]], interval_s: int) -> Iterator[bytes]:
    """Yield the body of each export while the rows are recorded one by one, before compression."""
    reader = InMemoryMetricReader()
    bounds = {name: list(own[:: max(1, len(own) // (MOST_BINS - 1))][: MOST_BINS - 1]) for name, own in edges.items()}
    bounds["inference_latency_seconds"] = [GAMMA**bucket for bucket in LATENCY_BUCKETS]
    views = [
        View(instrument_name=name, aggregation=ExplicitBucketHistogramAggregation(own)) for name, own in bounds.items()
    ]
    resource = Resource({"service.name": "inference", "site": "plant-7", "device": "press-3"})
    provider = MeterProvider([reader], resource=resource, views=views)
    meter = provider.get_meter("inference")
    latency = meter.create_histogram("inference_latency_seconds", unit="s")
    count, errors = meter.create_counter("inferences"), meter.create_counter("inference_errors")
    signals = [meter.create_histogram(signal.name) for signal in SIGNALS]
    for row in range(len(rows)):
        latency.record(float(rows.latency_s[row]), _LABELS)
        count.add(1, _LABELS)
        if rows.status[row]:
            errors.add(1, _LABELS)
        for signal, value in zip(signals, rows.values[row].tolist(), strict=True):
            signal.record(value, _LABELS)
        if (row + 1) % (interval_s * RATE) == 0:
            data = reader.get_metrics_data()
            assert data is not None
            yield encode_metrics(data).SerializeToString()
    provider.shutdown()


def json_events(rows: Block, batch_s: int) -> Iterator[bytes]:
    """Yield the lines of so many seconds at a time, before compression."""
    names = [signal.name for signal in SIGNALS]
    for first in range(0, len(rows), batch_s * RATE):
        lines = [
            msgspec.json.encode(
                {
                    "time_ns": int(rows.time_ns[row]),
                    **_LABELS,
                    "device": "press-3",
                    "status": int(rows.status[row]),
                    "latency_s": round(float(rows.latency_s[row]), 6),
                    "signals": dict(zip(names, (float(f"{value:.7g}") for value in rows.values[row]), strict=True)),
                }
            )
            for row in range(first, min(first + batch_s * RATE, len(rows)))
        ]
        yield b"\n".join(lines)
