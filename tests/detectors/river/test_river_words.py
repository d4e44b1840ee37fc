from __future__ import annotations

import msgspec
import numpy as np

from agent.model import Score, Signal
from agent.ports import Case
from detectors.cause import CauseExplainer
from detectors.river import RiverConfig, river_factories
from tests.detectors.river.streams_of_river import judged, reference_of
from tests.detectors.streams import STREAM, make_block

SIGNALS = (Signal("a", "input"), Signal("b", "input"), Signal("c", "input"))


def _scores(*entries: RiverConfig) -> list[Score]:
    values = np.random.default_rng(3).normal(size=(2_100, 3))
    values[2_000:, 0] += 4
    reference = reference_of(values[:1_000], *SIGNALS)
    blocks = [make_block(values[at : at + 50], SIGNALS, start=at) for at in range(1_000, 2_100, 50)]
    return [score for make in river_factories(entries).values() for score in judged(make(reference, 0.0), blocks)[:1]]


def _explained(scores: list[Score]) -> tuple[str, str]:
    said = CauseExplainer().explain(Case(stream=STREAM, scores=tuple(scores), effects=(), host=(), changes=()))
    return said.kind, said.sentence


def test_a_drift_is_told_in_the_words_of_the_detector_that_says_it() -> None:
    """Several of them each say their own."""
    scores = _scores(RiverConfig("adwin", ("a",)), RiverConfig("page_hinkley", ("a",)))
    kind, sentence = _explained(scores)
    assert kind == "drift"
    begin = "ADWIN says the mean of a changed: 3.89, was 0.0224; Page-Hinkley says the mean of a changed: "
    assert sentence.startswith(begin)


def test_outliers_are_told_with_the_signals_and_the_one_that_tells_most() -> None:
    """The signal that moved is named, of the three that are looked at together."""
    (score,) = _scores(RiverConfig("half_space_trees", ("*",), {"n_trees": 50}))
    kind, sentence = _explained([score])
    assert (kind, score.signal.name) == ("outliers", "a")
    assert sentence.startswith("HalfSpaceTrees says rows are unusual in a, b, c together, most in a: more than ")
    assert abs(score.onset_row - 1_000) < 20
    assert 1_000 < score.row < 1_060


def test_a_drift_of_the_errors_is_told_in_the_words_of_the_detector_too() -> None:
    """ADWIN sees errors become fewer as well as more: nobody says that accuracy has fallen."""
    (score,) = _scores(RiverConfig("adwin", ("a",)))
    wrong = Signal("wrong", "output", "flag")
    score = msgspec.structs.replace(score, signal=wrong, detail="ADWIN says the mean of wrong changed: 0.1, was 0.3")
    assert _explained([score]) == ("drift", "ADWIN says the mean of wrong changed: 0.1, was 0.3.")


def test_beside_a_detector_with_a_promise_the_words_are_that_ones() -> None:
    """An alarm of the shift detector makes the finding a shift, whoever else saw it."""
    (score,) = _scores(RiverConfig("adwin", ("a",)))
    shift = msgspec.structs.replace(score, detector="shift", signal=SIGNALS[1], detail="rank up")
    kind, sentence = _explained([score, shift])
    assert (kind, sentence.startswith("ADWIN")) == ("input_shift", False)
