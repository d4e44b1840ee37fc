from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.clock import utc
from agent.model import Label, Labels, Stream
from tests.agent.labels.label_fakes import VALUED, VALVE, Bench, inferred, named, right

if TYPE_CHECKING:
    from agent.labels.book import LabelBook

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
