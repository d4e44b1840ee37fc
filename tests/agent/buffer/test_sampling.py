"""Samples: their weights count the inferences, and no rhythm hides between them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agent.buffer.sampling import Sampler
from tests.agent.buffer.blocks import make_block


@pytest.mark.parametrize("every", [1, 2, 3, 100])
def test_the_weights_and_what_waits_count_every_inference(every: int) -> None:
    """Whatever the sizes of blocks, after each of them."""
    random = np.random.default_rng(3)
    sampler = Sampler(0, np.random.default_rng(1))
    seen, kept = 0, 0
    stood_for = 0.0
    for size in random.integers(0, 400, 200).tolist():
        weights = sampler.weights(make_block(size), every)
        seen, kept, stood_for = seen + size, kept + int((weights > 0).sum()), stood_for + float(weights.sum())
        assert stood_for + sampler.gap == seen
    assert seen / kept == pytest.approx(every, rel=0.05)


def test_a_rhythm_of_the_stream_is_sampled_at_all_its_phases() -> None:
    """Every hundredth row of a rhythm of 50 rows would always be the same one."""
    sampler = Sampler(0, np.random.default_rng(1))
    weights = sampler.weights(make_block(200_000), 100)
    phases = np.bincount(np.flatnonzero(weights) % 50, minlength=50)
    assert phases.min() > 10


def test_failed_inferences_are_kept_up_to_so_many_a_minute() -> None:
    """They stand for themselves; those beyond are sampled like the others, and counted."""
    sampler = Sampler(5, np.random.default_rng(1))
    block = make_block(1_000)
    failing = replace(block, status=np.repeat(np.array([0, 1], np.uint8), [900, 100]))
    weights = sampler.weights(failing, 100)
    assert weights[900:905].tolist() == [1, 1, 1, 1, 1]
    assert float(weights.sum()) + sampler.gap == 1_000
    assert np.count_nonzero(weights[905:]) <= 2


def test_nothing_is_sampled_where_that_was_thinned_away() -> None:
    """Failed ones neither; and what passed meanwhile is not counted when sampling goes on."""
    sampler = Sampler(5, np.random.default_rng(1))
    failing = replace(make_block(5_000), status=np.ones(5_000, np.uint8))
    assert not sampler.weights(failing, 0).any()
    weights = sampler.weights(make_block(1_000), 10)
    assert float(weights.sum()) + sampler.gap == 1_000
