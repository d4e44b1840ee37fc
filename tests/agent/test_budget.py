from __future__ import annotations

import pytest

from agent.budget import DEVICE_SHARE, AlarmsConfig, points_per_alarm, share_budget
from agent.wiring import BUDGET_SHARES, ERROR_BUDGET_SHARES, SERIES_SHARE

DAY_S = 86_400


class Rated:
    """A stream of a fixed rate."""

    def __init__(self, rate: float) -> None:
        self.rate, self.alarms_per = rate, 0.0

    def mean_rate(self) -> float:
        return self.rate

    def set_budget(self, alarms_per: float) -> None:
        self.alarms_per = alarms_per


def test_the_shares_of_streams_and_device_sum_to_the_budget() -> None:
    """Whatever the rates, all streams and the device are together allowed one false alarm in the days of the budget."""
    alarms = AlarmsConfig(budget_days=10)
    streams = [Rated(0.01), Rated(5.0), Rated(3_000.0)]
    share_budget(alarms, streams)
    allowed = [10 * DAY_S * stream.rate / stream.alarms_per for stream in streams]
    allowed.append(10 * DAY_S / 60 / points_per_alarm(alarms, DEVICE_SHARE, 60))
    assert sum(allowed) == pytest.approx(1.0)


def test_what_judges_a_stream_spends_no_more_than_its_share() -> None:
    """The shares of all detectors and of the series of one stream sum to at most 1."""
    assert sum(BUDGET_SHARES.values()) + sum(ERROR_BUDGET_SHARES.values()) + SERIES_SHARE <= 1


def test_a_stream_without_a_rate_has_no_share() -> None:
    """A stream that has not run yet takes nothing from the others."""
    silent, busy = Rated(0.0), Rated(2.0)
    share_budget(AlarmsConfig(budget_days=1), [silent, busy])
    assert silent.alarms_per == 0.0
    assert busy.alarms_per == pytest.approx(2.0 * DAY_S / (1 - DEVICE_SHARE))
