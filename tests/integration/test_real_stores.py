"""What an exporter sends to a real server is what the server holds: values, times, histograms, in any order, resent."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from agent.outbound import Parcel, Window
from exporters.forwarding.config import PRIVATE, DestinationConfig
from exporters.forwarding.otlp import OtlpExporter
from exporters.forwarding.remote_write import RemoteWriteExporter
from exporters.samples import Histogram
from exporters.window_samples import Sample, samples_of
from tests.exporters.windows import ORIGIN, SECOND_NS, make_block, make_change, make_host_window, make_window
from tests.servers.collector import running_collector
from tests.servers.prometheus import Prometheus, receiving_prometheus
from tests.servers.series import differences, series_of
from tests.servers.victoria import TOLERANCE, Victoria, running_victoria
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from agent.outbound import HostWindow, Outcome
    from agent.outbound_ports import Exporter

WINDOW_NS = 300 * SECOND_NS
WINDOWS = 36  # three hours
SERVERS: dict[str, tuple[Callable[[Path], AbstractContextManager[Prometheus | Victoria]], float]] = {
    "prometheus": (receiving_prometheus, 0.0),
    "victoria-metrics": (running_victoria, TOLERANCE),
}


def start_ns() -> int:
    """Return a whole window two days ago: in every store's past, and within what it keeps."""
    return (time.time_ns() - 2 * 86_400 * SECOND_NS) // WINDOW_NS * WINDOW_NS


def make_history(start: int) -> list[Window | HostWindow]:
    """Return hours of windows with totals that add up, and one of the device's own."""
    blocks = [make_block(200, seed, start + seed * WINDOW_NS) for seed in range(WINDOWS)]
    windows = [make_window(blocks[: at + 1]) for at in range(WINDOWS)]
    host = msgspec.structs.replace(make_host_window(), time_ns=start)
    return [host, *windows]


def parcels_of(contents: Sequence[Window | HostWindow]) -> list[Parcel]:
    """Return what is sent."""
    return [Parcel(id=f"0f3a-{number}", content=content) for number, content in enumerate(contents)]


def samples_in(contents: Sequence[Window | HostWindow]) -> list[Sample]:
    """Return what may leave of some windows."""
    found = [sample for content in contents for sample in samples_of(ORIGIN, content)]
    return [sample for sample in found if sample.metric.name not in PRIVATE]


async def deliver(exporter: Exporter, *batches: Sequence[Parcel]) -> list[Outcome]:
    """Send batches one after the other."""
    try:
        return [await exporter.send(batch) for batch in batches]
    finally:
        await exporter.close()


@pytest.mark.parametrize("name", SERVERS)
def test_what_a_store_of_series_holds_is_what_the_windows_hold(name: str, tmp_path: Path) -> None:
    """The newest window first, then the others, some of them twice: each sample is there once, as it was."""
    start = start_ns()
    history = make_history(start)
    sent = parcels_of(history)
    server_of, tolerance = SERVERS[name]
    with server_of(tmp_path) as server:
        config = DestinationConfig(name="store", kind="remote-write", url=server.write_url)
        batches = sent[-2:], sent[: WINDOWS // 2], sent[WINDOWS // 3 : -2], sent[-2:]
        outcomes = asyncio.run(deliver(RemoteWriteExporter(config, ORIGIN), *batches))
        assert [(len(outcome.accepted), outcome.trouble) for outcome in outcomes] == [(len(one), "") for one in batches]
        expected = series_of(samples_in(history))
        assert len(expected) > 60
        actual = server.series(start - SECOND_NS, start + (WINDOWS + 1) * WINDOW_NS)
        assert differences(actual, expected, tolerance) == []


def test_what_a_collector_writes_is_what_the_windows_hold(tmp_path: Path) -> None:
    """Each point has the value, both times, and the histogram's bounds and counts; a finding is a log record."""
    history = make_history(start_ns())
    changes = [make_change(1), make_change(2, "closed")]
    sent = [*(Parcel(id=f"0f3a-f{change.number}", content=change) for change in changes), *parcels_of(history)]
    with running_collector(tmp_path) as server:
        config = DestinationConfig(name="collector", kind="otlp", url=server.url)
        batches = sent[-1:], sent[:20], sent[20:-1]
        outcomes = asyncio.run(deliver(OtlpExporter(config, ORIGIN), *batches))
        assert [(len(outcome.accepted), outcome.trouble) for outcome in outcomes] == [(len(one), "") for one in batches]
        expected = Counter(plain(sample) for sample in samples_in(history))
        wait_until(lambda: len(list(server.points())) >= expected.total() or None, "all points in the file")
        assert Counter(read_point(*point) for point in server.points()) == expected
        records = wait_until(server.records, "the findings in the file")
        assert [read_record(record) for record in records] == [
            (str(change.end_ns), change.finding.sentence, change.finding.id, change.finding.state, str(change.number))
            for change in changes
        ]


def plain(sample: Sample) -> tuple[object, ...]:
    """Return all that the protocol says of a sample."""
    own = tuple(sorted(zip(sample.metric.labels, sample.labels, strict=True)))
    if not isinstance(sample.value, Histogram):
        return sample.metric.name, sample.metric.kind, own, sample.start_ns, sample.time_ns, sample.value
    counts = [count for _, count in sample.value.buckets]
    each = tuple(now - before for before, now in zip([0, *counts], counts, strict=False))
    bounds = tuple(bound for bound, _ in sample.value.buckets[:-1])
    spread = (bounds, each, counts[-1], sample.value.total)
    return sample.metric.name, "histogram", own, sample.start_ns, sample.time_ns, spread


def read_point(metric: dict[str, Any], kind: str, point: dict[str, Any]) -> tuple[object, ...]:
    """Read a point as the Collector writes it: 64-bit integers are text in protobuf's JSON."""
    own = tuple(sorted((one["key"], one["value"]["stringValue"]) for one in point["attributes"]))
    if kind != "gauge":
        assert metric[kind]["aggregationTemporality"] == 2  # cumulative
    times = int(point.get("startTimeUnixNano", 0)), int(point["timeUnixNano"])
    if kind == "histogram":
        bounds, each = tuple(point["explicitBounds"]), tuple(map(int, point["bucketCounts"]))
        return metric["name"], kind, own, *times, (bounds, each, int(point["count"]), point.get("sum"))
    return metric["name"], "counter" if kind == "sum" else kind, own, *times, float(point["asDouble"])


def read_record(record: dict[str, Any]) -> tuple[str, ...]:
    """Return time, sentence, id, state and number of a finding's record."""
    own = {one["key"]: next(iter(one["value"].values())) for one in record["attributes"]}
    names = ("id", "state", "number")
    return record["timeUnixNano"], record["body"]["stringValue"], *(own[f"driftline.finding.{name}"] for name in names)


def test_what_is_too_old_for_prometheus_is_refused_for_good_and_nothing_else(tmp_path: Path) -> None:
    """A window from before all that it takes is set aside with its words; windows that were sent with it are there."""
    start = start_ns()
    fresh = parcels_of([make_window([make_block(200, 1, start)]), make_window([make_block(200, 2, start + WINDOW_NS)])])
    old_ns = start - 60 * 86_400 * SECOND_NS
    old = Parcel(id="0f3a-old", content=make_window([make_block(200, 3, old_ns)]))
    with receiving_prometheus(tmp_path) as server:
        config = DestinationConfig(name="store", kind="remote-write", url=server.write_url)
        _, second = asyncio.run(deliver(RemoteWriteExporter(config, ORIGIN), fresh[:1], [old, fresh[1]]))
        assert (second.accepted, second.retry) == ((1,), ())
        assert list(second.rejected) == [0]
        assert re.search(r"too old|out of bounds", second.rejected[0])
        contents = [one.content for one in fresh if isinstance(one.content, Window)]
        actual = server.series(start - SECOND_NS, start + 3 * WINDOW_NS)
        assert differences(actual, series_of(samples_in(contents))) == []
