from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from agent.clock import ManualClock
from exporters.report.config import ReportConfig
from exporters.report.schedule import Daily

if TYPE_CHECKING:
    from collections.abc import Iterator

MIDNIGHT_NS = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 10**9
TICK_S = 20.0


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A device in Berlin: two hours ahead of UTC in June."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


class LyingClock(ManualClock):
    """A clock that somebody sets."""

    def set_wall(self, seconds: float) -> None:
        """Move the wall clock alone."""
        self._wall_start_ns += round(seconds * 1e9)


def times_due(daily: Daily, clock: ManualClock, hours: float) -> list[str]:
    """When it was due, in UTC, looking every TICK_S."""
    found = []
    for _ in range(round(hours * 3_600 / TICK_S)):
        clock.advance(TICK_S)
        if daily.due():
            found.append(datetime.fromtimestamp(clock.wall_ns() / 1e9, UTC).strftime("%d %H:%M"))
    return found


def test_it_is_due_once_a_day_by_the_devices_own_clock() -> None:
    """03:30 in Berlin is 01:30 UTC."""
    clock = LyingClock(MIDNIGHT_NS)
    assert times_due(Daily("03:30", clock), clock, 50) == ["01 01:30", "02 01:30", "03 01:30"]


def test_just_before_midnight_is_a_time_too() -> None:
    """The look that sees it may come after midnight."""
    clock = LyingClock(MIDNIGHT_NS + 5 * 10**9)
    assert times_due(Daily("23:59", clock), clock, 24) == ["01 21:59"]


def test_an_agent_that_starts_later_waits_for_the_next_day() -> None:
    """What is meant for the night does not start in the morning."""
    clock = LyingClock(MIDNIGHT_NS + 5 * 3_600 * 10**9)
    assert times_due(Daily("03:30", clock), clock, 18) == []


def test_a_clock_that_is_set_past_the_time_starts_nothing() -> None:
    """From 1970 to today is no night."""
    clock = LyingClock(0)
    daily = Daily("03:30", clock)
    clock.set_wall(MIDNIGHT_NS / 1e9 + 6 * 3_600)
    assert times_due(daily, clock, 12) == []


def test_a_clock_that_is_set_back_does_not_start_it_twice() -> None:
    """Not by a second, and not by an hour."""
    clock = LyingClock(MIDNIGHT_NS)
    daily = Daily("03:30", clock)
    found = times_due(daily, clock, 1.5)
    clock.set_wall(-40)
    found += times_due(daily, clock, 0.2)
    clock.set_wall(-3_600)
    assert [*found, *times_due(daily, clock, 1.5)] == ["01 01:30"]


@pytest.mark.parametrize("time", ["3:30", "24:00", "03:60", "0330", "night"])
def test_what_is_no_time_of_day_is_refused(time: str) -> None:
    """The message says what is accepted."""
    with pytest.raises(ValueError, match='accepted is a time of day such as "03:30"'):
        ReportConfig(nightly=time)
