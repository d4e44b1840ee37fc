import struct
from collections.abc import Iterator

import cramjam
from hypothesis import given
from hypothesis import strategies as st

from exporters import naming
from exporters.remote_write import encode_samples
from exporters.samples import Histogram
from exporters.window_samples import Sample, samples_of
from tests.exporters.windows import ORIGIN, START_NS, make_block, make_window

Series = dict[tuple[tuple[str, str], ...], list[tuple[float, int]]]


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Read a protobuf message without its description: (field number, value)."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
        else:
            size = 8 if kind == 1 else varint()
            yield key >> 3, data[at : at + size]
            at += size


def read(body: bytes) -> Series:
    """Read a write request as a receiver does."""
    found: Series = {}
    for _, one in fields(bytes(cramjam.snappy.decompress_raw(body))):
        labels, points = [], []
        assert isinstance(one, bytes)
        for number, part in fields(one):
            assert isinstance(part, bytes)
            values = dict(fields(part))
            if number == 1:
                labels.append((bytes(values[1]).decode(), bytes(values[2]).decode()))
            else:
                time_ms = int(values[2])
                points.append((struct.unpack("<d", values[1])[0], time_ms - 2**64 if time_ms >= 2**63 else time_ms))  # type: ignore[arg-type]
        assert labels == sorted(labels)
        assert tuple(labels) not in found
        found[tuple(labels)] = points
    return found


def test_every_sample_is_read_back() -> None:
    """A gauge or counter is one series; a histogram one a bucket, with its count and sum."""
    samples = list(samples_of(ORIGIN, make_window([make_block(500)])))
    found = read(encode_samples(samples))
    for sample in samples:
        own = dict(zip(sample.metric.labels, sample.labels, strict=True))
        at = sample.time_ns // 1_000_000
        if isinstance(sample.value, Histogram):
            for bound, count in sample.value.buckets:
                text = "+Inf" if bound == float("inf") else repr(bound)
                labels = {"__name__": f"{sample.metric.name}_bucket", **own, "le": text}
                assert found.pop(tuple(sorted(labels.items()))) == [(count, at)]
            assert found.pop(tuple(sorted({"__name__": f"{sample.metric.name}_count", **own}.items()))) == [
                (sample.value.buckets[-1][1], at)
            ]
            if sample.value.total is not None:
                assert found.pop(tuple(sorted({"__name__": f"{sample.metric.name}_sum", **own}.items()))) == [
                    (sample.value.total, at)
                ]
        else:
            assert found.pop(tuple(sorted({"__name__": sample.metric.name, **own}.items()))) == [(sample.value, at)]
    assert found == {}


@given(st.lists(st.tuples(st.floats(allow_nan=False), st.integers(-(2**53), 2**53)), min_size=1, max_size=30))
def test_samples_of_one_series_stand_together_in_order_of_time(points: list[tuple[float, int]]) -> None:
    """Any value and any time is read back, the oldest first, under one set of labels."""
    samples = [Sample(naming.UPTIME, ("é" * 200, "b"), value, at * 1_000_000) for value, at in points]
    (found,) = read(encode_samples(samples)).values()
    assert found == sorted(points, key=lambda point: point[1])


def test_windows_of_one_stream_share_their_series() -> None:
    """Two windows sent together are two samples of each series, not two series."""
    windows = [make_window([make_block(50, start_ns=START_NS + at * 300 * 10**9)]) for at in range(2)]
    found = read(encode_samples(sample for window in windows for sample in samples_of(ORIGIN, window)))
    assert {len(points) for points in found.values()} == {2}
