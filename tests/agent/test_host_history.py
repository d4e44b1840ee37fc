"""Host readings: the newest of each, and what was usual before a moment, within bounds."""

from __future__ import annotations

import pytest

from agent.host_history import APART_NS, BEFORE_NS, KEPT, MOST_KEYS, HostHistory
from agent.model import Reading

SECOND_NS = 1_000_000_000


def heat(value: float, second: float, sensor: str = "cpu") -> Reading:
    """One measurement."""
    return Reading("hw.temperature", "Cel", value, round(second * SECOND_NS), (("sensor", sensor),))


def test_the_newest_of_each_is_kept_apart_by_labels() -> None:
    """Two sensors are two readings; one that is not measured any more is absent."""
    history = HostHistory()
    for reading in (heat(50, 0), heat(60, 0, "gpu"), heat(55, 100)):
        history.add(reading)
    assert history.newest(0) == (heat(60, 0, "gpu"), heat(55, 100))
    assert history.newest(50 * SECOND_NS) == (heat(55, 100),)


def test_what_was_usual_before_a_moment_is_a_median() -> None:
    """Neither a single spike, nor what came right before or after the moment, nor what is long gone counts."""
    history = HostHistory()
    onset = 10_000 * SECOND_NS
    near = (onset - APART_NS // 2) / SECOND_NS
    far = (onset - BEFORE_NS) / SECOND_NS - 50
    for value, second in ((20, far), (50, 9_900), (51, 9_910), (99, 9_920), (52, 9_930), (90, near), (95, 10_050)):
        history.add(heat(value, second))
    assert [reading.value for reading in history.before(onset)] == [51.5]


def test_before_anything_was_measured_nothing_is_known() -> None:
    """A moment without readings before it has none."""
    history = HostHistory()
    history.add(heat(50, 100))
    assert history.before(50 * SECOND_NS) == ()


def measured(history: HostHistory, second: float, *readings: Reading) -> None:
    """Take in one round of the host."""
    for reading in (Reading("system.cpu.logical.count", "{cpu}", 4, round(second * SECOND_NS)), *readings):
        history.add(reading)


def used(cores: float, second: float, pid: int = 7) -> Reading:
    """What a process takes."""
    labels = (("pid", str(pid)), ("model", "meter"))
    return Reading("process.cpu.utilization", "1", cores, round(second * SECOND_NS), labels)


def held_up(times: float, second: float) -> Reading:
    """How much longer a process takes for want of a core."""
    return Reading("process.cpu.slowdown", "1", times, round(second * SECOND_NS), (("pid", "7"),))


def of(name: str, readings: tuple[Reading, ...]) -> list[float]:
    """Pick the values of a reading."""
    return [round(reading.value, 9) for reading in readings if reading.name == name]


def test_processes_that_came_one_after_another_add_up_to_one() -> None:
    """A service that was started three times took half a core all the time, whatever else a round measured twice."""
    history = HostHistory()
    for second in range(0, 60, 5):
        measured(history, second, heat(50, second), heat(40, second), used(0.5, second, pid=second // 20))
    assert sum(of("process.cpu.utilization", history.before(100 * SECOND_NS))) == pytest.approx(0.5)


def test_a_process_that_ended_is_no_newest_reading() -> None:
    """Beside the one that came after it, and where none did."""
    history = HostHistory()
    measured(history, 0, used(0.5, 0, pid=1))
    measured(history, 5, used(0.4, 5, pid=2))
    assert of("process.cpu.utilization", history.newest(0)) == [0.4]
    measured(history, 10, heat(50, 10))
    assert of("process.cpu.utilization", history.newest(0)) == []
    assert of("hw.temperature", history.newest(0)) == [50]


def test_work_in_bursts_counts_in_full() -> None:
    """A service that works every fourth round takes a quarter, and so does the machine; a median would say nothing."""
    history = HostHistory()
    for second in range(0, 80, 5):
        busy = 0.8 if second % 20 == 0 else 0.0
        whole = Reading("system.cpu.utilization", "1", busy / 4, second * SECOND_NS)
        measured(history, second, whole, used(busy, second))
    for readings in (history.before(100 * SECOND_NS), history.since(0)):
        assert (of("process.cpu.utilization", readings), of("system.cpu.utilization", readings)) == ([0.2], [0.05])


def test_what_came_since_a_moment_is_of_it_alone() -> None:
    """The highest of each, and nothing of before; nothing is known where nothing was measured since."""
    history = HostHistory()
    for second in range(0, 100, 10):
        measured(history, second, *([held_up(9 if second < 50 else 1 + second / 50, second)] if second != 70 else []))
    assert of("process.cpu.slowdown", history.since(50 * SECOND_NS)) == [2.8]
    assert history.since(91 * SECOND_NS) == ()


def test_of_what_nobody_looks_back_at_the_newest_is_kept() -> None:
    """A hundred workers would fill the memory of the agent."""
    history = HostHistory()
    for second in range(0, 50, 5):
        measured(history, second, Reading("process.memory.usage", "By", second, second * SECOND_NS, (("pid", "7"),)))
    assert of("process.memory.usage", history.newest(0)) == [45]
    assert of("process.memory.usage", history.since(0)) == []


def test_memory_is_bounded() -> None:
    """However many sensors and readings come, only so many are kept, and the one silent longest goes first."""
    history = HostHistory()
    for second in range(2 * KEPT):
        history.add(heat(second, second))
    assert history.before(2 * KEPT * SECOND_NS)[0].value > KEPT
    for number in range(MOST_KEYS):
        history.add(heat(1, 9_000, f"sensor {number}"))
    assert len(history.newest(0)) == MOST_KEYS
    assert all(("sensor", "cpu") not in reading.labels for reading in history.newest(0))
