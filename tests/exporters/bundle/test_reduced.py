from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.outbound import FindingChange, HostWindow, Parcel, Window
from exporters import naming
from exporters.bundle.reduced import reduced
from exporters.forwarding.config import FINDINGS_FIELD
from exporters.private import without_values
from exporters.window_samples import Sample, samples_of
from tests.exporters.windows import ORIGIN, make_block, make_change, make_host_window, make_window

PARCELS = [
    Parcel(id="0f3a-f1", content=make_change()),
    Parcel(id="0f3a-w1", content=make_window([make_block(400)])),
    Parcel(id="0f3a-h1", content=make_host_window()),
]
NAMES = [*sorted(naming.METRICS), FINDINGS_FIELD]


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(NAMES)))
def test_what_may_leave_is_whole(allowed: set[str]) -> None:
    """The samples of what is left, by their names, are those of the whole."""
    for parcel in PARCELS[1:]:
        left = reduced(parcel, allowed.__contains__, FINDINGS_FIELD)
        assert _named(left, allowed) == _named(parcel, allowed)


def _named(parcel: Parcel | None, names: set[str]) -> set[Sample]:
    """Return the samples of a parcel that have one of these names."""
    if parcel is None:
        return set()
    assert isinstance(parcel.content, Window | HostWindow)
    return {sample for sample in samples_of(ORIGIN, parcel.content) if sample.metric.name in names}


def test_extremes_are_not_in_the_bytes_unless_they_are_named() -> None:
    """They are single values of a model's inputs."""
    window = PARCELS[1].content
    assert isinstance(window, Window)
    extremes = {
        msgspec.msgpack.encode(value)
        for one in (window.summary, window.total)
        for signal in one.signals
        for value in (signal.moments.least, signal.moments.most)
    }
    usual = set(NAMES) - {naming.SIGNAL_LEAST.name, naming.SIGNAL_MOST.name}
    packed = msgspec.msgpack.encode(reduced(PARCELS[1], usual.__contains__, FINDINGS_FIELD))
    assert not [value for value in extremes if value in packed]
    assert all(value in msgspec.msgpack.encode(PARCELS[1]) for value in extremes)


def test_a_sum_of_latencies_is_nowhere_unless_latency_is_named() -> None:
    """Not in whole nanoseconds either, which a merged window has beside its mean."""
    window = PARCELS[1].content
    assert isinstance(window, Window)
    merged = window.total.merge(window.total)
    parcel = msgspec.structs.replace(PARCELS[1], content=msgspec.structs.replace(window, summary=merged, total=merged))
    without = set(NAMES) - {naming.LATENCY.name, naming.LATENCY_QUANTILE.name}
    for names, kept in ((set(NAMES), True), (without, False)):
        left = reduced(parcel, names.__contains__, FINDINGS_FIELD)
        assert left is not None
        assert (msgspec.msgpack.encode(merged.latency_sum_ns) in msgspec.msgpack.encode(left)) is kept


def test_evidence_is_nowhere_in_a_window_unless_it_is_named() -> None:
    """Neither beside its signals nor in its summary."""
    window = PARCELS[1].content
    assert isinstance(window, Window)
    summary = msgspec.structs.replace(window.summary, evidence={"brightness": 0.25})
    parcel = msgspec.structs.replace(PARCELS[1], content=msgspec.structs.replace(window, summary=summary))
    for names, kept in ((set(NAMES), {"brightness": 0.25}), (set(NAMES) - {naming.EVIDENCE.name}, {})):
        left = reduced(parcel, names.__contains__, FINDINGS_FIELD)
        assert left is not None
        assert isinstance(left.content, Window)
        assert left.content.summary.evidence == kept


def test_findings_leave_only_where_they_are_named() -> None:
    """Their texts can name what is on site."""
    change = PARCELS[0].content
    assert isinstance(change, FindingChange)
    left = msgspec.structs.replace(PARCELS[0], content=without_values(change))
    assert reduced(PARCELS[0], lambda name: name == FINDINGS_FIELD, FINDINGS_FIELD) == left
    assert reduced(PARCELS[0], lambda name: name != FINDINGS_FIELD, FINDINGS_FIELD) is None
