from exporters import bounds
from exporters.bounds import MAX_CLASSES, MAX_SIGNALS, MAX_STREAMS, ClassPlaces, first_signals, first_streams
from tests.exporters.statuses import make_signals, make_stream, replaced


def test_streams_in_trouble_are_kept_before_those_that_stopped() -> None:
    """With more streams than fit, the stopped ones go and the order of the others stays."""
    stopped = [replaced(make_stream(f"old-{at}"), state="stopped", key=f"old-{at}") for at in range(MAX_STREAMS)]
    critical = replaced(make_stream("new"), state="critical")
    kept = first_streams([*stopped, critical])
    assert [stream.stream.model for stream in kept] == [f"old-{at}" for at in range(MAX_STREAMS - 1)] + ["new"]


def test_all_signals_are_sent_where_they_fit() -> None:
    """Nothing is cut at the bound itself."""
    stream = make_stream(signals=make_signals(MAX_SIGNALS))
    assert first_signals([stream]) == {stream.key: stream.signals}


def test_a_small_stream_keeps_its_signals_beside_a_huge_one() -> None:
    """The share is by stream: five hundred features of one model do not push out the five of another."""
    huge = make_stream("huge", key="huge", signals=make_signals(500))
    small = make_stream("small", key="small", signals=make_signals(5))
    chosen = first_signals([huge, small])
    assert len(chosen["small"]) == 5
    assert sum(map(len, chosen.values())) == MAX_SIGNALS


def test_a_signal_on_its_way_to_an_alarm_is_never_cut() -> None:
    """The worst evidence has a place even if its signal comes last."""
    *many, last = make_signals(500)
    stream = make_stream(signals=(*many, replaced(last, evidence=0.97)))
    assert first_signals([stream])[stream.key][-1].evidence == 0.97


def test_other_classes_never_go_backwards() -> None:
    """A class that becomes frequent later stays in `other`: a counter that falls would read as a restart."""
    places = ClassPlaces()
    first = [(f"c{at}", 100) for at in range(MAX_CLASSES)] + [("rare", 1)]
    assert places.counts("k", first)[0]["other"] == 1
    later = [(name, count + 10_000 * (name == "rare")) for name, count in first]
    counts, beyond = places.counts("k", later)
    assert (counts["other"], beyond, len(counts)) == (10_001, 1, MAX_CLASSES + 1)


def test_fewer_buckets_keep_the_total_and_their_order() -> None:
    """The infinite bucket, which is the count, survives."""
    buckets = [*((float(bound), bound) for bound in range(99)), (float("inf"), 1_000)]
    kept = bounds.fewer_buckets(buckets)
    assert len(kept) <= bounds.MAX_BUCKETS
    assert kept[-1] == (float("inf"), 1_000)
    assert list(kept) == sorted(kept)


def test_a_label_survives_what_is_not_unicode() -> None:
    """A file name with stray bytes becomes text that can be sent."""
    assert bounds.label_text("meter\udcff") == "meter?"
