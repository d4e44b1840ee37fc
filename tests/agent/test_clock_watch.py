"""What the pipeline does when the clock is set: everything in memory is dated by the new time, and it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.budget import AlarmsConfig
from agent.clock import ManualClock, utc
from agent.clock_watch import span
from agent.model import Reading, StreamChange
from agent.pipeline import Pipeline
from agent.steady import RELEASED_NS, SteadyClock
from agent.verdicts import VERDICTS
from tests.agent.fakes import STREAM, ListCollector, MemoryStore, PlainExplainer, block, factories

if TYPE_CHECKING:
    from agent.ports import Item

SECOND = 10**9
NOW = RELEASED_NS + 200 * 86_400 * SECOND


class Device:
    """A pipeline on a device that was switched on 100 s ago, in 1970; `block` begins at second 0 of 1970."""

    def __init__(self) -> None:
        self.manual = ManualClock(0)
        self.manual.advance(100)
        self.clock = SteadyClock(self.manual)
        self.collector = ListCollector()
        self.store = MemoryStore()
        self.pipeline = Pipeline(
            collectors=[self.collector], store=self.store, explainer=PlainExplainer(), factories=factories(),
            clock=self.clock, alarms=AlarmsConfig(), commit_seconds=1.0,
        )  # fmt: skip

    def tick(self, *items: Item) -> None:
        """Hand items in."""
        self.collector.rounds.append(list(items))
        self.pipeline.tick()

    def set(self, wall_ns: int) -> None:
        """Set the clock, and let the pipeline see it."""
        self.manual.set_wall(wall_ns)
        self.tick()

    def kinds(self) -> list[str]:
        """Kinds of the open findings."""
        return sorted(finding.kind for finding in self.pipeline.findings())


VERDICTS_TOLD = [NOW] * len(VERDICTS)  # how often each was said


@pytest.fixture
def device() -> Device:
    """A device that has learned, has an open finding, a reading and a change, all of 1970."""
    made = Device()
    change = StreamChange(stream=STREAM, kind="opened", time_ns=9 * SECOND, source="ring-1")
    reading = Reading("hw.temperature", "Cel", 41.0, 99 * SECOND)
    made.tick(change, reading, block([0.0] * 10, 0), block([9.0] * 100, 10))
    assert made.kinds() == ["input_shift"]
    return made


def test_everything_in_memory_is_dated_by_the_new_time(device: Device) -> None:
    """Findings, the last inference, readings, changes and the history are moved by the step."""
    (before,) = device.pipeline.findings()
    (last,) = (stream.last_inference for stream in device.pipeline.streams())
    device.set(NOW)
    by = utc(NOW) - utc(100 * SECOND)
    after = next(finding for finding in device.pipeline.findings() if finding.id == before.id)
    assert (after.onset, after.opened, after.updated) == (before.onset + by, before.opened + by, before.updated + by)
    assert last is not None
    assert [stream.last_inference for stream in device.pipeline.streams()] == [last + by]
    assert [reading.time_ns for reading in device.pipeline.host()] == [NOW - SECOND]
    assert [reading.time_ns for reading in device.pipeline.judged()] == VERDICTS_TOLD
    assert min(event.time for event in device.pipeline.events()) >= utc(NOW - 100 * SECOND)
    assert [f.opened for f in device.store.findings() if f.id == before.id] == [after.opened]


def test_a_finding_goes_on_over_the_step(device: Device) -> None:
    """It does not close because the clock says that years have passed, nor stay open because it went back."""
    device.set(NOW)
    block_now = block([9.0] * 10, 110)
    object.__setattr__(block_now, "time_ns", np.full(10, NOW, np.int64))
    device.tick(block_now)
    assert device.kinds() == ["clock", "input_shift"]


def test_one_notice_a_boot_says_what_was_corrected(device: Device) -> None:
    """The first large step opens a finding of severity info; the history has every one."""
    device.set(NOW)
    device.manual.advance(10)
    device.set(NOW + 3_600 * SECOND)
    notices = [finding for finding in device.pipeline.findings() if finding.kind == "clock"]
    assert [(notice.severity, "set forward by 57 years" in notice.sentence) for notice in notices] == [("info", True)]
    said = [event.text for event in device.pipeline.events() if "The clock was set forward" in event.text]
    assert ["60 minutes" in said[0], "57 years" in said[1]] == [True, True]


def test_a_clock_that_is_not_believed_is_told_of_and_moves_nothing(device: Device) -> None:
    """Ten years back: an event and the health say so, until the clock is back; no finding moves."""
    device.set(NOW)
    before = device.pipeline.findings()
    device.set(NOW - 3_650 * 86_400 * SECOND)
    assert device.pipeline.findings() == before
    assert device.clock.wall_ns() == NOW
    (health,) = (part for part in device.pipeline.health() if part.name == "clock" and not part.ok)
    assert "10 years behind" in health.note
    device.set(NOW)
    assert [part for part in device.pipeline.health() if not part.ok] == []
    assert "by again" in device.pipeline.events()[0].text


def test_a_finding_of_a_boot_whose_clock_was_ahead_never_ends_before_it_began() -> None:
    """It was opened in 2046 by a boot before; acknowledged now, it closes at the time at which it opened."""
    store = MemoryStore()
    ahead = Device()
    ahead.store = store
    ahead.manual.set_wall(NOW + 7_300 * 86_400 * SECOND)
    ahead.clock.look()
    first = Pipeline(
        collectors=[], store=store, explainer=PlainExplainer(), factories=factories(), clock=ahead.clock,
        alarms=AlarmsConfig(), commit_seconds=1.0,
    )  # fmt: skip
    first.notice("ring", "It broke.", "", "")
    (finding,) = store.findings()
    device = ManualClock(NOW, "boot 2")
    second = Pipeline(
        collectors=[], store=store, explainer=PlainExplainer(), factories=factories(), clock=SteadyClock(device),
        alarms=AlarmsConfig(), commit_seconds=1.0,
    )  # fmt: skip
    closed = second.acknowledge(finding.id, "")
    assert (closed.closed, closed.updated) == (closed.opened, closed.opened)


def test_a_part_that_fails_leaves_no_other_wrong(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store cannot correct its own: what is in memory is corrected all the same, and health names the part."""

    def broken(_step: object) -> None:
        raise OSError("it is broken")

    monkeypatch.setattr(device.store, "rebase", broken)
    device.set(NOW)
    assert [reading.time_ns for reading in device.pipeline.host()] == [NOW - SECOND]
    assert [reading.time_ns for reading in device.pipeline.judged()] == VERDICTS_TOLD
    assert min(event.time for event in device.pipeline.events()) >= utc(NOW - 100 * SECOND)
    assert [part.name for part in device.pipeline.health() if not part.ok] == ["time of MemoryStore"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(3, "3 seconds"), (90, "2 minutes"), (7_200, "2 hours"), (2e5, "2 days")]
)
def test_a_span_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    """Whichever way."""
    assert span(-round(seconds * 1e9)) == words
