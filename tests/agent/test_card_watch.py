"""A card that wears out is told of once."""

from __future__ import annotations

import pytest

from agent.card_watch import STATE, CardWatch
from agent.model import Reading


class Device:
    """Keeps states, and what was told: severity and sentence."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], bytes] = {}
        self.told: list[tuple[str, str]] = []

    def put_state(self, stream_key: str, part: str, payload: bytes) -> None:
        """Keep it."""
        self.states[stream_key, part] = payload

    def get_state(self, stream_key: str, part: str) -> bytes | None:
        """Return it."""
        return self.states.get((stream_key, part))

    def notice(self, kind: str, sentence: str, advice: str, evidence: str, severity: str = "warning") -> None:
        """Take note."""
        assert (kind, bool(advice), bool(evidence)) == ("storage", True, True)
        self.told.append((severity, sentence))


def status(value: float, state: str, card: str = "mmcblk0") -> Reading:
    """What a card says of its spare blocks."""
    return Reading("hw.status", "1", value, 0, (("sensor", card), ("state", state)))


def life(left: float) -> Reading:
    """What a card says of its life."""
    labels = (("sensor", "mmcblk0 mlc"), ("state", "remaining"))
    return Reading("hw.physical_disk.endurance_utilization", "1", left, 0, labels)


def test_a_card_that_is_well_is_no_news() -> None:
    """Neither are a sensor's alarm and readings of other things."""
    device = Device()
    watch = CardWatch(device, device.notice)
    heat = Reading("hw.temperature", "Cel", 0.0, 0, (("sensor", "cpu"),))
    for reading in (status(0.0, "degraded"), status(1.0, "failed"), life(0.1), heat):
        watch.take(reading)
    assert (device.told, device.states) == ([], {})


def test_each_thing_is_told_once_for_each_card_and_not_again_after_a_restart() -> None:
    """It is worse with every step, and whoever has seen one is not asked again."""
    device = Device()
    for _ in range(2):
        watch = CardWatch(device, device.notice)
        for _ in range(2):
            watch.take(status(1.0, "degraded"))
            watch.take(status(1.0, "degraded", "mmcblk1"))
            watch.take(life(0.0))
    watch.take(status(1.0, "predicted_failure"))
    assert device.told == [
        ("warning", "The storage mmcblk0 has used up 80 % of its spare blocks: it nears its end."),
        ("warning", "The storage mmcblk1 has used up 80 % of its spare blocks: it nears its end."),
        ("warning", "The storage mmcblk0 has used up 90 % or more of the writes that it was made for."),
        ("critical", "The storage mmcblk0 has used up 90 % of its spare blocks: it may soon take no more writes."),
    ]


@pytest.mark.parametrize("stored", [b"rubbish", b"7"])
def test_a_damaged_memory_tells_once_more(stored: bytes) -> None:
    """Rather twice than never."""
    device = Device()
    device.states[STATE] = stored
    CardWatch(device, device.notice).take(life(0.0))
    assert len(device.told) == 1
