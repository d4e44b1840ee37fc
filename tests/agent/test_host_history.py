"""Host readings: the newest of each, and what was usual before a moment, within bounds."""

from __future__ import annotations

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
