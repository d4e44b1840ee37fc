import math

import msgspec
import numpy as np
import pytest

from agent.outbound import HostWindow, Standing
from agent.summary import GAMMA
from agent.verdicts import judged_readings
from exporters import naming
from exporters.samples import Histogram
from exporters.window_samples import LATENCY_BUCKETS, Sample, latency_buckets, samples_of, value_buckets
from tests.exporters.windows import EDGES, ORIGIN, START_NS, make_block, make_host_window, make_window
from tests.exporters.windows import STREAM as STREAM_OF

BLOCKS = [make_block(700, seed=1), make_block(900, seed=2, start_ns=START_NS + 300 * 10**9)]
STREAM = ("plant-7", "press-3", "meter-reader", "1.4+9f86d081884c")


def find(metric: naming.Metric, *labels: str) -> Sample:
    """Return the sample of a window with these labels."""
    (found,) = [
        sample
        for sample in samples_of(ORIGIN, make_window(BLOCKS))
        if sample.metric is metric and sample.labels == (*STREAM, *labels)
    ]
    return found


def test_counters_are_totals_with_the_times_of_the_window() -> None:
    """A counter says how many there were since its start, at the end of the window."""
    assert find(naming.INFERENCES) == Sample(naming.INFERENCES, STREAM, 1600.0, START_NS + 600 * 10**9, START_NS)
    assert find(naming.ERRORS).value == 14.0 + 18.0


def test_the_latency_histogram_equals_one_of_the_rows() -> None:
    """Each bucket holds exactly the rows that are not longer than its bound."""
    spread = find(naming.LATENCY).value
    assert isinstance(spread, Histogram)
    latency = np.concatenate([block.latency_s for block in BLOCKS])
    assert [count for _, count in spread.buckets] == [int((latency <= bound).sum()) for bound, _ in spread.buckets]
    assert len(spread.buckets) == 32
    assert spread.total == pytest.approx(latency.sum())


def test_quantiles_are_those_of_the_window_alone() -> None:
    """The quantiles are within 1 % of the exact ones of the window's own rows."""
    for share in (0.5, 0.9, 0.99, 1.0):
        exact = np.quantile(BLOCKS[1].latency_s, share, method="lower")
        assert find(naming.LATENCY_QUANTILE, f"{share:g}").value == pytest.approx(exact, rel=0.0101)


def test_a_signal_is_described_by_its_rows() -> None:
    """Mean, deviation, extremes and the share of missing values are those of the window; the histogram of all rows."""
    values = BLOCKS[1].values[:, 0]
    assert find(naming.SIGNAL_MEAN, "brightness").value == pytest.approx(np.nanmean(values))
    assert find(naming.SIGNAL_DEVIATION, "brightness").value == pytest.approx(np.nanstd(values), rel=1e-5)
    assert find(naming.SIGNAL_LEAST, "brightness").value == pytest.approx(np.nanmin(values))
    assert find(naming.SIGNAL_MOST, "brightness").value == pytest.approx(np.nanmax(values))
    assert find(naming.SIGNAL_MISSING, "brightness").value == pytest.approx(np.isnan(values).mean())
    assert find(naming.CONFIDENCE).value == pytest.approx(BLOCKS[1].values[:, 1].mean())
    spread = find(naming.SIGNAL_VALUES, "brightness").value
    assert isinstance(spread, Histogram)
    whole = np.concatenate([block.values[:, 0] for block in BLOCKS])
    assert [count for _, count in spread.buckets] == [
        int((whole <= np.float32(bound)).sum()) for bound, _ in spread.buckets
    ]
    assert len(spread.buckets) <= 10


def test_evidence_and_effects_are_sent_for_signals_and_for_watched_series() -> None:
    """A signal has evidence and effect sizes; a series that is no signal has its evidence."""
    assert find(naming.EVIDENCE, "brightness").value == 0.25
    assert find(naming.PSI, "brightness").value == 0.01
    assert find(naming.EVIDENCE, "throughput").value == 0.5


def test_no_two_samples_share_metric_and_labels() -> None:
    """A store refuses what says a thing twice."""
    keys = [(sample.metric.name, sample.labels) for sample in samples_of(ORIGIN, make_window(BLOCKS))]
    assert len(set(keys)) == len(keys)


def build(time_ns: int) -> Sample:
    """By which a fleet knows its devices."""
    return Sample(naming.BUILD, ("plant-7", "press-3", "0.1.0"), 1.0, time_ns)


def test_host_readings_are_sent_under_declared_names_alone() -> None:
    """A temperature is the mean of its window; what is not declared is left out."""
    expected = Sample(naming.HOST["hw.temperature"], ("plant-7", "press-3", "cpu"), 60.0, START_NS + 300 * 10**9)
    assert list(samples_of(ORIGIN, make_host_window())) == [build(START_NS + 300 * 10**9), expected]


def test_how_often_people_judged_is_sent_with_the_readings_of_the_device() -> None:
    """Each verdict is a counter, at what it was last in the window."""
    window = make_host_window()
    counted = [
        msgspec.structs.replace(
            window.readings[0], name=reading.name, unit=reading.unit, labels=reading.labels, last=reading.value
        )
        for reading in judged_readings({"real": 3}, START_NS)
    ]
    told = samples_of(ORIGIN, msgspec.structs.replace(window, readings=tuple(counted)))
    assert [(one.metric.name, one.labels[2:], one.value) for one in told][1:] == [
        ("driftline_findings_judged_total", ("real",), 3.0),
        ("driftline_findings_judged_total", ("false alarm",), 0.0),
    ]


def test_buckets_are_cut_where_the_summary_has_its_own() -> None:
    """A latency in the bucket that ends at a bound is counted there, the next one not."""
    first = LATENCY_BUCKETS[0]
    assert latency_buckets({first - 1: 1, first: 2, first + 1: 3})[:2] == (
        (GAMMA**first, 3),
        (GAMMA ** (first + 24), 6),
    )
    assert latency_buckets({10_000: 1})[-2:] == ((GAMMA ** LATENCY_BUCKETS[-1], 0), (math.inf, 1))


def test_value_buckets_keep_the_greatest_edge_that_may_be_told() -> None:
    """Of many edges some are chosen, the last of them always."""
    bins = tuple(range(2 * len(EDGES) + 1))
    assert value_buckets(EDGES, bins, range(len(EDGES)))[-2:] == ((EDGES[-1], sum(bins[:-1])), (math.inf, sum(bins)))
    assert value_buckets(EDGES, bins, range(1, len(EDGES) - 1))[-2:] == (
        (EDGES[-2], sum(bins[:-3])),
        (math.inf, sum(bins)),
    )
    assert value_buckets((), (5,), range(0)) == ((math.inf, 5),)


def test_the_ends_of_a_reference_are_not_told() -> None:
    """They are its least and greatest value: no bucket of a signal ends there."""
    spread = find(naming.SIGNAL_VALUES, "brightness").value
    assert isinstance(spread, Histogram)
    assert [bound for bound, _ in spread.buckets] == [*EDGES[1:-1], math.inf]


def test_nothing_is_told_of_few_values() -> None:
    """The mean of one value is the value, and a sum since ever tells it by its difference: neither is sent."""
    few = make_window([BLOCKS[0], make_block(4, seed=2, start_ns=START_NS + 300 * 10**9)])
    told = {one.metric for one in samples_of(ORIGIN, few) if one.metric.labels == naming.SIGNAL}
    assert told - {naming.SIGNAL_LEAST, naming.SIGNAL_MOST} == {
        naming.SIGNAL_MISSING, naming.SIGNAL_VALUES, naming.EVIDENCE,
    }  # fmt: skip
    assert {one.value.total for one in samples_of(ORIGIN, few) if isinstance(one.value, Histogram)} == {
        None,
        few.total.latency_sum_ns / 1e9,
    }


def test_findings_that_stand_are_told_and_so_is_that_none_is_left() -> None:
    """A group with findings has their number and their onset, one that has none any more has 0: a rule resolves."""
    groups = (
        Standing(STREAM_OF, "shift", "warning", "open", "sensor", 2, START_NS),
        Standing(STREAM_OF, "shift", "info", "open", "sensor", 0, 0),
    )
    window = HostWindow(time_ns=START_NS, seconds=300.0, readings=(), findings=groups)
    labels = (*STREAM, "shift", "warning", "open", "sensor")
    assert list(samples_of(ORIGIN, window)) == [
        build(window.end_ns),
        Sample(naming.STREAM_FINDINGS, labels, 2.0, window.end_ns),
        Sample(naming.STREAM_ONSET, labels, START_NS / 1e9, window.end_ns),
        Sample(naming.STREAM_FINDINGS, (*STREAM, "shift", "info", "open", "sensor"), 0.0, window.end_ns),
    ]
