"""The shift detector: exact alarms, long quiet streams, and independence of how a stream is cut."""

from __future__ import annotations

import functools
import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import fit_reference, make_shift_detector
from tests.detectors.streams import FAMILIES, autoregressive, make_block

if TYPE_CHECKING:
    from agent.model import Score
    from detectors.reference import Reference


def run(reference: Reference, rows: np.ndarray, alarms_per: float = 1e6, size: int = 200) -> list[Score]:
    """Feed a stream in blocks of `size`."""
    detector = make_shift_detector(reference, alarms_per)
    return [score for at in range(0, len(rows), size) for score in detector.update(rows[at : at + size])]


def shifted(seed: int = 0) -> tuple[Reference, np.ndarray]:
    """A reference of 2,000 rows and a stream whose second signal moves by one deviation at row 1,000."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(4_000, 4))
    rows[3_000:, 1] += 1.0
    return fit_reference(rows[:2_000], ["a", "b", "c", "d"]), rows[2_000:]


def test_names_row_signal_and_onset_of_a_shift() -> None:
    """A shift of one deviation is found within fifty rows, in the right signal, and dated to within a base block."""
    first = run(*shifted())[0]
    assert (first.signal.name, first.row, first.onset_row) == ("b", 1049, 1000)
    assert first.value >= first.threshold == math.log(1e6)


def test_alarms_again_while_the_shift_lasts() -> None:
    """After an alarm the sums start anew, and the shift is reported again and again."""
    rows = [score.row for score in run(*shifted(), size=50)]
    assert len(rows) >= 10
    assert max(np.diff(rows)) <= 160


@pytest.mark.parametrize("family", FAMILIES)
def test_keeps_its_budget_on_quiet_streams(family: str) -> None:
    """Eight times the budget's rows of a quiet stream hold fewer alarms than eight, with room for chance."""
    alarms, budget = 0, 5_000.0
    for seed in range(2):
        rows = FAMILIES[family](np.random.default_rng(seed), 22_000, 5)
        alarms += len({score.row for score in run(fit_reference(rows[:2_000], list("abcde")), rows[2_000:], budget)})
    assert alarms <= 8  # expected: at most 8


@pytest.mark.parametrize("rows", [200, 1_000])
def test_few_streams_alarm_within_a_tenth_of_the_budget(rows: int) -> None:
    """Of sixty quiet streams of all families, few alarm within a tenth of the rows that the budget allows."""
    alarmed = []
    for name, family in FAMILIES.items():
        for seed in range(8):
            stream = family(np.random.default_rng(100 + seed), rows + 1_000, 4)
            alarmed += [name] if run(fit_reference(stream[:rows], list("abcd")), stream[rows:], 1e4) else []
    assert len(alarmed) <= 5, alarmed  # of 56; a tenth is 5.6


@functools.cache
def row_by_row() -> dict[int, Score]:
    """Give the alarms of the stream fed one row at a time."""
    return {score.row: score for score in run(*shifted(3), size=1)}


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(1, 700), min_size=1, max_size=40))
def test_does_not_depend_on_how_the_stream_is_cut(cuts: list[int]) -> None:
    """Whatever the lengths of the blocks, the same rows raise the same alarms (each signal once a block)."""
    reference, rows = shifted(3)
    detector, bounds = make_shift_detector(reference), np.minimum(np.cumsum([0, *cuts, 2_000]), 2_000)
    found = [s for low, high in itertools.pairwise(bounds.tolist()) for s in detector.update(rows[low:high])]
    assert found
    for score in found:
        alone = row_by_row()[score.row]
        assert (score.signal.name, score.onset_row) == (alone.signal.name, alone.onset_row)
        assert score.value == pytest.approx(alone.value, abs=1e-3)


def test_array_and_block_say_the_same() -> None:
    """`update` of an array and of the block made of it return the same rows; only the block knows times."""
    reference, rows = shifted()
    plain, dated = make_shift_detector(reference), make_shift_detector(reference)
    for at in range(0, 2_000, 100):
        by_array = plain.update(rows[at : at + 100])
        by_block = dated.update(make_block(rows[at : at + 100], reference.signals, start=at))
        assert [s.row for s in by_array] == [s.row for s in by_block]
        assert all(s.onset_ns == 1_000_000_000_000 + s.onset_row * 10_000_000 for s in by_block)


def test_failed_inferences_are_counted_but_not_judged() -> None:
    """Rows that ended in an exception move the row numbers on and nothing else."""
    reference, rows = shifted()
    values = np.repeat(rows, 2, axis=0)
    values[1::2] = 1e9
    detector = make_shift_detector(reference)
    status = np.tile([0, 1], 2_000)
    scores = detector.update(make_block(values, reference.signals, status=status))
    assert (scores[0].signal.name, scores[0].row) == ("b", 2 * 1049)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("location", lambda column, _: column + 1),
        ("scale", lambda column, _: column * 3),
        ("missing", lambda column, rng: np.where(rng.random(len(column)) < 0.3, np.nan, column)),
        ("constant put in", lambda column, rng: np.where(rng.random(len(column)) < 0.3, 0.123, column)),
        ("stuck", lambda column, _: np.full(len(column), column[0])),
        ("gone", lambda column, _: np.full(len(column), np.nan)),
        ("outliers", lambda column, rng: np.where(rng.random(len(column)) < 0.1, 50.0, column)),
    ],
)
def test_sees_every_kind_of_change(name: str, change: object) -> None:
    """Location, scale, missing values, constants put in, stuck values and outliers are all found, in that signal."""
    rng = np.random.default_rng(8)
    rows = rng.normal(size=(3_000, 3))
    rows[2_500:, 2] = change(rows[2_500:, 2], rng)  # type: ignore[operator]
    scores = run(fit_reference(rows[:2_000], ["a", "b", "c"]), rows[2_000:], size=8)
    assert scores, name
    assert {score.signal.name for score in scores} == {"c"}
    assert 500 <= scores[0].row <= 620


def test_an_autocorrelated_shift_is_found() -> None:
    """A shift of three deviations in an AR(1) stream is found, and none of its quiet wandering."""
    rng = np.random.default_rng(2)
    rows = autoregressive(rng, 14_000, 2)
    rows[12_000:, 0] += 3 * rows[:5_000, 0].std()
    scores = run(fit_reference(rows[:5_000], ["a", "b"]), rows[5_000:], size=50)
    assert (scores[0].signal.name, 7_000 <= scores[0].row <= 8_500) == ("a", True)


@pytest.mark.parametrize(
    "columns",
    [
        np.full((300, 1), 7.0),
        np.full((300, 2), np.nan),
        np.tile([[0.0], [1.0]], (150, 3)),
        np.random.default_rng(0).integers(-5, 5, (200, 1)).astype(float),
        np.random.default_rng(0).normal(size=(200, 500)),
        np.random.default_rng(0).normal(size=(20, 2)),
        np.full((300, 1), 1e300),
    ],
    ids=["constant", "nothing", "two values", "one integer", "five hundred", "twenty rows", "beyond float32"],
)
def test_takes_any_columns(columns: np.ndarray) -> None:
    """Degenerate and wide references work, and the same rows again raise nothing."""
    reference = fit_reference(columns, [f"x{at}" for at in range(columns.shape[1])])
    assert run(reference, columns) == []


def test_a_constant_that_changes_is_found() -> None:
    """A column that never moved and then does is an alarm."""
    reference = fit_reference(np.full((500, 2), 7.0), ["a", "b"])
    rows = np.full((200, 2), 7.0)
    rows[100:, 1] = 8.0
    assert run(reference, rows, size=8)[0].signal.name == "b"


def test_runtime_and_flag_signals_are_left_to_their_detectors() -> None:
    """Latency and fault flags are no business of the shift detector."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(1_000, 3)) ** 2
    reference = fit_reference(rows, ["a", "latency", "repeated_frame"])
    detector = make_shift_detector(reference)
    assert list(detector.evidence()) == ["a"]
    assert detector.update(rows * [1, 100, 100]) == []


def test_a_larger_budget_is_slower() -> None:
    """`alarms_per` can be set while the stream runs, and a smaller one alarms earlier."""
    reference, rows = shifted()
    hasty, careful = make_shift_detector(reference, 1e12), make_shift_detector(reference, 1e12)
    hasty.alarms_per = 1e4
    first = [next(s.row for at in range(0, 2_000, 8) for s in d.update(rows[at : at + 8])) for d in (hasty, careful)]
    assert 1_000 < first[0] < first[1]


def test_a_slow_drift_is_not_learned_away() -> None:
    """The sharpened mean stays within the reference's band: a drift slower than any memory is found all the same."""
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(61_000, 2))
    rows[1_000:, 0] += np.linspace(0, 1, 60_000)
    scores = run(fit_reference(rows[:1_000], ["a", "b"]), rows[1_000:], size=1_000)
    assert {score.signal.name for score in scores} == {"a"}
