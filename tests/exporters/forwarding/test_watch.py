"""What people are told of a destination that gets nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from agent.outbound import Outcome
from tests.exporters.forwarding.driving import Device, down

if TYPE_CHECKING:
    import pytest

MINUTE, HOUR, DAY = 60, 3_600, 86_400
EXPIRED = "the certificate of collector.example is refused: certificate has expired"


def told(device: Device) -> list[tuple[str, str, str]]:
    """Return how all findings stand."""
    return [(one.state, one.severity, one.sentence) for one in device.told.findings(everything=True)]


def test_a_link_that_is_down_for_long_is_one_finding_that_closes_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    """After a quarter of an hour, not before; an outage of a day is a few states of it and one line in the log."""
    caplog.set_level(logging.WARNING)
    device = Device()
    device.run(HOUR)
    device.link.fails = down()
    device.run(14 * MINUTE)
    assert told(device) == []
    device.run(16 * MINUTE)
    sentence = "hq (collector.example) gets nothing: no answer within 30 s."
    assert told(device) == [("open", "info", sentence)]
    assert len(device.told.history) == 1
    device.run(DAY)
    assert told(device) == [("open", "info", sentence)]
    assert len(device.told.history) == 4  # how much waits is said anew after an hour, six hours, a day
    assert "the summaries of 24." in device.told.history[-1].advice
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    device.link.fails = None
    device.run(10 * MINUTE)
    assert told(device) == [("closed", "info", sentence)]
    assert device.told.history[-1].note == "hq takes what is sent again"
    assert [record.getMessage() for record in caplog.records] == [
        "forwarding to hq fails: no answer within 30 s",
        "forwarding to hq works again",
    ]


def test_what_only_a_person_can_mend_is_told_at_once() -> None:
    """A certificate that ran out needs no patience: the finding is there after the first try, and says what to do."""
    device = Device()
    device.run(10)
    device.link.fails = down(EXPIRED, lasting=True)
    device.run(6 * MINUTE)
    assert told(device) == [("open", "warning", f"hq (collector.example) gets nothing: {EXPIRED}.")]
    advice = device.told.history[-1].advice
    assert "driftline link test hq" in advice
    assert "Nothing is lost: the summaries of 5 min wait here." in advice


def test_a_finding_of_before_a_restart_is_gone_on_with_and_closed() -> None:
    """An agent that was started anew while the link was down neither tells it twice nor leaves it open."""
    device = Device()
    device.run(10)
    device.link.fails = down(EXPIRED, lasting=True)
    device.run(HOUR)
    device.start()
    device.run(HOUR)
    assert {one.id for one in device.told.history} == {device.told.history[0].id}
    device.start()
    device.link.fails = None
    device.run(10 * MINUTE)
    assert [state for state, _, _ in told(device)] == ["closed"]


def test_other_trouble_is_said_in_the_same_finding() -> None:
    """The network comes back and the certificate is found expired: one finding, in the words that hold now."""
    device = Device()
    device.run(10)
    device.link.fails = down()
    device.run(HOUR)
    device.link.fails = down(EXPIRED, lasting=True)
    device.run(HOUR)
    assert told(device) == [("open", "warning", f"hq (collector.example) gets nothing: {EXPIRED}.")]


def test_a_clock_that_stays_wrong_is_told() -> None:
    """A device that never learns the time sends nothing, and says why."""
    device = Device()
    device.believed = False
    device.run(HOUR)
    assert [state for state, _, _ in told(device)] == ["open"]
    assert "the device's clock is not believed" in told(device)[0][2]
    assert "set the clock" in device.told.history[-1].advice


def test_what_is_rejected_by_a_receiver_that_works_is_no_finding() -> None:
    """One poisoned parcel among good ones is a dead letter, which the status counts, and no alarm."""
    device = Device()
    device.link.fails = lambda count: Outcome(accepted=tuple(range(1, count)), rejected={0: "400: bad sample"})
    device.run(20 * MINUTE)
    assert device.forwarder.record.rejected == 3
    assert device.outbox.waiting()[0].dead_letters == 3
    assert told(device) == []


def test_a_disk_that_gives_nothing_out_is_told_and_closed_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    """After a quarter of an hour, with why nothing can be read and where to look, in one line of the log each way."""
    caplog.set_level(logging.WARNING)
    device = Device()
    device.run(10 * MINUTE)
    device.store.away = 10**6
    device.run(14 * MINUTE)
    assert told(device) == []
    device.run(2 * HOUR)
    sentence = "hq (collector.example) gets nothing: what waits cannot be read: the disk is full."
    assert told(device) == [("open", "info", sentence)]
    assert device.forwarder.record.trouble == "what waits cannot be read: the disk is full"
    assert "Look at the device's storage" in device.told.history[-1].advice
    device.store.away = 0
    device.run(10 * MINUTE)
    assert told(device) == [("closed", "info", sentence)]
    assert device.forwarder.record.trouble == ""
    assert [record.getMessage() for record in caplog.records] == [
        "forwarding to hq fails: what waits cannot be read: the disk is full",
        "forwarding to hq works again",
    ]


def test_a_disk_that_takes_no_receipt_is_told() -> None:
    """What was answered and cannot be settled holds up everything: the finding says that, and not that it is unread."""
    device = Device()
    device.run(10 * MINUTE)
    device.link.spoils = device.store
    device.run(HOUR)
    (words,) = told(device)
    assert words[2].startswith("hq (collector.example) gets nothing: what was sent cannot be written down")


def test_a_disk_that_heals_leaves_the_trouble_that_is_left() -> None:
    """The link went down, then the disk: once it reads again the link is what is said, for as long as nothing came."""
    device = Device()
    device.run(10)
    device.link.fails = down()
    device.run(HOUR)
    device.store.away = 10**6
    device.run(HOUR)
    device.store.away = 0
    device.run(HOUR)
    assert told(device)[0][2] == "hq (collector.example) gets nothing: no answer within 30 s."
    assert device.forwarder.record.failed_s() > 2 * HOUR
