"""What a device says of times in which no model runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.buffer.outgoing.idle import DAY_NS
from agent.buffer.outgoing.outbox import Outbox
from agent.buffer.outgoing.slots import SLOT_NS
from agent.outbound import HostWindow, Outcome
from agent.steady import Step
from tests.agent.buffer.outgoing.memory_store import MemoryStore
from tests.agent.buffer.outgoing.stores import in_memory, on_disk
from tests.agent.buffer.outgoing.summaries import START_NS
from tests.agent.buffer.outgoing.test_outbox import everything

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent.buffer.outgoing.stores import TriedStore

HOUR_MIN = 60


@pytest.fixture(params=[in_memory, on_disk])
def store(request: pytest.FixtureRequest) -> Iterator[TriedStore]:
    """A store of each kind."""
    with request.param() as made:
        yield made


def arrived(outbox: Outbox) -> list[HostWindow]:
    """Send all that waits; return the device's own windows, in order of arrival."""
    found = []
    while batch := outbox.next("hq", 30_000):
        found += [one.content for one in batch.parcels if isinstance(one.content, HostWindow)]
        outbox.settle("hq", batch, everything(batch), "https://hq")
    return found


def ends(windows: list[HostWindow]) -> list[int]:
    """Return the slots with which windows end, counted from the start."""
    return [(window.end_ns - START_NS) // SLOT_NS for window in windows]


def test_a_device_on_which_no_model_runs_is_heard_of_every_five_minutes(store: TriedStore) -> None:
    """Each window has its readings, and none is given out twice, after a restart either."""
    outbox = Outbox(store)
    assert outbox.next("hq", 3_000) is None
    store.rest(20)
    found = arrived(outbox)
    assert ends(found) == [1, 2, 3, 4]
    assert [window.readings[0].last for window in found] == [50.0] * 4
    again = Outbox(store)
    assert arrived(again) == []
    store.rest(5)
    assert ends(arrived(again)) == [5]


def test_times_with_and_without_a_model_leave_no_gap_and_nothing_twice(store: TriedStore) -> None:
    """The device is told once of each five minutes, whichever it was."""
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    for _ in range(3):
        store.run(20)
        store.rest(30)
    assert sorted(ends(arrived(outbox))) == list(range(1, 31))


def test_what_is_older_than_a_day_goes_by_the_hour() -> None:
    """After a day and a half offline: twelve hours, of which the first and the last are in part, then five minutes."""
    store = MemoryStore()
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    store.rest(36 * HOUR_MIN)
    found = arrived(outbox)
    assert [window.seconds for window in found] == [2_400.0, *[3_600.0] * 11, 1_200.0, *[300.0] * 288]
    assert found[13].time_ns == store.time_ns - DAY_NS


def test_a_window_that_did_not_arrive_comes_again() -> None:
    """It waits as everything does."""
    store = MemoryStore()
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    store.rest(10)
    batch = outbox.next("hq", 3_000)
    assert batch is not None
    outbox.settle("hq", batch, Outcome(retry=(0, 1), trouble="no answer"), "https://hq")
    assert ends(arrived(outbox)) == [1, 2]


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    """A device that was a year ahead is heard of again at once."""
    store = MemoryStore()
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    store.time_ns += 365 * DAY_NS
    store.rest(10)
    assert len(arrived(outbox)) == 2
    store.time_ns = START_NS
    store.rests.clear()
    store.rest(10)
    assert ends(arrived(outbox))[-1] == 2


def test_a_clock_that_is_set_moves_the_place() -> None:
    """What was told by the time of before is not told again by the new one."""
    store = MemoryStore()
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    store.rest(30)
    assert len(arrived(outbox)) == 6
    by_ns = 400 * DAY_NS
    step = Step(by_ns, START_NS, store.time_ns + SLOT_NS)
    store.rests = [slot_ns + by_ns for slot_ns in store.rests]
    store.time_ns += by_ns
    outbox.rebase(step)
    store.rest(5)
    assert len(arrived(outbox)) == 1
