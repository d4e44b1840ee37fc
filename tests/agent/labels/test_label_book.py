from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.clock import utc
from agent.model import Label, Labels, Stream
from tests.agent.labels.label_fakes import SECOND_NS, VALUED, VALVE, Bench, inferred, named, right

if TYPE_CHECKING:
    from agent.labels.book import LabelBook
    from agent.model import Block

GAUGE = Stream(model="gauge", sha256="cd" * 32, pid=8)


def truth_of(book: LabelBook, key: str = VALVE.key) -> tuple[int, float | None]:
    """Return labels and true accuracy since the start."""
    status = book.status(key)
    return (0, None) if status is None else (status.labels, status.accuracy_total)


def test_labels_of_recent_inferences_are_counted() -> None:
    """A right and a wrong answer make an accuracy of one half."""
    bench = Bench()
    bench.book.add(inferred([1, 2, 3], [0, 1, 2]), learning=False)
    assert bench.tell(right(1, 0), right(2, 2), source="a.labels", last_seq=2) == (2, 0, 0, 0)
    assert truth_of(bench.book) == (2, 0.5)
    assert bench.store.read_to == {"a.labels": 2}
    assert [(record.id, record.error) for record in bench.store.records] == [(1, 0.0), (2, 1.0)]


def test_the_last_label_of_an_inference_counts() -> None:
    """A second label takes the place of the first, at once and after it was committed, and is counted as such."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [0, 1]), learning=False)
    assert bench.tell(right(1, 1)) == (1, 0, 0, 0)
    assert bench.tell(right(1, 0)) == (0, 1, 0, 0)
    bench.book.committed()
    assert bench.tell(right(1, 1)) == (0, 1, 0, 0)
    assert truth_of(bench.book) == (1, 0.0)
    status = bench.book.status(VALVE.key)
    assert status is not None
    assert status.replaced == 2


def test_labels_of_one_inference_in_one_message_are_two() -> None:
    """The second of two labels that come together replaces the first."""
    bench = Bench()
    bench.book.add(inferred([1], [0]), learning=False)
    assert bench.tell(right(1, 1), right(1, 0)) == (1, 1, 0, 0)
    assert truth_of(bench.book) == (1, 1.0)


def test_stored_inferences_are_found_and_their_stored_labels_known() -> None:
    """What is no longer in memory is looked for in the buffer, with the label that it has there."""
    bench = Bench()
    bench.book.add(inferred([1], [0]), learning=False)
    bench.tell(right(1, 0))
    (inference,) = [found for found, _ in bench.book._finder.recent.find(np.array([1], np.uint64), "")]
    bench.store.inferences.append(inference)
    bench.book.save()
    again = bench.start()
    assert bench.tell(right(1, 2)) == (0, 1, 0, 0)
    assert truth_of(again) == (1, 0.0)


def test_a_label_waits_for_its_inference() -> None:
    """A label that comes first is matched when the inference comes, within the time that labels wait."""
    bench = Bench(wait_seconds=10)
    assert bench.tell(right(5, 1)) == (0, 0, 1, 0)
    assert bench.book.device_status().waiting == 1
    bench.book.add(inferred([4, 5], [0, 1]), learning=False)
    assert truth_of(bench.book) == (1, 1.0)
    assert bench.book.device_status().waiting == 0


def test_a_label_that_waited_in_vain_is_counted() -> None:
    """After its time it is not found; a last look in the buffer comes before."""
    bench = Bench(wait_seconds=10)
    bench.tell(right(5, 1), right(6, 1))
    bench.clock.advance(11)
    bench.book.add(inferred([6], [1]), learning=False)
    bench.tell(right(7, 1))
    bench.book.tick()
    status = bench.book.device_status()
    assert (status.not_found, status.waiting) == (1, 1)
    assert truth_of(bench.book) == (1, 1.0)


def test_a_restart_takes_up_what_no_state_knows() -> None:
    """Labels after the last save are counted once, and those that wait go on waiting; so however often it dies."""
    bench = Bench()
    bench.book.add(inferred([1, 2, 3], [0, 1, 2]), learning=False)
    bench.tell(right(1, 0))
    bench.book.save()
    bench.tell(right(2, 0), right(9, 1))
    for _ in range(3):
        bench.start()
        bench.book.add(inferred([3], [2]), learning=False)
        assert truth_of(bench.book) == (2, 0.5)
        assert bench.book.device_status().waiting == 1
    bench.book.save()
    bench.start()
    bench.book.add(inferred([3, 9], [2, 1]), learning=False)
    bench.tell(right(3, 2))
    assert bench.book.device_status().waiting == 0
    assert truth_of(bench.book)[0] == 4


def test_labels_of_a_stream_that_is_gone_are_taken_up_too() -> None:
    """After a restart they are counted though its service never runs again, and are read back no second time."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [0, 1]), learning=False)
    bench.tell(right(1, 0), right(2, 0))
    bench.start()
    bench.book.tick()
    assert truth_of(bench.book) == (2, 0.5)
    bench.book.save()
    asked: list[int] = []
    bench.store.labels_since = lambda number: asked.append(number) or []  # type: ignore[method-assign, func-returns-value]
    bench.start()
    assert asked == [2]


def test_a_class_may_be_named() -> None:
    """Names are those that the service gave; another name is refused with the names there are."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [0, 1], classes=("open", "shut")), learning=False)
    assert bench.tell(named(1, "open")) == (1, 0, 0, 0)
    said = bench.book.take(_labels(named(2, "closed")))
    assert (said.refused, said.reasons) == (1, ("'closed' is no class of valve; they are open, shut",))
    assert truth_of(bench.book) == (1, 1.0)


@pytest.mark.parametrize(
    ("truth", "why"),
    [
        (right(2, 7), "7 is no class of valve; they are 0 to 1: open, shut"),
        (named(2, "-1"), "-1 is no class of valve; they are 0 to 1: open, shut"),
        (right(2, 0.5), "0.5 is no class of valve; they are 0 to 1: open, shut"),
    ],
)
def test_a_truth_beyond_the_classes_is_refused_and_changes_nothing(truth: Label, why: str) -> None:
    """Where classes have names, a number that is none of theirs is refused with what there is."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [0, 1], classes=("open", "shut")), learning=False)
    said = bench.book.take(_labels(right(1, 0), truth))
    assert (said.matched, said.refused, said.reasons) == (1, 1, (why,))
    assert truth_of(bench.book) == (1, 1.0)


def test_a_fraction_is_no_class_of_a_model_that_says_how_sure_it_is() -> None:
    """A truth of 1.5 does not make values of a classifier's answers: it is refused."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [0, 1]), learning=False)
    bench.tell(right(1, 0))
    said = bench.book.take(_labels(named(2, "1.5")))
    assert said.reasons == ("1.5 is no class of valve; classes are whole numbers",)
    assert truth_of(bench.book) == (1, 1.0)


def test_a_class_that_was_never_answered_is_taken_with_a_warning() -> None:
    """Classes without names are known by the answers alone: a truth beyond all of them may be a slip."""
    bench = Bench()
    bench.book.add(inferred([1, 2, 3], [0, 1, 2]), learning=False)
    said = bench.book.take(_labels(right(1, 0), right(2, 12), right(3, 12)))
    assert said.matched == 3
    assert said.warnings == ("12 is no class that valve has answered so far: such a label makes it wrong",)


def test_a_model_that_is_not_known_is_told() -> None:
    """Its labels wait as others do, and the models that there are are named."""
    bench = Bench()
    bench.book.add(inferred([1], [0]), learning=False)
    bench.book.add(inferred([1], [0], stream=GAUGE), learning=False)
    said = bench.book.take(_labels(right(1, 0, model="vlave")))
    assert (said.waiting, said.warnings) == (1, ("no model vlave is known here; there are gauge, valve",))
    assert bench.book.take(_labels(right(9, 0, model="valve"))).warnings == ()


def test_answers_of_a_callable_with_named_classes_are_classes() -> None:
    """Its numbers come as values; with names they are classes, and a label by name is right or wrong."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [0, 1], signals=VALUED, classes=("open", "shut")), learning=False)
    bench.tell(named(1, "open"), named(2, "open"))
    status = bench.book.status(VALVE.key)
    assert status is not None
    assert (status.kind, status.accuracy_total, status.mean_absolute_error) == ("class", 0.5, None)


def test_names_that_come_later_make_classes_of_values() -> None:
    """What was counted as a distance before is forgotten: it meant nothing."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [3, 1], signals=VALUED), learning=False)
    bench.tell(right(1, 1))
    bench.book.add(inferred([3], [1], signals=VALUED, classes=("open", "shut")), learning=False)
    bench.tell(named(3, "shut"))
    assert truth_of(bench.book) == (1, 1.0)


def test_a_name_without_names_is_refused_with_what_to_do() -> None:
    """A text that is no number needs the classes' names."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [0, 1]), learning=False)
    said = bench.book.take(_labels(named(1, "open"), named(2, "1")))
    assert (said.matched, said.refused) == (1, 1)
    assert "driftline.watch(..., classes=[...])" in said.reasons[0]


def test_values_have_a_mean_absolute_error() -> None:
    """Where the answer is a value, its distance to the truth is counted."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [10.0, 20.0], signals=VALUED), learning=False)
    bench.tell(right(1, 11), right(2, 17))
    status = bench.book.status(VALVE.key)
    assert status is not None
    assert (status.kind, status.mean_absolute_error, status.accuracy) == ("value", 2.0, None)


def test_an_id_of_two_models_needs_the_model() -> None:
    """A label that might mean either is refused; with the model's name it is not."""
    bench = Bench()
    bench.book.add(inferred([1], [0]), learning=False)
    bench.book.add(inferred([1], [1], stream=GAUGE), learning=False)
    said = bench.book.take(_labels(right(1, 1)))
    assert (said.refused, said.reasons) == (1, ("the id belongs to inferences of gauge, valve: name the model",))
    assert bench.tell(right(1, 0, model="valve")) == (1, 0, 0, 0)
    assert truth_of(bench.book) == (1, 1.0)
    assert truth_of(bench.book, GAUGE.key) == (0, None)


def test_an_inference_without_an_answer_cannot_be_labelled() -> None:
    """A call that failed has nothing to compare with."""
    bench = Bench()
    bench.book.add(inferred([1], [float("nan")]), learning=False)
    assert bench.tell(right(1, 0)) == (0, 0, 0, 1)


def test_errors_are_judged_once_enough_were_learned() -> None:
    """The first labels say how often it errs in health; each later one is handed on, a replaced one is not again."""
    bench = Bench(reference_labels=50)
    bench.book.add(inferred(range(60), [0] * 60), learning=False)
    bench.tell(*(right(number, 0) for number in range(50)))
    assert bench.judged == []
    bench.tell(right(50, 1), right(51, 0), right(50, 0))
    assert [(VALVE.key, [1.0, 0.0])] == bench.judged


def test_values_are_wrong_beyond_what_was_usual() -> None:
    """An answer is wrong if it is further off than nine in ten of the first."""
    bench = Bench(reference_labels=50)
    bench.book.add(inferred(range(60), [10.0] * 60, signals=VALUED), learning=False)
    bench.tell(*(right(number, 10 + number / 50) for number in range(50)))
    bench.tell(right(50, 10.5), right(51, 10.95))
    assert [(VALVE.key, [0.0, 1.0])] == bench.judged


def test_rows_of_the_reference_tell_what_a_confidence_is_worth() -> None:
    """Labelled inferences of the learning time come out as pairs of confidence and truth; later ones do not."""
    bench = Bench()
    bench.book.add(inferred([1, 2], [0, 1]), learning=True)
    later = inferred([3, 4, 5], [0, 1, 2])
    later.time_ns[:] += 10**12
    bench.book.add(later, learning=False)
    bench.tell(right(1, 0), right(2, 0), right(3, 0))
    rows = bench.book.labelled_rows(VALVE.key)
    assert rows is not None
    assert rows.correct.tolist() == [True, False]
    assert rows.confidence.tolist() == pytest.approx([0.9, 0.9])


def _later(seconds: int, *ids: int, answers: list[float] | None = None) -> Block:
    block = inferred(list(ids), answers or [0] * len(ids))
    block.time_ns[:] += seconds * SECOND_NS
    return block


def _pairs(bench: Bench) -> list[bool]:
    rows = bench.book.labelled_rows(VALVE.key)
    return [] if rows is None else rows.correct.tolist()


def test_another_reference_has_labelled_rows_of_its_own() -> None:
    """Pairs of the old one go; stored labels of rows that the new one stands for make pairs at once, later ones too."""
    bench = Bench()
    bench.book.add(_later(0, 1, 2), learning=True)
    bench.book.add(_later(100, 3, 4, 5, answers=[0, 1, 1]), learning=False)
    bench.book.add(_later(200, 6), learning=False)
    bench.tell(right(1, 0), right(3, 1), right(6, 0))
    assert _pairs(bench) == [True]
    bench.book.relearned(VALVE.key, 101 * SECOND_NS, 103 * SECOND_NS, 0, VALVE)
    assert _pairs(bench) == [False]
    bench.tell(right(4, 1), right(2, 0), right(6, 0), right(3, 0))
    assert _pairs(bench) == [True, True]


def test_a_new_reference_holds_after_a_restart_however_soon() -> None:
    """Killed before the labels' state was saved again, or after: the old pairs do not come back."""
    for saves in (False, True):
        bench = Bench()
        bench.book.add(_later(0, 1, 2), learning=True)
        bench.book.add(_later(100, 3), learning=False)
        bench.tell(right(1, 0), right(3, 1))
        bench.book.save()
        stale = dict(bench.states.states)
        bench.book.relearned(VALVE.key, 101 * SECOND_NS, 103 * SECOND_NS, 0, VALVE)
        bench.book.save()
        if not saves:  # the stream's own part is older than the book's
            bench.states.states[VALVE.key, "labels"] = stale[VALVE.key, "labels"]
        bench.start()
        bench.book.add(_later(200, 6), learning=False)
        bench.tell(right(6, 0))
        assert _pairs(bench) == [False]


def test_learning_anew_forgets_the_pairs_of_the_old_reference() -> None:
    """After a reset the rows that are learned from are new ones, and so are the pairs."""
    bench = Bench()
    bench.book.add(_later(0, 1, 2), learning=True)
    bench.book.add(_later(100, 3), learning=False)
    bench.tell(right(1, 0), right(2, 0), right(3, 0))
    bench.book.add(_later(200, 4, 5, answers=[1, 1]), learning=True)
    bench.book.add(_later(300, 6), learning=False)
    bench.tell(right(3, 1), right(4, 0), right(6, 0))
    assert _pairs(bench) == [False]


def test_an_imported_reference_is_calibrated_by_the_first_rows_after_it() -> None:
    """As many as it has itself: rows before it are of no known reference, later ones may be of a changed stream."""
    bench = Bench()
    bench.book.add(_later(0, 1, 2), learning=True)
    bench.book.relearned(VALVE.key, 0, 0, 3, VALVE)
    bench.book.add(_later(100, 3, 4), learning=False)
    bench.book.add(_later(200, 5, 6), learning=False)
    bench.book.add(_later(300, 7), learning=False)
    bench.tell(*(right(number, 0) for number in range(1, 8)))
    assert len(_pairs(bench)) == 4


def test_errors_are_compared_with_those_under_the_new_reference() -> None:
    """Half of the answers are wrong, and that was accepted: how often it errs in health is learned anew."""
    bench = Bench(reference_labels=50)
    bench.book.add(inferred(range(50), [0] * 50), learning=True)
    bench.book.add(_later(1_000, *range(100, 200)), learning=False)
    bench.tell(*(right(number, 0) for number in range(50)))
    bench.tell(*(right(number, number % 2) for number in range(100, 150)))
    before = bench.book.status(VALVE.key)
    bench.book.relearned(VALVE.key, 1_000 * SECOND_NS, 1_100 * SECOND_NS, 0, VALVE)
    after = bench.book.status(VALVE.key)
    assert before is not None
    assert after is not None
    assert (before.accuracy_reference, after.accuracy_reference) == (1.0, 0.5)
    assert (before.labels, after.labels) == (100, 100)


def test_a_disk_that_cannot_be_read_makes_labels_wait() -> None:
    """What cannot be searched for now is searched for again, and the trouble is told."""
    bench = Bench(wait_seconds=10)
    bench.store.broken = True
    assert bench.tell(right(1, 0)) == (0, 0, 1, 0)
    assert [p.note for p in bench.book.health()] == ["the buffer cannot be searched: OSError: the disk is gone"]


def test_the_budget_is_in_labels() -> None:
    """One label in ten inferences has a tenth of the inferences between two false alarms."""
    bench = Bench(reference_labels=50)
    bench.book.add(inferred(range(60), [0] * 60), learning=False)
    bench.tell(*(right(number, 0) for number in range(60)))
    bench.book.set_budget(VALVE.key, 1e6, rate=10.0)
    stream = bench.book._streams[VALVE.key]
    assert stream._alarms_per == pytest.approx(1e6 * (60 / 59) / 10)


def _labels(*labels: Label) -> Labels:
    return Labels(labels)


def test_figures_say_how_new_the_answers_are_that_they_are_of() -> None:
    """The newest inference that has a label: after a label for an older one it is still that."""
    bench = Bench()
    block = inferred([1, 2], [0, 1])
    bench.book.add(block, learning=False)
    for number in (2, 1):
        bench.tell(right(number, 0))
        status = bench.book.status(VALVE.key)
        assert status is not None
        assert status.newest == utc(int(block.time_ns[1]))
        assert status.middle == utc(int(block.time_ns[1]))
    bench.tell(right(1, 1))  # in place of another
    status = bench.book.status(VALVE.key)
    assert status is not None
    assert status.middle == status.newest
