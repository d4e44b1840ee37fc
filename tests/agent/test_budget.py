from __future__ import annotations

import pytest

from agent.budget import AlarmsConfig, share_budget

DAY_S = 86_400


class Rated:
    """A stream of a fixed rate."""

    def __init__(self, rate: float) -> None:
        self.rate, self.alarms_per = rate, 0.0

    def mean_rate(self) -> float:
        return self.rate

    def set_budget(self, alarms_per: float) -> None:
        self.alarms_per = alarms_per


def test_the_shares_of_all_streams_sum_to_the_budget() -> None:
    """Whatever their rates, all streams together are allowed one false alarm in the days of the budget."""
    streams = [Rated(0.01), Rated(5.0), Rated(3_000.0)]
    share_budget(AlarmsConfig(budget_days=10), streams)
    alarms = sum(10 * DAY_S * stream.rate / stream.alarms_per for stream in streams)
    assert pytest.approx(1.0) == alarms


def test_a_stream_without_a_rate_has_no_share() -> None:
    """A stream that has not run yet takes nothing from the others."""
    silent, busy = Rated(0.0), Rated(2.0)
    share_budget(AlarmsConfig(budget_days=1), [silent, busy])
    assert (silent.alarms_per, busy.alarms_per) == (0.0, 2.0 * DAY_S)
