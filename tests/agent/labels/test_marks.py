"""Right or wrong, of who does not know what would have been right."""

from __future__ import annotations

import math

import pytest

from agent.model import Label
from tests.agent.labels.label_fakes import VALUED, VALVE, Bench, inferred, right


def mark(one: int, *, was_right: bool) -> Label:
    """Say whether an answer was right."""
    return Label(id=one, right=was_right, model="valve")


def test_marks_count_towards_true_accuracy() -> None:
    """Right is kept with the model's own answer as its truth, wrong without one."""
    bench = Bench()
    bench.book.add(inferred([1, 2, 3, 4], [0, 1, 2, 2]), learning=False)
    assert bench.tell(mark(2, was_right=True), mark(3, was_right=False), right(4, 2)) == (3, 0, 0, 0)
    status = bench.book.status(VALVE.key)
    assert status is not None
    assert status.labels == 3
    assert status.accuracy_total == pytest.approx(2 / 3)
    assert [(one.id, one.error, None if math.isnan(one.value) else one.value) for one in bench.store.records] == [
        (2, 0.0, 1.0), (3, 1.0, None), (4, 0.0, 2.0),
    ]  # fmt: skip


def test_a_mark_takes_the_place_of_a_label_and_a_label_that_of_a_mark() -> None:
    """What was said last holds, before and after a restart."""
    bench = Bench()
    bench.book.add(inferred([1], [0]), learning=False)
    assert bench.tell(right(1, 0)) == (1, 0, 0, 0)
    assert bench.tell(mark(1, was_right=False)) == (0, 1, 0, 0)
    assert bench.tell(right(1, 0)) == (0, 1, 0, 0)
    bench.book.committed()
    bench.start()
    bench.book.tick()
    status = bench.book.status(VALVE.key)
    assert status is not None
    assert (status.labels, status.accuracy_total) == (1, 1.0)


def test_marks_of_a_reference_tell_what_a_confidence_is_worth() -> None:
    """They are among the labelled rows that calibrate."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [0, 1]), learning=True)
    bench.tell(mark(1, was_right=True), mark(2, was_right=False))
    rows = bench.book.labelled_rows(VALVE.key)
    assert rows is not None
    assert rows.correct.tolist() == [True, False]


def test_a_mark_of_what_is_not_recorded_is_refused_and_nothing_is_kept() -> None:
    """It says nothing without its inference, so it does not wait as a label does."""
    bench = Bench()
    bench.book.add(inferred([1], [0]), learning=False)
    with pytest.raises(KeyError, match="no inference with the id dl-00000000000000ff is recorded"):
        bench.tell(mark(255, was_right=False))
    assert bench.store.records == []
    assert bench.book.device_status().waiting == 0


def test_wrong_says_nothing_of_a_value() -> None:
    """A predicted value is wrong by so much; right is an error of nothing."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [10.5, 20.5], signals=VALUED), learning=False)
    assert bench.tell(mark(1, was_right=False)) == (0, 0, 0, 1)
    assert bench.tell(mark(2, was_right=True)) == (1, 0, 0, 0)
    status = bench.book.status(VALVE.key)
    assert status is not None
    assert (status.kind, status.mean_absolute_error_total) == ("value", 0.0)


def test_a_class_that_was_never_answered_is_odd_only_where_one_is_named() -> None:
    """Wrong names none."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [0, 1]), learning=False)
    assert bench.book._known[VALVE.key].oddness(mark(1, was_right=False), "valve") == ""
    assert "7 is no class that valve has answered" in bench.book._known[VALVE.key].oddness(right(1, 7), "valve")
