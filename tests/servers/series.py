"""What a store of time series should hold, and what it holds, in one form."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from exporters.remote_write import bound_text
from exporters.samples import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporters.window_samples import Sample

Labels = tuple[tuple[str, str], ...]
Series = dict[Labels, dict[int, float]]  # the name among the labels -> milliseconds -> value

ALL = '{__name__!=""}'


def labels_of(labels: Mapping[str, str]) -> Labels:
    """Return labels in order."""
    return tuple(sorted(labels.items()))


def series_of(samples: Iterable[Sample]) -> Series:
    """Return the series that Prometheus makes of samples; two samples of one series and time are one."""
    found: Series = {}
    for sample in samples:
        name, time_ms = sample.metric.name, sample.time_ns // 1_000_000
        own = dict(zip(sample.metric.labels, sample.labels, strict=True))
        values = {labels_of({"__name__": name, **own}): sample.value}
        if isinstance(sample.value, Histogram):
            values = {
                labels_of({"__name__": f"{name}_bucket", **own, "le": bound_text(bound)}): float(count)
                for bound, count in sample.value.buckets
            }
            values[labels_of({"__name__": f"{name}_count", **own})] = float(sample.value.buckets[-1][1])
            if sample.value.total is not None:
                values[labels_of({"__name__": f"{name}_sum", **own})] = sample.value.total
        for labels, value in values.items():
            assert not isinstance(value, Histogram)
            found.setdefault(labels, {})[time_ms] = value
    return found


def differences(actual: Series, expected: Series, tolerance: float = 0.0) -> list[tuple[Labels, int, object, object]]:
    """Return where two differ: labels, milliseconds, actual, expected. Fractions may by a share, whole numbers not."""
    found: list[tuple[Labels, int, object, object]] = []
    for labels in sorted({*actual, *expected}):
        own, wanted = actual.get(labels, {}), expected.get(labels, {})
        for at in sorted({*own, *wanted}):
            is_, should = own.get(at), wanted.get(at)
            share = 0.0 if should is None or float(should).is_integer() else tolerance
            if is_ is None or should is None or not math.isclose(is_, should, rel_tol=share):
                found.append((labels, at, is_, should))
    return found
