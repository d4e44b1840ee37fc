from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from detectors import SeriesDetector, make_series_detector
from detectors.series import SHAPE_POINTS

from .series_families import DAY, QUIET, STEP, happening, rhythm

ROWS, AT = 4_000, 3_000


def _noise(seed: int = 0, rows: int = ROWS) -> list[float]:
    values: list[float] = np.random.default_rng(seed).normal(50, 2, rows).tolist()
    return values


def _scores(values: list[float], detector: SeriesDetector | None = None, start: int = 0) -> list[float]:
    detector = detector or make_series_detector()
    return [detector.update(value, STEP * row) for row, value in enumerate(values, start=start)]


def _alarms(values: list[float], since: int = 0) -> list[int]:
    return [row for row, score in enumerate(_scores(values)) if score >= 0.5 and row >= since]


def test_the_scores_of_a_seeded_stream_are_these() -> None:
    """A spike and a level shift on seeded noise: the alarms' rows and scores, exactly."""
    values = happening("level shift", happening("spike", np.array(_noise(7)), 1_500), AT)
    scores = _scores(values.tolist())
    assert {row: round(score, 6) for row, score in enumerate(scores) if score >= 0.5} == PINNED


@pytest.mark.parametrize("kind", ["spike", "level shift", "trend", "variance", "flat line"])
@pytest.mark.parametrize("amplitude", [0, 1], ids=["level", "daily"])
def test_each_shape_is_found_soon_and_named(kind: str, amplitude: int) -> None:
    """Within 30 points in eight seeds of eight; some points later the name is right in at least five of them."""
    found, named = 0, 0
    for seed in range(8):
        noise, wave = np.array(_noise(seed)), amplitude * rhythm(ROWS)
        values = happening(kind, noise + wave, AT) if kind == "flat line" else happening(kind, noise, AT) + wave
        detector = make_series_detector()
        first = None
        for row, value in enumerate(values):
            score = detector.update(value, STEP * row)
            if score >= 0.5 and row >= AT and first is None:
                first = row
            if first is not None and row == first + SHAPE_POINTS:
                break
        found += first is not None and first < AT + 30
        named += detector.shape == kind
    assert found == 8
    assert named >= 5


def test_one_episode_is_one_alarm() -> None:
    """A level that shifts and stays, or ten hours of wild noise, alarm at most twice within a day."""
    for kind in ("level shift", "variance"):
        for seed in range(4):
            alarms = [
                row for row in _alarms(happening(kind, np.array(_noise(seed)), AT).tolist(), AT) if row < AT + DAY
            ]
            assert 1 <= len(alarms) <= 2, (kind, seed)


def test_an_outage_of_sparse_counts_is_seen() -> None:
    """Counts of mean .5 that stop alarm within 40 points."""
    for seed in range(4):
        counts = QUIET["counts"](np.random.default_rng(seed), AT + 40)
        counts[AT:] = 0
        assert _alarms(counts.tolist(), AT), seed


def test_scores_are_the_same_with_p_values_and_without() -> None:
    """To judge is to score, and to say besides how rare that is."""
    alone, judged = make_series_detector(), make_series_detector()
    values = [*_noise(3), 90.0, 91.0]
    assert [judged.judge(value, STEP * row).score for row, value in enumerate(values)] == _scores(values, alone)


def test_a_far_extrapolation_counts_for_the_p_value_more_than_for_the_score() -> None:
    """Of a spike a thousand times another the p-value is less than a tenth, the score higher by less than .15."""
    verdicts = []
    for factor in (1, 1_000):
        detector = make_series_detector()
        for row, value in enumerate(_noise(7)):
            detector.judge(value, STEP * row)
        verdicts.append(detector.judge(50.0 + 40.0 * factor, STEP * ROWS))
    small, large = verdicts
    assert large.p_value < small.p_value / 10
    assert small.score < large.score < small.score + 0.15


def test_an_outage_soon_after_a_false_alarm_is_seen() -> None:
    """Counts of mean 20 alarm some 50 points before they stop for good, and again within 15 points."""
    counts = np.random.default_rng(0).poisson(20, ROWS).astype(np.float64)
    counts[AT:] = 0
    alarms = _alarms(counts[: AT + DAY].tolist())
    assert [row for row in alarms if AT - 60 <= row < AT]
    assert [row for row in alarms if AT <= row < AT + 15]


def test_scores_follow_from_the_past_alone() -> None:
    """The scores of a prefix are the prefix of the scores."""
    values = happening("level shift", np.array(_noise(1)), AT).tolist()
    assert _scores(values)[:3_100] == _scores(values[:3_100])


@pytest.mark.parametrize("cut", [1, 50, 2_000, AT + 1])
def test_a_restored_detector_goes_on_as_if_uninterrupted(cut: int) -> None:
    """State and restore anywhere change no score and no shape, in the middle of an episode too."""
    values = happening("level shift", np.array(_noise(2)), AT).tolist()
    whole, first, second = make_series_detector(), make_series_detector(), make_series_detector()
    expected = _scores(values, whole)
    _scores(values[:cut], first)
    second.restore(first.state())
    assert expected[cut:] == _scores(values[cut:], second, cut)
    assert whole.shape == second.shape


def test_state_is_small_and_does_not_grow() -> None:
    """At most 60 kB after a day as after seventy."""
    detector = make_series_detector()
    _scores(_noise(rows=70 * DAY), detector)
    assert len(detector.state()) < 60_000


@pytest.mark.parametrize("state", [b"nonsense", b""])
def test_a_state_of_something_else_is_refused(state: bytes) -> None:
    """Bytes that are no state raise ValueError, and the detector stays as it was."""
    detector = make_series_detector()
    _scores(_noise()[:500], detector)
    before = detector.state()
    with pytest.raises(ValueError, match="series"):
        detector.restore(state)
    assert before == detector.state()


def test_a_missing_value_scores_nothing_and_teaches_nothing() -> None:
    """NaN and infinities score 0 and leave the state as it was."""
    detector = make_series_detector()
    _scores(_noise(3), detector)
    before = detector.state()
    assert [detector.update(math.nan, STEP * ROWS), detector.update(math.inf, STEP * ROWS)] == [0.0, 0.0]
    assert before == detector.state()
    verdict = detector.judge(math.nan, STEP * ROWS)
    assert (verdict.score, verdict.p_value, verdict.shape) == (0.0, 1.0, "")


def test_units_and_signs_do_not_matter() -> None:
    """A series in other units, or upside down, alarms at the same rows."""
    values = happening("spike", np.array(_noise(5)), AT)
    assert _alarms(values.tolist()) == _alarms((values * -1024).tolist())


def test_datetimes_and_seconds_mean_the_same() -> None:
    """A datetime without a zone counts as UTC, and as its seconds since 1970."""
    values = _noise(4)[:500]
    naive, aware = make_series_detector(), make_series_detector()
    begin = datetime(1970, 1, 1)  # noqa: DTZ001  # the case at hand
    times = [timedelta(seconds=STEP * row) for row in range(len(values))]
    seconds = _scores(values)
    assert seconds == [naive.update(value, begin + time) for value, time in zip(values, times, strict=True)]
    begin = begin.replace(tzinfo=UTC)
    assert seconds == [aware.update(value, begin + time) for value, time in zip(values, times, strict=True)]


def test_a_rhythm_is_no_alarm_and_its_break_is() -> None:
    """Days that repeat are quiet from the third on; a night in place of a day is an alarm."""
    values = np.random.default_rng(6).normal(0, 1, 14 * DAY) + rhythm(14 * DAY)
    quiet = _alarms(values.tolist(), 2 * DAY)
    assert len(quiet) <= 2
    values[10 * DAY : 10 * DAY + DAY // 2] -= 2 * rhythm(DAY // 2)
    broken = [row for row in _alarms(values.tolist(), 10 * DAY) if row < 10 * DAY + DAY // 2]
    assert broken


def test_a_weekend_is_no_alarm_once_weeks_were_seen() -> None:
    """Of six weeks with a day's rhythm on weekdays only, the last three alarm at most twice."""
    random = np.random.default_rng(8)
    assert len(_alarms(QUIET["weekdays"](random, 42 * DAY).tolist(), 21 * DAY)) <= 2


@pytest.mark.parametrize("fault", ["gap", "back", "still", "jitter"])
def test_clocks_that_lie_raise_no_alarm(fault: str) -> None:
    """A gap of two days, a clock set back a minute or standing still, and jitter: no alarm in the day after."""
    values = np.random.default_rng(9).normal(0, 1, 10 * DAY) + rhythm(10 * DAY)
    seconds = STEP * np.arange(10 * DAY)
    keep = np.ones(len(seconds), bool)
    at = slice(7 * DAY, None)
    if fault == "gap":
        keep[7 * DAY : 9 * DAY + 100] = False
    elif fault == "back":
        seconds[at] -= 60
    elif fault == "still":
        seconds[7 * DAY : 7 * DAY + 6] = seconds[7 * DAY]
    else:
        seconds += np.random.default_rng(1).uniform(-400, 400, len(seconds))
    detector = make_series_detector()
    scores = [detector.update(v, t) for v, t in zip(values[keep].tolist(), seconds[keep].tolist(), strict=True)]
    assert [row for row, score in enumerate(scores) if score >= 0.5 and 7 * DAY <= row < 8 * DAY] == []


@pytest.mark.parametrize("family", QUIET)
def test_p_values_and_alarms_keep_their_promise_on_quiet_series(family: str) -> None:
    """Of 10,000 quiet points at most three times the share a has p <= a, up to chance; 1 in 1,000 alarms."""
    detector = make_series_detector()
    rows, begin = 10_750, 750
    values = QUIET[family](np.random.default_rng(11), rows).tolist()
    verdicts = [detector.judge(value, STEP * row) for row, value in enumerate(values)][begin:]
    for share in (1e-2, 1e-3, 1e-4):
        expected = share * len(verdicts)
        assert sum(v.p_value <= share for v in verdicts) <= 3 * expected + 3
    assert sum(v.score >= 0.5 for v in verdicts) <= len(verdicts) / 1_000


def test_times_without_any_order_do_no_harm() -> None:
    """Times far apart, negative and in no order give scores in [0, 1], and a spike is still found."""
    times = np.random.default_rng(12).uniform(-1e12, 1e12, ROWS).tolist()
    values = happening("spike", np.array(_noise(12)), AT).tolist()
    detector = make_series_detector()
    scores = [detector.update(value, time) for value, time in zip(values, times, strict=True)]
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert max(scores[AT : AT + 5]) >= 0.5


def test_values_at_the_edge_of_floats_do_no_harm() -> None:
    """Huge, tiny and alternating values give scores in [0, 1]."""
    values = [0.0, 1e308, -1e308, 5e-324, 1e-300, 0.0] * 200
    assert all(0.0 <= score <= 1.0 for score in _scores(values))


PINNED = {1383: 0.575701, 1500: 0.619797, 3004: 0.505185}
