"""Kill -9 of an agent at any moment, hundreds of times over."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.faults.counts import scaled, spread
from tests.faults.killing import Tally, kill_often

if TYPE_CHECKING:
    from agent.buffer import Capture


@pytest.mark.faults
@pytest.mark.parametrize(("capture", "each_kill"), [("all", 0.75), ("flight-recorder", 0.25)])
def test_kills_at_any_moment_lose_nothing_double_nothing_and_never_stop_a_start(
    capture: Capture, each_kill: float
) -> None:
    """While starting, folding a log in, beginning a segment, storing: what was acknowledged is there, and once."""
    seeds = range(scaled(4, each_kill))
    tally = sum(spread(partial(kill_often, capture=capture), seeds), Tally())
    print(f"capture = {capture}: {tally}")  # noqa: T201  # `make faults` shows it
    assert tally.wrong == []
    assert tally.kills == len(seeds)
