"""The p-values of series: that they keep their promise, in the far tail and early, and still see what is plain."""

from __future__ import annotations

import numpy as np

from detectors.series.jump import Jump
from detectors.series.promise import LATE_POINTS, Promise


def test_exponential_evidence_is_small_as_often_as_it_says() -> None:
    """Of 30 young series of 1,000 points each, no more than the share a has p <= a."""
    surprises: list[float] = []
    for seed in range(30):
        promise = Promise()
        surprises += map(promise.take, np.random.default_rng(seed).exponential(0.4, 1_000).tolist())
    for share in (1e-2, 1e-3, 1e-4):
        assert sum(surprise >= -np.log10(share) for surprise in surprises) <= 1.2 * share * len(surprises) + 2


def test_points_of_one_episode_are_worth_less_than_as_many_episodes() -> None:
    """The same evidence is more surprising where the large points of the past came one by one than at once."""
    single, together = np.zeros(2_000), np.zeros(2_000)
    single[::50] = together[1_000:1_040] = 1.0 + np.arange(40) / 40
    promises = [Promise(), Promise()]
    for promise, values in zip(promises, (single, together), strict=True):
        for value in [*values.tolist(), *[0.0] * LATE_POINTS]:
            promise.take(value)
    one_by_one, at_once = (promise.take(20.0) for promise in promises)
    assert one_by_one > at_once + 0.5


def test_an_episode_is_not_judged_by_its_own_beginning() -> None:
    """Of a jump that stays, the last point before it is learned is as surprising as the first."""
    promise = Promise()
    for value in np.random.default_rng(1).exponential(0.4, 2_000).tolist():
        promise.take(value)
    episode = [promise.take(6.0) for _ in range(LATE_POINTS + 400)]
    assert abs(episode[LATE_POINTS - 1] - episode[0]) < 0.3
    assert episode[-1] < episode[0] / 2


def test_a_jump_is_seen_in_five_hours_of_minutes() -> None:
    """Twenty standard deviations after 300 points have p < 1e-4 at the third, and noise has not."""
    for seed in range(8):
        jump, values = Jump(), np.random.default_rng(seed).normal(50, 2, 303)
        values[300:] += 40
        *quiet, _, _, third = map(jump.take, values.tolist())
        assert max(quiet) < 4 < third


def test_the_first_value_that_differs_is_as_rare_as_the_past_is_long() -> None:
    """After 2,000 equal values another one has no p-value that a past of 2,000 cannot vouch for."""
    jump = Jump()
    assert max(jump.take(0.1) for _ in range(2_000)) == 0
    assert 1.5 < jump.take(1e6) < 4
