"""Summaries: what is merged equals what is computed at once."""

from __future__ import annotations

import math
from functools import reduce

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model import Block, Signal, Stream
from agent.summary import MOST_NS, Moments, Summary, bin_edges, moments, summarise

SIGNALS = (Signal("heat", "input"), Signal("class", "output", "categorical"))
EDGES = {
    "heat": np.array(bin_edges([(0.0, -1.0), (0.5, 0.0), (1.0, 2.0)], []), np.float32),
    "class": np.array(bin_edges([], [(0.0, 0.5), (1.0, 0.5)]), np.float32),
}
MINUTE_NS = 60_000_000_000


def _block(seed: int, rows: int) -> Block:
    random = np.random.default_rng(seed)
    heat = random.normal(1e4, 3, rows) * random.choice([1e-4, 1, np.nan, np.inf], rows, p=[0.8, 0.1, 0.05, 0.05])
    return Block(
        stream=Stream(model="pump", pid=seed),
        signals=SIGNALS,
        time_ns=np.sort(random.integers(0, 3 * MINUTE_NS, rows)),
        latency_s=np.where(random.random(rows) < 0.1, np.nan, random.gamma(2, 0.01, rows)),
        status=(random.random(rows) < 0.1).astype(np.uint8),
        values=np.column_stack((heat, random.integers(0, 3, rows))).astype(np.float32),
    )


def _assert_alike(merged: Summary, whole: Summary) -> None:
    assert (merged.statuses, merged.buckets, merged.reference) == (whole.statuses, whole.buckets, whole.reference)
    assert [(s.signal, s.bins) for s in merged.signals] == [(s.signal, s.bins) for s in whole.signals]
    pairs = [(merged.latency, whole.latency)]
    pairs += [(a.moments, b.moments) for a, b in zip(merged.signals, whole.signals, strict=True)]
    for one, other in pairs:
        assert (one.count, one.least, one.most) == (other.count, other.least, other.most)
        assert one.mean == pytest.approx(other.mean, rel=1e-9)
        assert one.variance == pytest.approx(other.variance, rel=1e-6, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(0, 10_000), st.randoms())
def test_merged_minutes_are_what_one_summary_of_all_rows_is(sizes: list[int], seed: int, order: object) -> None:
    """Counts, histograms, extremes to the bit, means and variances up to rounding, in any order."""
    blocks = [_block(seed + at, rows) for at, rows in enumerate(sizes)]
    parts = [summarise([block], at * MINUTE_NS, 60, EDGES, "r1") for at, block in enumerate(blocks)]
    order.shuffle(parts)  # type: ignore[attr-defined]  # a Random
    merged = reduce(Summary.merge, parts)
    whole = summarise(blocks, 0, 60.0 * len(blocks), EDGES, "r1")
    _assert_alike(merged, whole)
    assert (merged.stream, merged.time_ns, merged.seconds) == (whole.stream, 0, 60.0 * len(blocks))
    assert merged.inferences == sum(sizes)


@given(st.lists(st.integers(0, 60), min_size=2, max_size=12), st.randoms())
def test_latencies_add_up_to_the_same_in_any_order_and_by_any_groups(sizes: list[int], order: object) -> None:
    """A counter that is sent again, of hours this time and not of minutes, has not changed in its last bit."""
    parts = [summarise([_block(at, rows)], at * MINUTE_NS, 60, EDGES) for at, rows in enumerate(sizes)]
    one_by_one = reduce(Summary.merge, parts)
    order.shuffle(parts)  # type: ignore[attr-defined]  # a Random
    half = len(parts) // 2
    grouped = reduce(Summary.merge, parts[:half]).merge(reduce(Summary.merge, parts[half:]))
    assert grouped.latency_sum_ns == one_by_one.latency_sum_ns
    assert one_by_one.latency_sum_ns / 1e9 == pytest.approx(one_by_one.latency.mean * one_by_one.latency.count)


def test_a_sum_of_latencies_that_no_clock_could_have_seen_can_be_stored() -> None:
    """Whatever a service reports: the sum stands at the most there is room for."""
    whole = summarise([_block(1, 50)], 0, 60, EDGES)
    for mean in (1e300, math.inf, math.nan):
        silly = msgspec.structs.replace(whole, latency=msgspec.structs.replace(whole.latency, mean=mean))
        assert silly.merge(silly).merge(whole).latency_sum_ns == MOST_NS
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(silly.merge(whole)), type=Summary).merged_ns == MOST_NS


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(1, 40), min_size=2, max_size=4), min_size=2, max_size=4), st.integers(0, 10_000))
def test_merged_devices_are_what_one_summary_of_a_site_is(devices: list[list[int]], seed: int) -> None:
    """Devices over the same minutes: hours first and sites then, or sites first, are the site computed at once."""
    minutes = max(map(len, devices))
    rows = [
        [_block(seed + 100 * device + at, count) for at, count in enumerate(counts)]
        for device, counts in enumerate(devices)
    ]
    parts = [
        [summarise([block], at * MINUTE_NS, 60, EDGES, "r1") for at, block in enumerate(blocks)] for blocks in rows
    ]
    whole = summarise([block for blocks in rows for block in blocks], 0, 60.0 * minutes, EDGES, "r1")
    by_device = reduce(Summary.merge, [reduce(Summary.merge, hours) for hours in parts])
    by_minute = reduce(
        Summary.merge,
        [reduce(Summary.merge, [hours[at] for hours in parts if at < len(hours)]) for at in range(minutes)],
    )
    for merged in (by_device, by_minute):
        _assert_alike(merged, whole)
        assert (merged.time_ns, merged.seconds) == (0, 60.0 * minutes)


def test_quantiles_are_within_one_per_cent() -> None:
    """Of latencies over four decades."""
    latency = np.random.default_rng(0).lognormal(-5, 1.5, 20_000)
    nothing = np.zeros(20_000, np.int64)
    block = Block(Stream(model="m"), (), nothing, latency, nothing.astype(np.uint8), np.empty((20_000, 0), np.float32))
    summary = summarise([block], 0, 60, {})
    for share in (0.0, 0.01, 0.5, 0.9, 0.99, 1.0):
        expected = float(np.quantile(latency, share, method="lower"))
        assert summary.latency_quantile(share) == pytest.approx(expected, rel=0.0101)


def test_bins_of_different_references_are_not_added() -> None:
    """The moments stay: they are of no reference."""
    one, other = (summarise([_block(1, 50)], 0, 60, EDGES, name) for name in ("r1", "r2"))
    merged = one.merge(other)
    assert (merged.reference, [signal.bins for signal in merged.signals]) == ("", [(), ()])
    assert merged.signals[1].moments.count == 100


def test_a_signal_that_only_one_of_them_has_is_kept() -> None:
    """A device with a further sensor does not lose it."""
    block = _block(1, 50)
    less = Block(block.stream, SIGNALS[:1], block.time_ns, block.latency_s, block.status, block.values[:, :1])
    merged = summarise([less], 0, 60, EDGES, "r").merge(summarise([block], 0, 60, EDGES, "r"))
    assert [(s.name, s.moments.count > 0, sum(s.bins)) for s in merged.signals][1] == ("class", True, 50)


def test_nothing_measured_has_no_quantile() -> None:
    """Latencies that were not measured are counted nowhere."""
    block = _block(1, 5)
    silent = Block(block.stream, SIGNALS, block.time_ns, np.full(5, math.nan), block.status, block.values)
    summary = summarise([silent], 0, 60, {})
    assert (summary.latency, summary.latency_quantile(0.5), summary.inferences) == (Moments(), None, 5)


@pytest.mark.parametrize("rows", [0, 1, 4_999])
def test_signals_are_summarised_at_once_as_each_would_be_alone(rows: int) -> None:
    """To the bit, whichever of them has values that are missing, or nothing else."""
    values = np.random.default_rng(5).normal(1e4, 3, (rows, 4)).astype(np.float32)
    values[:, 1] = np.inf
    values[: rows // 2, 2] = np.nan
    nothing = np.zeros(rows, np.int64)
    signals = tuple(Signal(name, "input") for name in "abcd")
    block = Block(Stream(model="m"), signals, nothing, nothing / 1.0, nothing.astype(np.uint8), values)
    expected = [moments(column) for column in values.T]
    assert expected == [signal.moments for signal in summarise([block], 0, 60, {}).signals]
