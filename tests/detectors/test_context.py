"""Contexts: a daily rhythm is learned, taken off, and costs neither alarms nor delay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.baselines import rhythm_words
from agent.model import Signal
from detectors import decode_reference, fit_reference, make_shift_detector
from detectors.archive import decode_rows
from detectors.reference import ReferenceLearner, fit_rows
from detectors.rhythm import DAY_NS, HOURS, has_rhythm, rhythm
from tests.detectors.streams import autoregressive, make_block

if TYPE_CHECKING:
    from agent.model import Score
    from detectors.learned import Reference

START_NS = 1_790_000_000_000_000_000
PER_DAY = 1_440  # a row a minute


def clock(days: int, per_day: int = PER_DAY) -> np.ndarray:
    """Give the times of so many days of rows."""
    return START_NS + np.arange(days * per_day, dtype=np.int64) * (DAY_NS // per_day)


def rhythmic(seed: int, days: int, vary: float = 0.05, width: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Give a stream whose signals follow the day, each in its own way; days differ by `vary`, and its times."""
    rng = np.random.default_rng(seed)
    times = clock(days)
    hour, day = times % DAY_NS / DAY_NS * 24, (times - times[0]) // DAY_NS
    shapes = [
        np.sin(2 * np.pi * hour / 24),
        np.where((hour >= 7) & (hour < 18), 1.0, -1.0),
        2 * np.exp(-(((hour - 13) / 2.5) ** 2)) - 0.5,
        np.clip(1 - np.abs(hour - 15) / 5, 0, 1) * 2 - 0.5,
    ]
    rows = rng.normal(size=(len(times), width))
    for at in range(width):
        size, level = 1.5 * (1 + vary * rng.normal(size=days)), vary * rng.normal(size=days)
        rows[:, at] += size[day] * shapes[at % len(shapes)] + level[day]
    return rows, times


def run(reference: Reference, rows: np.ndarray, times: np.ndarray | None, alarms_per: float) -> list[Score]:
    """Feed a stream in blocks of 240 rows."""
    detector = make_shift_detector(reference, alarms_per)
    return [
        score
        for at in range(0, len(rows), 240)
        for score in detector.update(rows[at : at + 240], None if times is None else times[at : at + 240])
    ]


def both(rows: np.ndarray, times: np.ndarray, days: int) -> tuple[Reference, Reference]:
    """Fit a reference to the first days, without and with their times."""
    known = days * PER_DAY
    return fit_reference(rows[:known], list("abcd")), fit_reference(rows[:known], list("abcd"), time_ns=times[:known])


def test_a_month_of_days_keeps_the_budget() -> None:
    """Thirty quiet days with rhythms of four shapes, days differing, hold no more alarms than the budget allows."""
    alarms = 0
    for seed in range(4):
        rows, times = rhythmic(seed, 34)
        reference = both(rows, times, 4)[1]
        assert rhythm_words(reference.describe()) == "knows the daily rhythm of a, b, c, d from 4 days"
        live = slice(4 * PER_DAY, None)
        alarms += len({score.row for score in run(reference, rows[live], times[live], 4e4)})
    assert alarms <= 4  # of 172,800 rows: 4.3 are allowed


def test_a_shift_is_found_in_a_fraction_of_the_time() -> None:
    """Half the rhythm's amplitude, for ever: found within two days by its context, and not in eight without it."""
    rows, times = rhythmic(1, 17, vary=0.02)
    live, begin = slice(7 * PER_DAY, None), 2 * PER_DAY
    rows[7 * PER_DAY + begin :, 0] += 0.75
    plain, knowing = both(rows, times, 7)
    first = run(knowing, rows[live], times[live], 1e6)[0]
    assert (first.signal.name, 0 <= first.row - begin < 2 * PER_DAY) == ("a", True)
    assert run(plain, rows[live], None, 1e6) == []


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_without_a_rhythm_nothing_changes(memory: float) -> None:
    """A stream without daily rhythm is judged the same with times and without, to the last bit."""
    rows, times = autoregressive(np.random.default_rng(3), 6 * PER_DAY, 4, memory), clock(6)
    rows[5 * PER_DAY :, 1] += 4
    plain, dated = both(rows, times, 4)
    assert dated.encode() == plain.encode()
    live = slice(4 * PER_DAY, None)
    with_times = run(dated, rows[live], times[live], 1e5)
    assert [(s.row, s.value) for s in with_times] == [(s.row, s.value) for s in run(plain, rows[live], None, 1e5)] != []


@pytest.mark.parametrize(("days", "shift_ns"), [(2, 0), (4, -START_NS)], ids=["two days", "clock not set"])
def test_no_context_without_days_or_clock(days: int, shift_ns: int) -> None:
    """Two days are not enough, and times of a clock that was never set are not believed."""
    rows, times = rhythmic(0, 4)
    plain, dated = both(rows, times + shift_ns, days)
    assert dated.encode() == plain.encode()


def test_survives_being_stored() -> None:
    """A reference with a context, and a detector in the middle of a stream, go on as if nothing had happened."""
    rows, times = rhythmic(2, 9)
    rows[6 * PER_DAY :, 0] += 2
    reference = both(rows, times, 4)[1]
    again = decode_reference(reference.encode())
    assert again.encode() == reference.encode()
    first, second = make_shift_detector(reference, 1e4), make_shift_detector(again, 1e4)
    half = slice(4 * PER_DAY, 5 * PER_DAY + 3)
    first.update(rows[half], times[half])
    second.restore(first.state())
    rest = slice(5 * PER_DAY + 3, None)
    assert first.update(rows[rest], times[rest]) == second.update(rows[rest], times[rest]) != []


def test_rows_without_times_are_refused() -> None:
    """A reference that knows a rhythm cannot judge rows whose hour is not known, and says so."""
    rows, times = rhythmic(0, 4)
    detector = make_shift_detector(both(rows, times, 4)[1])
    with pytest.raises(ValueError, match="daily rhythm"):
        detector.update(rows[:10])
    with pytest.raises(ValueError, match=r"shape \(3,\), and should be one int64 for each of 10 rows"):
        detector.update(rows[:10], times[:3])
    with pytest.raises(ValueError, match="float64"):
        fit_reference(rows, list("abcd"), time_ns=times.astype(float))


def test_a_clock_that_is_not_set_is_evidence_of_nothing() -> None:
    """After a power cut the clock may begin in 1970: no alarm comes of hours that are not known."""
    rows, times = rhythmic(0, 8)
    reference = both(rows, times, 4)[1]
    live = slice(4 * PER_DAY, None)
    assert run(reference, rows[live] + 3, times[live], 1e4) != []
    found = run(reference, rows[live] + 3, times[live] - START_NS, 1e4)
    watched = set(reference.context.index.tolist())
    assert {score.detail for score in found} <= {"odd value up"}  # what is never usual, at no hour
    assert len(watched) > 10


def test_noise_has_no_rhythm() -> None:
    """Of streams with a memory of hours few are said to have a rhythm, and what is left of it is small."""
    found, left = [], []
    for seed in range(20):
        hourly = autoregressive(np.random.default_rng(seed), 5 * HOURS, 12, 0.8).reshape(5, HOURS, 12)
        found.append(bool(has_rhythm(hourly).any()))
        left.append(float((rhythm(hourly) ** 2).mean() / hourly.var()))
    assert sum(found) <= 3  # of 20, at a level of .05
    assert np.mean(left) < 0.1


def test_a_rhythm_is_measured_where_hours_are_missing() -> None:
    """A service that rests at night, and one day until noon: its rhythm is the same as without the gaps."""
    shape = np.cos(2 * np.pi * np.arange(HOURS) / HOURS)
    hourly = (shape + 0.01 * np.random.default_rng(0).normal(size=(4, HOURS)) + np.arange(4)[:, None])[:, :, None]
    whole = rhythm(hourly)[:, 0]
    hourly[1, :12] = np.nan
    hourly[:, :3] = np.nan
    gaps = rhythm(hourly)[:, 0]
    assert gaps[:3].tolist() == [0, 0, 0]
    expected = shape[3:] - shape[3:].mean()
    assert gaps[3:] == pytest.approx(expected, abs=0.03)
    assert whole == pytest.approx(shape, abs=0.03)


def test_a_fast_stream_is_learned_over_days() -> None:
    """Where three days are asked for, runs spread over them are kept in bounded memory, and show the rhythm."""
    signals = (Signal("a", "input"), Signal("b", "input"))
    learner, reference = ReferenceLearner(signals, 1_000, 259_200.0, 10_000), None
    rng, step_ns, start = np.random.default_rng(0), 10 * 10**9, 0
    while reference is None:
        times = START_NS + (start + np.arange(500)) * step_ns
        rows = rng.normal(size=(500, 2)) + 1.5 * np.sin(2 * np.pi * times / DAY_NS)[:, None] * [1, 0]
        reference = learner.add(replace(make_block(rows, signals), time_ns=times))
        start += 500
    assert (learner.rows, learner.target, reference.rows <= 10_000) == (26_000, 25_921, True)
    assert rhythm_words(reference.describe()) == "knows the daily rhythm of a from 3 days"
    assert fit_rows(decode_rows(learner.archive())).encode() == reference.encode()
