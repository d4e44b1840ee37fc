from __future__ import annotations

from agent.model import Reading
from tui.machine import host_facts


def _names(*readings: Reading) -> list[str]:
    return [fact.label for fact in host_facts(readings)]


def test_a_sensors_own_alarm_is_shown_only_while_it_is_raised() -> None:
    """`hw.status` is 1 where the hardware is in that state."""
    labels = (("sensor", "in0"), ("state", "failed"))
    assert "failed" in _names(Reading("hw.status", "1", 1.0, 0, labels))
    assert "failed" not in _names(Reading("hw.status", "1", 0.0, 0, labels))


def test_throttling_is_shown() -> None:
    """A processor that is slowed down is a fact of its own."""
    assert "cpu throttled" in _names(Reading("system.cpu.throttled", "1", 1.0, 0))
