"""Kill -9 of an agent at any moment, hundreds of times over."""

from __future__ import annotations

import pytest

from tests.faults.counts import scaled, spread
from tests.faults.killing import kill_often


@pytest.mark.faults
def test_kills_at_any_moment_lose_nothing_double_nothing_and_never_stop_a_start() -> None:
    """While starting, folding a log in, beginning a segment, storing: what was acknowledged is there, and once."""
    assert [line for part in spread(kill_often, range(scaled(5, 1))) for line in part] == []
