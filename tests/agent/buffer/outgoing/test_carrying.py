"""What retention takes before it was sent: it is carried over, merged to hours, and arrives."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.buffer import BufferConfig
from agent.buffer.outgoing import carried
from agent.buffer.outgoing.hours import HOUR_NS, Hours
from agent.buffer.outgoing.outbox import Outbox
from agent.clock import ManualClock
from agent.outbound import HostWindow, Window
from tests.agent.buffer.blocks import DAY_NS, NOW_NS, make_block, make_reading
from tests.agent.buffer.outgoing.stores import on_disk
from tests.agent.buffer.outgoing.summaries import START_NS, make_numbered
from tests.agent.buffer.outgoing.test_outbox import Receiver, drain, everything, retire, truth
from tests.agent.buffer.test_dating import dated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from agent.buffer import Buffer
    from agent.outbound import Batch

ROWS = 7
HOURS_A_DAY, DAYS = 24, 2


def live(buffer: Buffer, device: ManualClock, days: float) -> None:
    """Run for some days: an hour has a minute with ROWS rows and a reading."""
    for hour in range(round(days * HOURS_A_DAY)):
        now = device.wall_ns()
        buffer.append([make_block(ROWS, first=hour * ROWS, time_ns=now)], [make_reading(float(hour), time_ns=now)])
        buffer.commit()
        device.advance(120)
        buffer.append([], [])
        buffer.commit()
        device.advance(3_480)


def batches(buffer: Buffer) -> Iterator[Batch]:
    """Send everything."""
    while batch := buffer.outbox.next("hq", 30_000):
        yield batch
        buffer.outbox.settle("hq", batch, everything(batch), "https://hq")


def test_what_retention_took_arrives(tmp_path: Path) -> None:
    """With rows kept for half a day and a link that comes back after two days all arrives, and nothing of it stays."""
    device = ManualClock(NOW_NS)
    with dated(tmp_path, device, BufferConfig(keep_days=0.5)) as (buffer, _):
        assert buffer.outbox.next("hq", 1_000) is None
        live(buffer, device, DAYS)
        assert buffer.outbox.carried_bytes > 0
        assert buffer._files.read(lambda engine: engine.run("SELECT count(*) FROM core.carried"))[0][0] > 20
    with dated(tmp_path, device, BufferConfig(keep_days=0.5)) as (buffer, _):
        found = [parcel.content for batch in batches(buffer) for parcel in batch.parcels]
        windows = [content for content in found if isinstance(content, Window)]
        total = max(window.total.inferences for window in windows)
        assert total == sum(window.summary.inferences for window in windows)
        assert total == DAYS * HOURS_A_DAY * ROWS
        readings = [rollup for content in found if isinstance(content, HostWindow) for rollup in content.readings]
        assert {rollup.last for rollup in readings} >= {float(hour) for hour in range(DAYS * HOURS_A_DAY)}
        assert sum(rollup.moments.count for rollup in readings) == len(readings)
        (waiting,) = buffer.outbox.waiting()
        assert (waiting.minutes, waiting.dropped, buffer.outbox.carried_bytes) == (0, 0, 0)


def test_without_a_destination_nothing_is_carried(tmp_path: Path) -> None:
    """Retention is as it was: the core does not grow."""
    device = ManualClock(NOW_NS)
    with dated(tmp_path, device, BufferConfig(keep_days=0.5)) as (buffer, _):
        live(buffer, device, 1.5)
        assert buffer.outbox.carried_bytes == 0
        first = buffer._files.segments.opened[0]
        assert first.number > 1


def test_a_destination_that_is_gone_takes_what_was_carried_for_it_along(tmp_path: Path) -> None:
    """What nobody waits for is not kept."""
    device = ManualClock(NOW_NS)
    with dated(tmp_path, device, BufferConfig(keep_days=0.5)) as (buffer, _):
        buffer.outbox.next("hq", 1_000)
        live(buffer, device, 1.5)
        assert buffer.outbox.carried_bytes > 0
        buffer.outbox.keep_only([])
        assert buffer._files.read(lambda engine: engine.run("SELECT count(*) FROM core.carried")) == [(0,)]


def test_beyond_the_bound_the_oldest_hours_go_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A destination that comes by them learns how many minutes are lost, and the totals are right nevertheless."""
    monkeypatch.setattr(carried, "MOST_HOURS", 3)
    with on_disk() as store:
        outbox, receiver = Outbox(store), Receiver()
        outbox.next("hq", 3_000)
        store.run(600)
        retire(store, outbox, 360)
        drain(outbox, receiver)
        (waiting,) = outbox.waiting()
        assert waiting.dropped == 40 + 3 * 60  # the first hour begins at twenty past; four of the seven go
        assert max(receiver.totals.values()) == truth(store)
        assert len(receiver.times) == 3 + (600 - 360) // 5


def test_times_follow_a_clock_that_is_set(tmp_path: Path) -> None:
    """Hours that were carried over while the clock was wrong are given out with the right times."""
    device = ManualClock(NOW_NS)
    with dated(tmp_path, device, BufferConfig(keep_days=0.5)) as (buffer, clock):
        buffer.outbox.next("hq", 1_000)
        live(buffer, device, 1.5)
        before = buffer.outbox.stored.summaries(0, 10)[0].summary.time_ns
        batch = buffer.outbox.next("hq", 1)
        assert batch is not None
        buffer.outbox.settle("hq", batch, everything(batch), "https://hq")
        began_ns = {content.total.time_ns for one in batch.parcels if isinstance(content := one.content, Window)}
        device.set_wall(device.wall_ns() + 100 * DAY_NS)
        for _ in range(80):
            device.advance(60)
            if (step := clock.look()) is not None:
                buffer.rebase(step)
        buffer.commit()
        assert buffer.outbox.stored.summaries(0, 10)[0].summary.time_ns == before + 100 * DAY_NS
        contents = [one.content for batch in batches(buffer) for one in batch.parcels]
        totals = [content.total for content in contents if isinstance(content, Window)]
        assert {total.time_ns for total in totals} == {before + 100 * DAY_NS}
        assert began_ns == {before}
        assert sorted(total.inferences for total in totals) == [hour * ROWS for hour in range(1, 36)]  # the last went
        assert all(total.end_ns > total.time_ns for total in totals)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab"), st.sampled_from("rs")), min_size=1, max_size=150),
    st.sets(st.integers(1, 150), max_size=6),
    st.integers(1, 40),
)
def test_hours_are_what_a_direct_merge_gives(steps: list[tuple[int, str, str]], marks: set[int], at_once: int) -> None:
    """However they are read, no hour crosses a mark, mixes references or is longer than an hour; nothing is lost."""
    found, minute = [], 0
    for number, (step, model, reference) in enumerate(steps, 1):
        minute += step
        found.append(make_numbered(number, minute, model=model, reference=reference))
    hours = Hours(0)
    over = []
    for first in range(0, len(found), at_once):
        over += hours.take(found[first : first + at_once], marks)
    over += hours.close()
    assert [merged.first for merged in over] == [1, *(merged.last + 1 for merged in over[:-1])]
    assert over[-1].last == len(found)
    for merged in over:
        inside = [one.summary for one in found[merged.first - 1 : merged.last]]
        assert merged.count == len(inside)
        assert not marks & set(range(merged.first, merged.last))
        assert merged.start_ns <= min(one.time_ns for one in inside)
        assert max(one.end_ns for one in inside) <= merged.end_ns <= merged.start_ns + HOUR_NS
        assert sum(one.inferences for one in merged.summaries) == sum(one.inferences for one in inside)
        assert all(one.reference for one in merged.summaries)
        numbered = merged.numbered()
        assert (numbered[0].first, numbered[-1].last) == (merged.first, merged.last)
        assert all(one.last < other.first for one, other in itertools.pairwise(numbered))
        assert sum(one.last - one.first + 1 for one in numbered) == merged.count
    assert START_NS % HOUR_NS == 1_200 * 10**9  # so that hours do not begin with the first minute
