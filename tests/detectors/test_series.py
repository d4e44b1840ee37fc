from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detectors import make_series_detector

STEP = 300.0
ROWS = 4_000


def _noise(seed: int = 0) -> list[float]:
    values: list[float] = np.random.default_rng(seed).normal(50, 2, ROWS).tolist()
    return values


def _scores(values: list[float]) -> list[float]:
    detector = make_series_detector()
    return [detector.update(value, STEP * row) for row, value in enumerate(values)]


def _alarms(values: list[float]) -> list[int]:
    return [row for row, score in enumerate(_scores(values)) if score >= 0.5]


def test_a_spike_is_an_alarm_at_its_row() -> None:
    """The row of the spike scores above .5 and nothing else near it does."""
    values = _noise()
    values[3_000] += 40
    assert [row for row in _alarms(values) if row > 2_900] == [3_000]


def test_scores_follow_from_the_past_alone() -> None:
    """The scores of a prefix are the prefix of the scores."""
    values = _noise(1)
    assert _scores(values)[:2_500] == _scores(values[:2_500])


def test_a_restored_detector_goes_on_as_if_uninterrupted() -> None:
    """State and restore in the middle change no score."""
    values = _noise(2)
    values[3_200] += 30
    first = make_series_detector()
    for row in range(2_000):
        first.update(values[row], STEP * row)
    second = make_series_detector()
    second.restore(first.state())
    assert _scores(values)[2_000:] == [second.update(values[row], STEP * row) for row in range(2_000, ROWS)]


def test_a_state_of_something_else_is_refused() -> None:
    """Bytes that are no state raise ValueError."""
    with pytest.raises(ValueError, match="series"):
        make_series_detector().restore(b"nonsense")


def test_a_gap_scores_nothing_and_teaches_nothing() -> None:
    """NaN and infinities score 0 and leave the state as it was."""
    detector = make_series_detector()
    for row, value in enumerate(_noise(3)):
        detector.update(value, STEP * row)
    before = detector.state()
    assert [detector.update(math.nan, STEP * ROWS), detector.update(math.inf, STEP * ROWS)] == [0.0, 0.0]
    assert before == detector.state()


def test_datetimes_and_seconds_mean_the_same() -> None:
    """A datetime without a zone counts as UTC, and as its seconds since 1970."""
    values = _noise(4)
    naive, aware = make_series_detector(), make_series_detector()
    begin = datetime(1970, 1, 1)  # noqa: DTZ001  # the case at hand
    for row, value in enumerate(values[:500]):
        later = timedelta(seconds=STEP * row)
        assert naive.update(value, begin + later) == aware.update(value, begin.replace(tzinfo=UTC) + later)
    seconds = _scores(values[:500])
    again = make_series_detector()
    assert seconds == [again.update(v, begin + timedelta(seconds=STEP * row)) for row, v in enumerate(values[:500])]
