from __future__ import annotations

import numpy as np
import pytest

from agent.model import Reading, Signal, Stream
from detectors.host_series import HostPoints
from detectors.series_watch import MAX_SERIES, SeriesWatcher
from detectors.series_watched import SeriesKind
from tests.detectors.series_stand_in import BlindDetector, PlainDetector

DEVICE = Stream(model="this device")
HEAT = SeriesKind(Signal("temperature cpu", "host", "continuous", "Cel"), "up", 8.0, 0.0)
MINUTE = 60.0
DAY = 1440


def watcher() -> SeriesWatcher:
    """Watch what the test hands to `judge`."""
    return SeriesWatcher(DEVICE, HostPoints(cpus=4), PlainDetector, 432_000.0)


def heat(seed: int, count: int) -> np.ndarray:
    """A processor at 52 °C, half a degree up and down."""
    return 52 + 0.5 * np.random.default_rng(seed).normal(size=count)


def alarms(watch: SeriesWatcher, values: np.ndarray, start: int = 0) -> list[int]:
    """Judge values a minute apart; return the minutes that alarmed."""
    return [
        minute
        for minute, value in enumerate(values, start)
        if watch.judge({"temperature cpu": (HEAT, float(value))}, MINUTE * minute)
    ]


def test_a_quiet_day_raises_nothing() -> None:
    """Noise about one level is no alarm, and the evidence stays below it."""
    watch = watcher()
    assert alarms(watch, heat(0, DAY)) == []
    (series,) = watch.series()
    assert series.evidence < 1
    assert series.usual == pytest.approx(52, abs=0.2)


def test_a_jump_alarms_within_five_minutes_and_is_over_after_it() -> None:
    """It alarms with every minute while it lasts, and for ten minutes after that; once."""
    watch = watcher()
    values = heat(1, 900)
    values[600:660] += 26
    found = alarms(watch, values)
    assert found == list(range(602, found[-1] + 1))
    assert 660 <= found[-1] <= 675


def test_a_jump_is_dated_and_measured() -> None:
    """The score knows when it began; the effect knows what it was and is."""
    watch = watcher()
    values = heat(2, 640)
    values[600:] += 26
    alarms(watch, values)
    (score,) = watch.judge({"temperature cpu": (HEAT, 78.0)}, MINUTE * 640)
    (effect,) = watch.effects()
    assert (score.onset_ns, score.crossed) == (600 * 60 * 1_000_000_000, True)
    assert effect.reference_mean == pytest.approx(52, abs=0.2)
    assert effect.recent_mean == pytest.approx(78, abs=0.6)
    assert effect.ks == 1.0


def test_one_odd_minute_is_no_alarm() -> None:
    """Nobody drives to a site for a minute, however odd it was."""
    values = heat(3, 900)
    values[[600, 700, 800]] += 40
    assert alarms(watcher(), values) == []


def test_a_change_that_matters_to_nobody_is_no_alarm() -> None:
    """Three degrees are plain to see in half a degree of noise, and harmless; so is cooling down."""
    warmer, cooler = heat(4, 900), heat(4, 900)
    warmer[600:] += 3
    cooler[600:] -= 20
    assert (alarms(watcher(), warmer), alarms(watcher(), cooler)) == ([], [])


def test_what_comes_and_goes_every_day_is_no_alarm_on_the_second_day() -> None:
    """A change that the series made within the last day is not news."""
    values = heat(5, 3 * DAY)
    for day in range(3):
        values[DAY * day + 600 : DAY * day + 660] += 11  # not yet what alarms on the first day
    assert alarms(watcher(), values) == []


def test_what_no_detector_sees_alarms_in_an_hour_where_a_week_did_not_show_it() -> None:
    """A level beyond everything of eight days, by more than what matters, needs no p-value."""
    week = 8 * DAY
    values = heat(6, week + 300)
    values[week + 120 :] += 9
    watch = SeriesWatcher(DEVICE, HostPoints(cpus=4), BlindDetector, 432_000.0)
    found = alarms(watch, values)
    assert week + 120 + 30 <= found[0] <= week + 120 + 70


def test_a_restart_within_an_episode_carries_it_on() -> None:
    """A restored watcher says what an uninterrupted one says, to the end of the episode and after."""
    values = heat(6, 900)
    values[600:660] += 26
    whole, former = watcher(), watcher()
    expected = alarms(whole, values)
    found = alarms(former, values[:630])
    restored = watcher()
    restored.restore(former.state())
    assert restored.effects() == former.effects()
    assert found + alarms(restored, values[630:], 630) == expected
    assert restored.state() == whole.state()


def test_what_came_since_a_state_brings_another_to_the_same() -> None:
    """State and the points since are as good as a state of now, and are much less to write."""
    values = heat(6, 640)
    values[600:] += 26
    former, restored = watcher(), watcher()
    alarms(former, values[:580])
    state = former.state()
    found = alarms(former, values[580:], 580)
    assert len(former.since()) < 60 * 20 + 200
    restored.restore(state, former.since())
    assert restored.since() == former.since()
    assert (restored.effects(), restored.state()) == (former.effects(), former.state())
    assert found


def test_a_gap_makes_no_point() -> None:
    """Missing and non-finite values are neither odd nor 0, and an alarm whose sensor has gone ends."""
    watch = watcher()
    values = heat(7, 640)
    values[600:] += 26
    values[100:130] = np.nan
    assert alarms(watch, values)[0] == 602
    minutes = [len(watch.judge({}, MINUTE * minute)) for minute in range(640, 660)]
    assert minutes == [1] * 9 + [0] * 11


def test_a_series_that_vanished_for_a_week_is_forgotten() -> None:
    """The place is free for another."""
    watch = watcher()
    alarms(watch, heat(8, 10))
    for minute in range(7 * DAY - 1):
        watch.judge({}, (10 + minute) * MINUTE)
    assert len(watch.series()) == 1
    watch.judge({}, (10 + 7 * DAY) * MINUTE)
    assert watch.series() == ()


def test_time_off_forgets_nothing() -> None:
    """A device that was off for a month, or whose clock was set from 1970, keeps what it learned."""
    watch = watcher()
    alarms(watch, heat(8, 700))
    watch.judge({}, 30 * DAY * MINUTE)
    (series,) = watch.series()
    assert series.usual == pytest.approx(52, abs=0.2)


def test_a_clock_that_goes_back_forgets_nothing_and_an_alarm_is_dated_by_it() -> None:
    """A reboot into 1970 after a day: the jump is found as fast as ever, and dated as the clock shows the time."""
    day = 20_000 * DAY
    watch = watcher()
    assert alarms(watch, heat(1, DAY), day) == []
    restarted = watcher()
    restarted.restore(watch.state())
    values = heat(2, 100)
    values[60:] += 26
    found = [
        (minute, score.onset_ns, score.time_ns)
        for minute, value in enumerate(values)
        for score in restarted.judge({"temperature cpu": (HEAT, float(value))}, MINUTE * minute)
    ]
    minute, onset_ns, time_ns = found[0]
    assert minute == 62
    assert time_ns == minute * 60 * 10**9
    assert onset_ns == pytest.approx(60 * 60e9, abs=120e9)
    assert alarms(restarted, heat(3, 60), day + 2 * DAY)[-1] < day + 2 * DAY + 20


def test_series_are_bounded() -> None:
    """Beyond MAX_SERIES nothing is watched."""
    watch = watcher()
    kinds = {
        f"temperature {at}": (SeriesKind(Signal(f"temperature {at}", "host"), "up", 8.0, 0.0), 50.0)
        for at in range(MAX_SERIES + 10)
    }
    watch.judge(kinds, 0.0)
    assert len(watch.series()) == MAX_SERIES


@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "version"])
def test_refuses_a_state_that_it_cannot_read(damage: str) -> None:
    """A damaged state raises ValueError and changes nothing."""
    watch = watcher()
    alarms(watch, heat(9, 100))
    before = watch.state()
    states = {
        "empty": b"",
        "cut": before[: len(before) // 2],
        "noise": b"\xff" * 100,
        "version": before.replace(b"version\x01", b"version\x63"),
    }
    with pytest.raises(ValueError, match="stored"):
        watch.restore(states[damage])
    assert watch.state() == before


def test_readings_become_points() -> None:
    """The hottest sensor of a chip, the processor time of others, the memory that nobody can get, models summed up."""
    points = HostPoints(cpus=4)
    readings = [
        ("hw.temperature", 50.0, {"sensor": "coretemp Core 0"}),
        ("hw.temperature", 60.0, {"sensor": "coretemp Core 1"}),
        ("hw.temperature", 40.0, {"sensor": "nvme Composite"}),
        ("system.cpu.utilization", 0.5, {}),
        ("process.cpu.utilization", 0.8, {"pid": "7", "model": "meter"}),
        ("process.cpu.utilization", 0.4, {"pid": "8", "model": "meter"}),
        ("system.memory.limit", 8e9, {}),
        ("system.linux.memory.available", 6e9, {}),
        ("system.cpu.load_average.1m", 3.0, {}),
    ]
    for name, value, labels in readings:
        points.take(Reading(name, "", value, 0, tuple(labels.items())))
    expected = {
        "temperature coretemp": 60.0,
        "temperature nvme": 40.0,
        "other programs": 0.2,
        "processor of meter": 0.3,
        "memory": 0.25,
    }
    assert {name: value for name, (_, value) in points.close(60.0).items()} == pytest.approx(expected)
    assert points.close(60.0) == {}
