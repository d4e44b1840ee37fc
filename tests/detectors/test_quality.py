"""Quality faults: plain ones are found at once, single odd rows never are."""

from __future__ import annotations

import numpy as np
import pytest

from agent.model import Score, Signal
from detectors import fit_reference
from detectors.quality import QualityDetector
from tests.detectors.streams import FAMILIES, make_block

SIGNALS = (
    Signal("heat", "input"),
    Signal("gaps", "input"),
    Signal("repeated_frame", "input", "flag"),
    Signal("stuck_pixels", "input", "flag", "{pixel}"),
    Signal("input_nonfinite", "input", "flag"),
    Signal("output_nonfinite", "output", "flag"),
    Signal("confidence", "output"),
    Signal("prediction", "output", "categorical"),
)
HEAT, GAPS, REPEATED, STUCK, IN_BAD, OUT_BAD, CONFIDENCE, PREDICTION = range(8)


def healthy(seed: int, count: int) -> np.ndarray:
    """Healthy values of SIGNALS."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((count, len(SIGNALS)))
    rows[:, HEAT] = rng.normal(20, 2, count)
    rows[:, GAPS] = np.where(rng.random(count) < 0.3, np.nan, rng.random(count))
    rows[:, STUCK] = rng.integers(0, 3, count)
    rows[:, CONFIDENCE] = rng.beta(9, 1, count)
    rows[:, PREDICTION] = rng.integers(0, 10, count)
    return rows


def run(rows: np.ndarray, size: int = 25) -> list[Score]:
    """Feed a stream, in blocks of `size`."""
    detector = QualityDetector(fit_reference(healthy(0, 2_000), SIGNALS))
    scores = []
    for at in range(0, len(rows), size):
        block = make_block(rows[at : at + size], SIGNALS, start=at)
        scores += detector.score(block)
        detector.learn(block)
    return scores


def test_health_is_quiet() -> None:
    """Fifty thousand healthy rows, gaps as usual, raise nothing."""
    assert run(healthy(1, 50_000), size=1_000) == []


@pytest.mark.parametrize(
    ("column", "value", "words", "rows"),
    [
        (HEAT, np.nan, "missing or not finite in 20 of 20", 10),
        (HEAT, np.inf, "missing or not finite in 20 of 20", 10),
        (HEAT, 60.0, "out of range in 20 of 20 inferences: the reference went from", 10),
        (HEAT, 20.125, "stuck at 20.125 for", 30),
        (REPEATED, 1.0, "above 0 in 20 of 20", 10),
        (STUCK, 3.0, "above 2 in 20 of 20", 10),
        (IN_BAD, 0.5, "above 0 in 20 of 20", 10),
        (OUT_BAD, 0.1, "above 0 in an inference", 1),
        (CONFIDENCE, np.nan, "missing or not finite in an inference", 1),
        (PREDICTION, np.nan, "missing or not finite in an inference", 1),
    ],
)
def test_a_lasting_fault_is_found(column: int, value: float, words: str, rows: int) -> None:
    """A fault that lasts is found after as many rows as its check needs, dated to its first."""
    stream = healthy(2, 400)
    stream[200:, column] = value
    scores = [score for score in run(stream) if score.signal.name == SIGNALS[column].name]
    assert (scores[0].row, scores[0].onset_row) == (200 + rows - 1, 200)
    assert scores[0].onset_ns == 1_000_000_000_000 + 200 * 10_000_000
    assert scores[-1].row >= 375  # it is reported as long as it lasts
    assert scores[0].detail.startswith(words)
    assert all(score.crossed for score in scores)


def test_gaps_as_usual_need_more_than_gaps() -> None:
    """A signal that was missing in a third of the reference's rows is at fault when it is missing in all of twenty."""
    stream = healthy(4, 400)
    stream[200:, GAPS] = np.nan
    first = run(stream)[0]
    assert (first.signal.name, first.threshold) == ("gaps", 20.0)
    assert 215 <= first.row <= 219
    assert first.row - first.onset_row == 19


@pytest.mark.parametrize("column", [HEAT, GAPS, REPEATED, STUCK, IN_BAD])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_single_odd_row_is_never_an_alarm(column: int, value: float) -> None:
    """One row in forty, however odd, raises nothing."""
    stream = healthy(3, 800)
    stream[::40, column] = value
    assert run(stream) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_quiet_streams_raise_nothing(family: str) -> None:
    """Faults stand outside the budget: no family of quiet streams may raise one."""
    rows = FAMILIES[family](np.random.default_rng(5), 12_000, 5)
    reference = fit_reference(rows[:2_000], list("abcde"))
    detector = QualityDetector(reference)
    found = []
    for at in range(2_000, 12_000, 500):
        block = make_block(rows[at : at + 500], reference.signals, start=at)
        found += detector.score(block)
        detector.learn(block)
    assert found == []


@pytest.mark.parametrize("size", [1, 3, 64, 400])
def test_does_not_depend_on_how_the_stream_is_cut(size: int) -> None:
    """First row and onset of each fault are the same whatever the length of the blocks."""
    stream = healthy(6, 400)
    stream[100:130, HEAT] = 60.0
    stream[200:, REPEATED] = 1.0
    stream[260:, HEAT] = 21.5

    def firsts(scores: list[Score]) -> dict[tuple[str, str], tuple[int, int]]:
        told: dict[tuple[str, str], tuple[int, int]] = {}
        for score in scores:
            told.setdefault((score.signal.name, score.detail.split()[0]), (score.row, score.onset_row))
        return told

    found = firsts(run(stream, size=size))
    assert found[("repeated_frame", "above")] == (209, 200)
    if size < 400:  # one score a signal and block: the worst
        assert found[("heat", "out")] == (109, 100)
        assert found[("heat", "stuck")] == (289, 260)


def test_a_value_that_used_to_rest_may_rest() -> None:
    """A sensor that held still for fifty rows in the reference is not called stuck after sixty."""
    rng = np.random.default_rng(7)
    rows = np.repeat(rng.normal(size=100), 50)[:, None]
    reference = fit_reference(rows, ["level"])
    detector = QualityDetector(reference)
    assert detector.score(make_block(np.full((60, 1), 0.5), reference.signals)) == []
    assert len(detector.score(make_block(np.full((300, 1), 0.5), reference.signals))) == 1
