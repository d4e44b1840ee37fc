"""Samples in Prometheus remote write 1.0: `prometheus.WriteRequest` in protobuf, compressed as one Snappy block.

https://prometheus.io/docs/specs/prw/remote_write_spec/. The message has two levels of four fields, so it is written
here; libraries for it bring a protobuf runtime of an older version. Labels are sorted by name, samples by time.
"""

from __future__ import annotations

import struct
from itertools import groupby
from typing import TYPE_CHECKING

import cramjam

from exporters.samples import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporters.window_samples import Sample

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
_MS_NS = 1_000_000
_SEVEN_BITS = 0x7F
_ONE_BYTE = tuple(bytes((value,)) for value in range(_SEVEN_BITS + 1))

Labels = tuple[tuple[str, str], ...]


def encode_samples(samples: Iterable[Sample]) -> bytes:
    """Return the body of a write request, compressed."""
    series = sorted(_series(samples), key=lambda entry: entry[0])
    body = bytearray()
    for labels, points in groupby(series, key=lambda entry: entry[0]):
        one = bytearray()
        for name, value in labels:
            one += _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for _, value, time_ms in sorted(points, key=lambda entry: entry[2]):
            one += _field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(time_ms))
        body += _field(1, bytes(one))
    return bytes(cramjam.snappy.compress_raw(bytes(body)))


def _series(samples: Iterable[Sample]) -> Iterator[tuple[Labels, float, int]]:
    """Yield (labels, value, milliseconds); a histogram is as many series as it has buckets, and two more."""
    for sample in samples:
        name, at = sample.metric.name, sample.time_ns // _MS_NS
        own = dict(zip(sample.metric.labels, sample.labels, strict=True))
        if not isinstance(sample.value, Histogram):
            yield _labels(name, own), sample.value, at
            continue
        for bound, count in sample.value.buckets:
            yield _labels(f"{name}_bucket", own | {"le": bound_text(bound)}), float(count), at
        yield _labels(f"{name}_count", own), float(sample.value.buckets[-1][1]), at
        if sample.value.total is not None:
            yield _labels(f"{name}_sum", own), sample.value.total, at


def bound_text(bound: float) -> str:
    """Write a bucket's bound as Prometheus does for one that came as a number: the shortest text that reads back.

    >>> bound_text(float("inf")), bound_text(0.5)
    ('+Inf', '0.5')
    """
    return "+Inf" if bound == float("inf") else repr(bound)


def _labels(name: str, own: dict[str, str]) -> Labels:
    return tuple(sorted((("__name__", name), *own.items())))


def _field(number: int, content: bytes) -> bytes:
    """Write a length-delimited field."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    if 0 <= value <= _SEVEN_BITS:
        return _ONE_BYTE[value]
    value &= 2**64 - 1  # an int64 before 1970 is written as ten bytes
    out = bytearray()
    while value > _SEVEN_BITS:
        out.append(value & _SEVEN_BITS | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
