"""Budgets are kept by thinning, in the declared order and without to and fro."""

from __future__ import annotations

import random
from collections import deque
from itertools import pairwise

import pytest

from agent.buffer.spending import SLOT_NS, SLOTS, Meter
from agent.buffer.thrift import Spent, Thrift

DAY = 256e6


def run(*needs: float, days: int = 28, bursts: float = 0.0, least: float = 0.0) -> tuple[list[int], float, Thrift]:
    """Spend for some weeks; a level needs so many budgets. Return the levels, the worst day's share, and the judge."""
    seeded = random.Random(1)
    thrift = Thrift({"what is written": DAY}, 0, least={"what is written": least * DAY} if least else None)
    levels, day, worst = [0], deque[float](maxlen=SLOTS), 0.0
    for slot in range(1, days * SLOTS + 1):
        count = needs[thrift.level] / SLOTS * DAY * seeded.uniform(0.8, 1.2)
        if seeded.random() < bursts:
            count += seeded.uniform(5e6, 20e6)
        day.append(count)
        worst = max(worst, sum(day) / DAY)
        if thrift.spend({"what is written": Spent(count)}, slot * SLOT_NS):
            levels.append(thrift.level)
    return levels, worst, thrift


@pytest.mark.parametrize("share", [0.4, 0.85])
def test_what_fits_is_never_thinned(share: float) -> None:
    """Four weeks of up to 85 % of the budget change nothing."""
    levels, worst, _ = run(share, 0.1, 0.05, 0.03)
    assert levels == [0]
    assert worst < 0.9


def test_findings_that_come_in_bursts_are_no_reason_to_thin() -> None:
    """Ten minutes that cost a twentieth of the day, a few times a day, do not change the level for long."""
    levels, worst, _ = run(0.2, 0.1, 0.05, 0.03, bursts=0.03)
    assert len(levels) <= 5
    assert worst < 1


@pytest.mark.parametrize(
    ("needs", "most"), [((2, 0.3, 0.1, 0.05), 1), ((5, 0.8, 0.3, 0.1), 3), ((20, 2.5, 0.5, 0.1), 3)]
)
def test_too_much_is_thinned_before_the_day_is_spent(needs: tuple[float, ...], most: int) -> None:
    """Two, five and twenty times the budget: no day passes it, one level at a time, and changes stay rare."""
    levels, worst, _ = run(*needs)
    assert worst <= 1.0
    assert max(levels) == most
    assert {abs(after - before) for before, after in pairwise(levels)} == {1}
    assert len(levels) <= 14


def test_a_level_goes_back_when_less_is_needed() -> None:
    """After days of too much, a quiet week ends as configured."""
    _, _, thrift = run(2, 0.3, 0.1, 0.05, days=5)
    assert thrift.level == 1
    for slot in range(5 * SLOTS + 1, 12 * SLOTS):
        thrift.spend({"what is written": Spent(DAY / SLOTS * 0.05)}, slot * SLOT_NS)
    assert (thrift.level, thrift.why) == (0, "")


def test_the_reason_names_what_would_be_passed() -> None:
    """Of two budgets the one that is too small is told, with its size."""
    thrift = Thrift({"what is written": 1e12, "what is kept": 100 << 20}, 0)
    for slot in range(1, SLOTS):
        thrift.spend({"what is written": Spent(3e6), "what is kept": Spent(3e6)}, slot * SLOT_NS)
    assert thrift.level > 0
    assert thrift.why == "what is kept would pass 104.9 MB a day"


def test_what_was_spent_survives_a_restart() -> None:
    """Level, day and memory go on; time that the agent was off does not count as time to spend."""
    _, _, thrift = run(20, 2.5, 0.5, 0.1, days=2)
    again = Thrift({"what is written": DAY}, 5 * SLOT_NS)
    again.restore(thrift.save(2 * SLOTS * SLOT_NS), 5 * SLOT_NS)
    assert again.level == thrift.level > 0
    assert again.meters["what is written"].total == thrift.meters["what is written"].total
    assert again.save(5 * SLOT_NS) == thrift.save(2 * SLOTS * SLOT_NS)


@pytest.mark.parametrize("stored", [b"", b"rubbish", b"\x85"])
def test_what_is_not_its_own_is_refused(stored: bytes) -> None:
    """Damage and other versions raise ValueError."""
    with pytest.raises(ValueError, match="what was spent is not known"):
        Thrift({"what is written": DAY}, 0).restore(stored, 0)


def test_a_day_is_the_last_24_hours() -> None:
    """What was spent goes out of the sum after 24 hours, to ten minutes."""
    meter = Meter(DAY, 0)
    meter.add(5.0, 0)
    assert meter.add(1.0, (SLOTS - 1) * SLOT_NS) == SLOTS - 1
    assert meter.total == 6.0
    meter.add(1.0, SLOTS * SLOT_NS)
    assert meter.total == 2.0
    meter.add(0.0, 10 * SLOTS * SLOT_NS)
    assert meter.total == 0.0


@pytest.mark.parametrize("least", [0.05, 0.5])
@pytest.mark.parametrize("needs", [0.6, 3.0])
@pytest.mark.parametrize("window", [0.01, 0.03, 0.15])
def test_windows_and_rows_together_never_pass_the_budget(least: float, needs: float, window: float) -> None:
    """Whatever findings come, at whatever pace, of whatever size: what there is room for is written, and no more."""
    seeded = random.Random(7)
    thrift = Thrift({"what is written": DAY}, 0, least={"what is written": least * DAY})
    day, worst, written, asked = deque[float](maxlen=SLOTS), 0.0, 0.0, 0.0
    for slot in range(1, 5 * SLOTS + 1):
        share = max(least, (needs, needs / 2, least, least)[thrift.level])
        count, burst = share / SLOTS * DAY * seeded.uniform(0.9, 1.1), 0.0
        if seeded.random() < 0.05:
            asked += window
            burst = window * DAY if window * DAY <= thrift.room("what is written") - count else 0.0
            written += burst / DAY
        day.append(count + burst)
        worst = max(worst, sum(day) / DAY)
        thrift.spend({"what is written": Spent(count + burst, burst=burst)}, slot * SLOT_NS)
    assert worst <= 1.0
    assert written == pytest.approx(asked) or written > 5 * (0.9 - least) / 4  # and what there is is used


def test_the_least_is_known_before_it_is_too_late() -> None:
    """What is written however far rows are thinned has room for the rest of the day when rows begin to be thinned."""
    levels, worst, _ = run(2, 0.6, 0.5, 0.5, least=0.5)
    assert max(levels) >= 1
    assert worst <= 1.0


def test_a_log_that_is_to_be_folded_in_counts_before_it_is() -> None:
    """What is owed is in what would be passed; when it is paid nothing changes."""
    meter = Meter(DAY, 0)
    for slot in range(7):
        meter.add(1.0, slot * SLOT_NS, owed=slot + 1.0)
    assert (meter.total, meter.owed, meter.rate()) == (7.0, 7.0, 2.0)
    assert meter.forecast(1) == 16.0
    meter.add(7.0, 6 * SLOT_NS, owed=0.0)
    assert (meter.total, meter.owed) == (14.0, 0.0)
    assert meter.forecast(0) == 14.0


def test_a_burst_is_spent_and_not_expected_again() -> None:
    """It is in the day's sum, and not in the pace."""
    meter = Meter(DAY, 0)
    meter.add(51.0, 0, burst=50.0)
    meter.add(1.0, SLOT_NS)
    meter.add(0.0, 2 * SLOT_NS)
    assert (meter.total, meter.rate()) == (52.0, 1.0)
