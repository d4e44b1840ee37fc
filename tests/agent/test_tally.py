from __future__ import annotations

import numpy as np
import pytest

from agent.summary import GAMMA, summarise
from agent.tally import Tally, add
from tests.agent.buffer.blocks import make_block


def _tally(latency_s: list[float]) -> Tally:
    """As a stored minute of these latencies is tallied."""
    from agent.buffer.history import tally_of  # noqa: PLC0415  # the tally itself needs no buffer

    block = make_block(len(latency_s))
    block.latency_s[:] = latency_s
    return tally_of(summarise([block], 0, 60.0, {}))


def test_quantiles_of_a_sum_are_those_of_all_values() -> None:
    """Adding tallies loses nothing: quantiles are within one per cent of those of all latencies together."""
    random = np.random.default_rng(3)
    some, others = random.gamma(4, 0.002, 3_000), random.gamma(30, 0.004, 500)
    whole = add([_tally(some.tolist()), _tally(others.tolist())])
    everything = np.concatenate([some, others])
    assert whole.inferences == 3_500
    for share in (0.5, 0.99):
        assert whole.quantile(share) == pytest.approx(np.quantile(everything, share, method="lower"), rel=0.011)


def test_nothing_has_no_quantile() -> None:
    """Where nothing was measured no figure is made up."""
    assert add([]).quantile(0.5) is None


def test_parts_of_a_tally_add_up_to_it() -> None:
    """What is spread over several spans is counted once in all."""
    whole = Tally(inferences=1_001, failed=7)
    parts = [whole.part(5, at) for at in range(5)]
    assert (sum(part.inferences for part in parts), sum(part.failed for part in parts)) == (1_001, 7)


def test_latencies_beyond_all_buckets_count_as_the_outermost() -> None:
    """A clock that ran wild makes no gap in the counts."""
    whole = add([Tally(1, 0, 5_000, np.ones(1, np.int64)), Tally(1, 0, -5_000, np.ones(1, np.int64))])
    assert int(whole.counts.sum()) == 2
    highest = whole.quantile(1.0)
    assert highest is not None
    assert highest == pytest.approx(1e6, rel=GAMMA - 1 + 0.01)
