"""One destination over days of made-up time: what arrives there, when, how often, and what it costs."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from agent.outbound import Outcome
from exporters.forwarding.forwarder import UNDATED_AFTER_S
from exporters.forwarding.forwarding import Forwarding
from tests.agent.buffer.outgoing.summaries import START_NS
from tests.exporters.forwarding.driving import Device, down
from tests.exporters.forwarding.sink import Sink

MINUTE, HOUR, DAY, SLOT = 60, 3_600, 86_400, 300


def test_windows_go_every_interval_once_and_on_time() -> None:
    """An hour on a good link: each five minutes arrive within a minute of their end, and never again."""
    device = Device()
    device.run(HOUR)
    assert [ended for _, ended in device.link.windows()] == [SLOT * at for at in range(1, 12)]
    assert max(at - ended for at, ended in device.link.windows()) < 60
    device.run(HOUR)
    ids = [parcel.id for _, parcel in device.link.arrived]
    assert len(ids) == len(set(ids))


def test_a_longer_interval_is_kept_and_findings_do_not_wait_for_it() -> None:
    """With an hour between two rounds a finding goes within seconds and takes no window along."""
    device = Device(interval_seconds=3_600)
    device.run(1_200)
    assert device.link.windows() == []
    device.opens()
    device.run(5)
    assert [number for _, number in device.link.findings()] == [1]
    assert device.link.findings()[0][0] < 1_202
    device.run(1_300)
    assert [ended for _, ended in device.link.windows()] == [SLOT * at for at in range(8, 0, -1)]  # an hour is full


def test_after_an_outage_what_is_fresh_comes_first_and_the_backlog_follows_whole() -> None:
    """Six hours offline: the newest hour first, then the rest in order; every window arrives once, none is missing."""
    device = Device()
    device.run(HOUR)
    device.link.fails = down()
    device.run(6 * HOUR)
    device.link.fails = None
    before = len(device.link.windows())
    device.run(HOUR)
    ends = [ended for _, ended in device.link.windows()]
    assert ends[before] >= 7 * HOUR - 2 * SLOT
    assert sorted(ends) == [SLOT * at for at in range(1, len(ends) + 1)]
    assert len(ends) == 95
    backlog = [end for end in ends[before:] if end < 6 * HOUR]
    assert backlog == sorted(backlog)


def test_fresh_windows_are_never_late_while_a_backlog_drains_within_the_budget() -> None:
    """Two days that the budget cannot carry: they come coarser, what is new on time, no hour costs too much."""
    device = Device(bytes_per_hour=200_000)
    device.link.parcel_bytes = 6_000  # ten times what was estimated: with its readings a window takes twice that
    device.run(HOUR)
    device.link.fails = down()
    device.run(2 * DAY)
    device.link.fails = None
    spent = []
    for _ in range(4):
        device.run(HOUR)
        spent.append(device.link.bytes)
    assert max(at - ended for at, ended in device.link.windows() if ended > 2 * DAY + HOUR + SLOT) < 60
    assert all(total <= 24 * 200_000 + (hour + 2) * 200_000 for hour, total in enumerate(spent))
    assert max(one.summary.seconds for _, one in device.link.contents()) == HOUR
    assert device.outbox.waiting()[0].minutes <= 10  # what is not due yet


def test_much_that_was_stored_since_the_last_look_costs_no_round() -> None:
    """It takes many looks to go through, as after a start with hundreds of streams: they follow at once."""
    device = Device(bytes_per_hour=2_000_000)
    device.run(HOUR)
    device.clock.advance(7 * DAY)
    before = len(device.link.windows())
    device.run(SLOT + MINUTE)
    ends = [ended for _, ended in device.link.windows()]
    assert ends[before] >= 7 * DAY
    assert len(ends) - before > 12


def test_the_budget_of_a_day_outlives_a_restart() -> None:
    """An agent that has sent a day's worth and is started anew sends no second one."""
    device = Device(bytes_per_hour=50_000)
    device.link.parcel_bytes = 40_000
    device.run(10)
    device.link.fails = down()
    device.run(10 * HOUR)
    device.link.fails = None
    device.run(HOUR)
    sent = device.link.bytes
    assert sent > 20 * 50_000
    device.start()
    device.run(HOUR)
    assert device.link.bytes - sent < 4 * 50_000


def test_failures_are_repeated_ever_more_rarely_and_not_for_ever() -> None:
    """Pauses grow to five minutes at most, each a little different, so that a fleet does not knock together."""
    device = Device()
    device.link.fails = down()
    device.run(4 * HOUR)
    pauses = [later - before for before, later in pairwise(device.link.tried)]
    assert max(pauses) <= 301
    assert min(pauses[-10:]) >= 150
    assert len(set(pauses[-10:])) == 10
    assert len(device.link.tried) < 100


def test_a_receiver_that_asks_for_peace_has_it() -> None:
    """Retry-After is waited for, longer than any pause of our own; findings wait, too."""
    device = Device()
    device.link.fails = down("the receiver is asked too often (429)", wish_s=1_800)
    device.run(2 * SLOT)
    assert len(device.link.tried) == 1
    device.opens()
    device.run(1_000)
    assert len(device.link.tried) == 1
    device.link.fails = None
    device.run(1_200)
    assert device.link.tried[1] - device.link.tried[0] >= 1_800
    assert device.link.findings() != []


def test_nothing_that_was_settled_is_sent_again_after_a_restart() -> None:
    """Started anew every few minutes, with an outage between: no parcel arrives twice, and none is missing."""
    device = Device()
    for at in range(60):
        device.link.fails = down() if 20 <= at < 40 else None
        device.run(431)
        device.start()
    device.run(HOUR)
    ids = [parcel.id for _, parcel in device.link.arrived]
    assert len(ids) == len(set(ids))
    ends = sorted(ended for _, ended in device.link.windows())
    assert ends == [SLOT * at for at in range(1, len(ends) + 1)]


def test_what_was_answered_is_settled_later_where_the_disk_refuses_it() -> None:
    """A disk that is full at the moment of settling costs neither a second sending nor an answer."""
    device = Device()
    device.run(HOUR)
    count = len(device.link.arrived)
    device.run(2 * SLOT - 30)
    device.store.away = 1_000
    device.run(HOUR)
    assert "the disk is full" in device.forwarder.record.broken
    device.store.away = 0
    device.run(HOUR)
    ids = [parcel.id for _, parcel in device.link.arrived]
    assert len(ids) == len(set(ids)) > count
    assert device.forwarder.record.broken == ""


def test_a_finding_that_could_not_be_read_does_not_wait_for_the_next_round() -> None:
    """The buffer is asked for it again half a minute later, though windows have an hour to go."""
    device = Device(interval_seconds=3_600)
    device.run(1_200)
    device.opens()
    device.store.away = 1
    device.run(60)
    assert [number for _, number in device.link.findings()] == [1]


def test_an_encoder_that_fails_stops_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once in the log and in the health of the part, and tried again."""
    device = Device()
    device.link.fails = RuntimeError("no such unit")
    device.run(HOUR)
    assert device.forwarder.record.broken == "RuntimeError: no such unit"
    assert len(caplog.records) == 1
    device.link.fails = None
    device.run(HOUR)
    assert len(device.link.windows()) >= 22


def test_a_receiver_that_refuses_everything_is_not_fed_a_whole_backlog() -> None:
    """Where nothing is accepted the pauses grow as for a failure, so that little is given up before somebody looks."""
    device = Device()
    device.run(10)
    device.link.fails = down()
    device.run(6 * HOUR)
    device.link.fails = lambda count: Outcome(rejected=dict.fromkeys(range(count), "400: no"), sent_bytes=300)
    before = len(device.link.tried)
    device.run(HOUR)
    assert len(device.link.tried) - before < 25
    assert device.forwarder.record.trouble == "all that is sent is refused (400: no)"


def test_nothing_is_dated_by_a_clock_that_is_not_believed() -> None:
    """While the clock is wrong nothing is sent and the record says why; what waited goes once it is right."""
    device = Device()
    device.believed = False
    device.opens()
    device.run(UNDATED_AFTER_S - 60)
    assert device.link.tried == []
    assert "clock is not believed" in device.forwarder.record.trouble
    device.believed = True
    device.run(60)
    assert device.forwarder.record.trouble == ""
    assert [change.ago_s for change in device.link.changes()] == [None]


def test_findings_do_not_wait_for_a_time_that_never_comes() -> None:
    """After a quarter of an hour they go without one, once; windows wait; with a time findings go once more."""
    device = Device()
    device.run(10)
    device.believed = False
    device.opens()
    device.run(2 * HOUR)
    device.opens()
    device.run(MINUTE)
    device.start()
    device.run(HOUR)
    undated = device.link.changes()
    assert [change.number for change in undated] == [1, 2]
    assert undated[0].ago_s == pytest.approx(
        (device.link.arrived[0][0] * 10**9 + START_NS - undated[0].end_ns) / 1e9, abs=1
    )
    assert device.link.windows() == []
    assert "clock is not believed" in device.forwarder.record.trouble
    device.believed = True
    device.run(HOUR)
    assert [(change.number, change.ago_s) for change in device.link.changes()[2:]] == [(1, None), (2, None)]
    assert len(device.link.windows()) > 30


def test_a_store_of_series_is_sent_nothing_without_a_time() -> None:
    """It has no place for a finding that is not a sample at a time."""
    device = Device(kind="remote-write")
    device.believed = False
    device.opens()
    device.run(2 * HOUR)
    assert device.link.tried == []


def test_a_link_that_fails_while_the_clock_is_wrong_is_left_alone() -> None:
    """Pauses grow as ever, and the finding goes when the link is back."""
    device = Device()
    device.believed = False
    device.opens()
    device.link.fails = down()
    device.run(2 * HOUR)
    assert 5 < len(device.link.tried) < 40
    device.link.fails = None
    device.run(10 * MINUTE)
    assert [change.number for change in device.link.changes()] == [1]


def test_a_key_in_the_address_is_in_nothing_that_people_see() -> None:
    """Neither in the ledger, nor in the status, nor in what a try of the link says."""
    device = Device(kind="remote-write", url="http://127.0.0.1:1/write?token=secret")
    device.run(HOUR)
    forwarding = Forwarding([(device.config, device.link)], device.place, device.notices)
    (tried,) = asyncio.run(forwarding.test(""))
    shown = "http://127.0.0.1:1/write"
    assert {line.address for line in device.outbox.egress(0, 100)} == {shown}
    assert [one.url for one in forwarding.status()] == [shown]
    assert (tried.ok, tried.address) == (False, shown)
    assert "secret" not in tried.said


def test_trying_a_link_costs_budget() -> None:
    """What it sends is taken from what may be sent, and stands in the ledger."""
    with Sink() as sink:
        device = Device(url=sink.url)
        device.run(HOUR)
        forwarding = Forwarding([(device.config, device.link)], device.place, device.notices)
        (forwarder,) = forwarding._forwarders
        before = forwarder.budget.left
        (tried,) = asyncio.run(forwarding.test("hq"))
    assert tried.ok
    assert before - forwarder.budget.left == tried.bytes == device.outbox.egress(0, 1)[0].bytes > 0


def test_a_stop_in_the_middle_of_a_delivery_leaves_its_line_in_the_ledger() -> None:
    """What left by then stands there as not accepted, and comes again after the start."""
    device = Device()
    device.run(HOUR)
    device.opens()
    device.link.hangs = True

    async def scene() -> None:
        running = asyncio.create_task(device.forwarder.run())
        await device.link.finding_came.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scene())
    line = device.outbox.egress(0, 1)[0]
    assert (line.accepted, line.bytes) == (0, 300)
    device.link.hangs = False
    device.start()
    device.run(MINUTE)
    assert [change.number for change in device.link.changes()] == [1]


def test_a_running_forwarder_is_woken_by_a_finding_and_lets_go_when_it_is_stopped() -> None:
    """In the event loop: it sleeps until its next round, sends at once when woken, and closes its connection."""
    device = Device()
    device.run(10)

    async def scene() -> None:
        running = asyncio.create_task(device.forwarder.run())
        await asyncio.sleep(0)
        assert device.link.findings() == []
        device.opens()
        async with asyncio.timeout(10):
            await device.link.finding_came.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scene())
    assert device.link.closed
