from __future__ import annotations

from msgspec import structs

from agent.model import Reading, Signal
from agent.status import SeriesStatus
from tests.tui.fake_cases import host, status
from tui.machine import host_facts, process_facts, series_facts


def _names(*readings: Reading) -> list[str]:
    return [fact.label for fact in host_facts(readings)]


def test_a_sensors_own_alarm_is_shown_only_while_it_is_raised() -> None:
    """`hw.status` is 1 where the hardware is in that state."""
    labels = (("sensor", "in0"), ("state", "failed"))
    assert "failed" in _names(Reading("hw.status", "1", 1.0, 0, labels))
    assert "failed" not in _names(Reading("hw.status", "1", 0.0, 0, labels))


def test_the_life_of_the_storage_is_shown_by_its_worst_blocks() -> None:
    """In steps of a tenth; at the end no figure pretends to know."""
    name = "hw.physical_disk.endurance_utilization"
    life = [
        Reading(name, "1", left, 0, (("sensor", f"mmcblk0 {kind}"),)) for left, kind in ((0.9, "slc"), (0.6, "mlc"))
    ]
    assert [fact.text for fact in host_facts(life)] == ["60% or more of its life left (mmcblk0 mlc)"]
    assert [fact.text for fact in host_facts([Reading(name, "1", 0.0, 0)])] == ["less than 10% of its life left"]
    worn = Reading("hw.status", "1", 1.0, 0, (("sensor", "mmcblk0"), ("state", "degraded")))
    assert [(fact.label, fact.text) for fact in host_facts([worn])] == [("failed", "mmcblk0")]


def test_throttling_is_shown() -> None:
    """A processor that is slowed down is a fact of its own."""
    assert "cpu throttled" in _names(Reading("system.cpu.throttled", "1", 1.0, 0))


def test_a_watched_series_says_what_it_is_and_what_is_usual() -> None:
    """With units, and how near it is to its alarm; calm ones only where they are asked for."""
    series = [
        SeriesStatus(signal=Signal("temperature soc", "host", unit="Cel"), evidence=1.0, value=78.2, usual=52.0),
        SeriesStatus(signal=Signal("memory", "host", unit="1"), evidence=0.25, value=0.41, usual=None),
        SeriesStatus(signal=Signal("median latency", "runtime", unit="s"), evidence=0.6, value=0.0123, usual=0.01),
        SeriesStatus(signal=Signal("fan x", "host", unit="rpm"), evidence=0.9, value=None),
    ]
    assert [(fact.label, fact.text) for fact in series_facts(series)] == [
        ("temperature soc", "78.2 °C, usually 52 °C, ALARM"),
        ("memory", "41%, 25% of the way to an alarm"),
        ("median latency", "12 ms, usually 10 ms, 60% of the way to an alarm"),
    ]
    assert [fact.label for fact in series_facts(series, 0.5)] == ["temperature soc", "median latency"]


def test_a_service_that_waits_for_a_core_says_so() -> None:
    """Only where it waits for long; a worker of its own has the name of its model."""
    for slowdown, said in (
        (2.52, "18% of a core, takes 2.5 times as long for want of a free one, 212"),
        (1.2, "18% of a core, 212"),
    ):
        one = Reading("process.cpu.slowdown", "1", slowdown, 0, (("pid", "4242"), ("model", "meter-reader")))
        worker = structs.replace(one, value=7.0, labels=(("pid", "4243"), ("model", "meter-reader")))
        first, second = process_facts(status(readings=(*host(), one, worker)))
        assert (first.label, second.label) == ("meter-reader (pid 4242)", "meter-reader (pid 4243)")
        assert first.text.startswith(said)
        assert second.text == "takes 7.0 times as long for want of a free one"
