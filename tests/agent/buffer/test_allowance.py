"""What rows around findings may write is bounded by a day's allowance and by what the budget leaves."""

from __future__ import annotations

from agent.buffer.allowance import FOLDED, Allowance, cost_of
from agent.clock import ManualClock

HOUR_S = 3_600.0


def test_a_day_is_spent_once_in_any_24_hours() -> None:
    """Nothing fills up before what was spent is a day old, and a restart does not change that."""
    clock = ManualClock(0)
    allowance = Allowance(100, 1_000, 0, lambda: 1_000.0, clock)
    allowance.spend(70)
    clock.advance(23 * HOUR_S)
    assert allowance.room == 30
    again = Allowance(100, 1_000, 0, lambda: 1_000.0, clock)
    again.restore(allowance.save())
    assert again.room == 30
    clock.advance(HOUR_S)
    assert again.room == 100


def test_what_the_budget_leaves_bounds_it_and_what_is_on_its_way_counts() -> None:
    """Until what was spent is seen as written, it is taken off what is left."""
    left = [50.0]
    allowance = Allowance(1_000, 1_000, 0, lambda: left[0], ManualClock(0))
    allowance.spend(40)
    assert allowance.room == 10
    left[0] = 10.0
    assert (allowance.settle(), allowance.room) == (40, 10)
    left[0] = -5.0
    assert allowance.room == 0


def test_one_window_cannot_fill_what_is_kept() -> None:
    """More than a share of the size limit is never spent at once."""
    assert Allowance(1_000, 20, 0, lambda: 1_000.0, ManualClock(0)).room == 20


def test_room_is_held_until_it_is_spent() -> None:
    """What everything else has to leave free becomes less with every window, and is never more than the allowance."""
    allowance = Allowance(100, 1_000, 60, lambda: 1_000.0, ManualClock(0))
    assert allowance.held == 60
    allowance.spend(45)
    assert allowance.held == 15
    allowance.spend(45)
    assert allowance.held == 0
    assert Allowance(10, 1_000, 60, lambda: 1_000.0, ManualClock(0)).held == 10


def test_rows_cost_their_log_and_its_folding() -> None:
    """What is in the log is written again when it is folded in."""
    assert cost_of(1_000) == 1_000 * (1 + FOLDED)
