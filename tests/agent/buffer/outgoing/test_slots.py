from functools import reduce

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.buffer.outgoing.slots import SLOT_S, Numbered, Slot, Walk
from agent.summary import Summary
from tests.agent.buffer.outgoing.summaries import MINUTE_NS, SECOND_NS, START_NS, make_numbered

KEY = "meter-reader@9f86d081884c"
HOUR_S = 12 * SLOT_S


def merged(found: list[Numbered]) -> Summary:
    """Merge summaries, oldest first."""
    return reduce(Summary.merge, (one.summary for one in found))


def walk(found: list[Numbered], seconds: int = SLOT_S, cuts: tuple[int, ...] = ()) -> list[Slot]:
    """Walk along summaries in pieces that end at `cuts`, and end the last slot."""
    going, slots, before = Walk(0, {}, seconds), [], 0
    for cut in (*cuts, len(found)):
        slots += going.take(found[before:cut])
        before = max(before, cut)
    return slots + going.end(2**62)


def test_a_slot_holds_its_minutes_and_the_totals_so_far() -> None:
    """Five minutes make a slot: its figures are those of its minutes, its totals those of all until its end."""
    found = [make_numbered(number, number - 1) for number in range(1, 13)]
    slots = walk(found)
    assert [(slot.first, slot.last) for slot in slots] == [(1, 5), (6, 10), (11, 12)]
    assert [slot.start_ns for slot in slots] == [START_NS + at * SLOT_S * SECOND_NS for at in range(3)]
    summary, total = slots[1].summaries[KEY], slots[1].totals[KEY]
    assert (summary.statuses, summary.buckets) == (merged(found[5:10]).statuses, merged(found[5:10]).buckets)
    assert total.statuses == merged(found[:10]).statuses
    assert total.signals[0].moments.mean == pytest.approx(merged(found[:10]).signals[0].moments.mean)
    assert (total.time_ns, total.end_ns) == (START_NS, START_NS + 10 * MINUTE_NS)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from("ab"), st.sampled_from("rs")), min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=5),
    st.sampled_from([SLOT_S, HOUR_S]),
)  # fmt: skip
def test_slots_are_the_same_however_they_are_read(
    minutes: list[tuple[int, str, str]], cuts: list[int], seconds: int
) -> None:
    """Whatever pieces summaries are read in, the slots are the same, without gaps, and every row is counted once."""
    found = [
        make_numbered(at, minute, 10, model, reference) for at, (minute, model, reference) in enumerate(minutes, 1)
    ]
    slots = walk(found, seconds)
    assert walk(found, seconds, tuple(sorted(cuts))) == slots
    assert [slot.first for slot in slots] == [1, *(slot.last + 1 for slot in slots[:-1])]
    assert slots[-1].last == len(found)
    inferences = sum(one.inferences for slot in slots for one in slot.summaries.values())
    assert inferences == sum(one.summary.inferences for one in found)


@settings(deadline=None)
@given(st.integers(1, 150), st.integers(2, 12))
def test_an_hour_ends_with_the_totals_of_its_last_slot(count: int, every: int) -> None:
    """Coarser slots leave samples out and change none: what they say at their end is what a fine slot says there."""
    found = [make_numbered(number, number * every // 4) for number in range(1, count + 1)]
    fine = {slot.end_ns: slot.totals for slot in walk(found)}
    coarse = walk(found, HOUR_S)
    assert len(coarse) <= len(fine)
    for slot in coarse:
        assert slot.totals[KEY].statuses == fine[slot.end_ns][KEY].statuses
        assert slot.totals[KEY].end_ns == fine[slot.end_ns][KEY].end_ns


def test_a_late_minute_counts_in_the_next_slot() -> None:
    """What comes after its slot is over neither begins an old slot again nor is lost."""
    found = [make_numbered(1, 0), make_numbered(2, 6), make_numbered(3, 1), make_numbered(4, 7)]
    slots = walk(found)
    assert [(slot.first, slot.last) for slot in slots] == [(1, 1), (2, 4)]
    assert slots[1].start_ns == START_NS + SLOT_S * SECOND_NS
    assert slots[1].summaries[KEY].statuses == merged(found[1:]).statuses


def test_a_clock_that_was_ahead_for_years_holds_no_slot_open() -> None:
    """After a jump back by years slots go on at the time that is right."""
    years = 10 * 365 * 24 * 60
    slots = walk([make_numbered(1, years), make_numbered(2, 0), make_numbered(3, 6)])
    assert [slot.start_ns for slot in slots][1:] == [START_NS, START_NS + SLOT_S * SECOND_NS]


def test_counters_begin_anew_with_a_reference() -> None:
    """Bins of another reference cannot be added, so the totals start again, and say when."""
    slots = walk([make_numbered(1, 0, reference="a"), make_numbered(2, 6, reference="b")])
    assert slots[1].totals[KEY].time_ns == START_NS + 6 * MINUTE_NS
    assert slots[1].totals[KEY].inferences == slots[1].summaries[KEY].inferences


def test_totals_of_a_quiet_stream_stay() -> None:
    """A stream that says nothing in a slot has no window there, and its totals go on when it speaks again."""
    found = [make_numbered(1, 0, model="a"), make_numbered(2, 6, model="b"), make_numbered(3, 12, model="a")]
    slots = walk(found)
    assert [sorted(slot.summaries) for slot in slots] == [["a@9f86d081884c"], ["b@9f86d081884c"], ["a@9f86d081884c"]]
    assert slots[2].totals["a@9f86d081884c"].statuses == found[0].summary.merge(found[2].summary).statuses


def test_a_minute_that_comes_when_its_slot_is_over_makes_no_second_end() -> None:
    """A slot that ended by the clock is over: what comes of its time later is in the next, with those that follow."""
    going = Walk(0, {})
    slots = going.take([make_numbered(1, 0), make_numbered(2, 3)]) + going.end(START_NS + 6 * MINUTE_NS)
    slots += going.take([make_numbered(3, 4), make_numbered(4, 7)]) + going.end(START_NS + 20 * MINUTE_NS)
    slots += Walk(4, slots[-1].totals).take([make_numbered(5, 8), make_numbered(6, 11), make_numbered(7, 20)])
    starts = [(slot.start_ns - START_NS) // (SLOT_S * SECOND_NS) for slot in slots]
    assert (starts, [slot.seconds for slot in slots]) == ([0, 1, 2], [SLOT_S] * 3)
    assert [(slot.first, slot.last) for slot in slots] == [(1, 2), (3, 4), (5, 6)]


def test_what_was_merged_is_a_slot_of_its_own_length() -> None:
    """An hour that was merged while it waited is one slot however narrow slots are; totals begin with its rows."""
    minutes = [make_numbered(number, number - 1, model="ab"[number % 2]) for number in range(8, 61)]
    hours = [
        Numbered(number, last, merged([one for one in minutes if one.summary.stream.model == model]), START_NS)
        for number, last, model in ((8, 8, "a"), (9, 60, "b"))
    ]
    first, second = walk([*hours, make_numbered(61, 61, model="a"), make_numbered(62, 66, model="a")])[:2]
    assert (first.start_ns, first.seconds, first.first, first.last) == (START_NS, HOUR_S, 1, 60)
    assert {total.time_ns for total in first.totals.values()} == {START_NS + 7 * MINUTE_NS, START_NS + 8 * MINUTE_NS}
    assert (second.start_ns, second.first) == (START_NS + HOUR_S * SECOND_NS, 61)
