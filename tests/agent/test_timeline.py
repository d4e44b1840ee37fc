"""Which wall time a moment of a boot has."""

from __future__ import annotations

import numpy as np

from agent.timeline import SLEW, Timeline

SECOND = 10**9


def test_time_never_goes_back_whatever_is_followed() -> None:
    """Clocks that are found ahead and behind, and sleep: a later moment has a later time, at every microsecond."""
    line, random = Timeline.at(5 * SECOND), np.random.default_rng(3)
    monotonic = slept = 0
    for _ in range(30):
        monotonic += int(random.integers(1, SECOND))
        line = line.moved(monotonic + slept, 5 * SECOND + int(random.integers(-SECOND, SECOND)))
        if random.random() < 0.3:
            slept += int(random.integers(1, 9 * 3_600 * SECOND))
            line = line.slept(monotonic, slept)
    moments = np.sort(random.integers(0, monotonic + 20 * SECOND, 200_000))
    assert bool((np.diff(line.walls_ns(moments)) >= np.where(np.diff(moments) > 1, 1, 0)).all())


def test_what_is_learned_changes_no_time_of_before() -> None:
    """A clock that is found behind, ahead and asleep: what was dated is dated the same when it is read once more."""
    line, moments = Timeline.at(0), np.arange(0, 10 * SECOND, SECOND // 10)
    before = line.walls_ns(moments)
    for later in (
        line.moved(10 * SECOND, -SECOND),
        line.moved(10 * SECOND, SECOND),
        line.slept(10 * SECOND, 3_600 * SECOND),
    ):
        assert later.walls_ns(moments).tolist() == before.tolist()


def test_a_clock_that_is_behind_is_waited_for() -> None:
    """A second takes ten; from then on both show the same."""
    line = Timeline.at(0).moved(0, -SECOND)
    assert [line.wall_ns(at * SECOND) / SECOND for at in (0, 5, SLEW, 20)] == [0.0, 4.5, 9.0, 19.0]
    assert line.target_ns == -SECOND


def test_one_moment_and_many_have_the_same_times() -> None:
    """The two ways to ask agree."""
    line = Timeline.at(7).moved(1_000, -300).moved(9_000, 500).shifted(10**15)
    moments = np.arange(0, 12_000, 7)
    assert line.walls_ns(moments).tolist() == [line.wall_ns(int(moment)) for moment in moments]


def test_it_stays_small() -> None:
    """Years of changes are forgotten, the oldest first."""
    line = Timeline.at(0)
    for at in range(1_000):
        line = line.moved(at, at % 3).slept(at, at)
    assert [len(line.moves), len(line.sleeps)] == [32, 32]
