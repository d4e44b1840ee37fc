from __future__ import annotations

import numpy as np

from agent.model import Signal
from detectors import fit_reference
from detectors.errors import FAILED, WINDOW, ErrorDetector
from tests.detectors.streams import make_block

SIGNALS = (Signal("a", "input"),)


def _detector() -> ErrorDetector:
    return ErrorDetector(fit_reference(np.random.default_rng(0).normal(size=(200, 1)), SIGNALS))


def _run(detector: ErrorDetector, status: np.ndarray, size: int = 25) -> list[tuple[int, int]]:
    found = []
    for at in range(0, len(status), size):
        part = status[at : at + size]
        block = make_block(np.full((len(part), 1), np.nan), SIGNALS, start=at, status=part)
        found += [(score.row, score.onset_row) for score in detector.score(block)]
        detector.learn(block)
    return found


def test_a_model_that_only_raises_is_a_fault() -> None:
    """Known at the thirtieth failed call in a row, and dated to the first."""
    status = (np.arange(300) >= 110).astype(np.uint8)
    assert _run(_detector(), status)[0] == (110 + FAILED - 1, 110)


def test_the_fault_ends_when_calls_succeed() -> None:
    """Nothing is reported once the window holds enough results again."""
    status = np.zeros(400, np.uint8)
    status[100:150] = 1
    rows = [row for row, _ in _run(_detector(), status, size=10)]
    assert (min(rows), max(rows) < 150 + WINDOW) == (129, True)


def test_failures_now_and_then_are_no_fault() -> None:
    """One call in four may fail at random, for a hundred thousand calls."""
    status = (np.random.default_rng(1).random(100_000) < 0.25).astype(np.uint8)
    assert _run(_detector(), status, size=1_000) == []
