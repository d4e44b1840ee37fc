"""The queue over a store in memory and over the buffer on disk, with a receiver that adds up what arrives."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.buffer.outgoing import backlog
from agent.buffer.outgoing.outbox import GRACE_NS, Outbox
from agent.buffer.outgoing.slots import SLOT_S, Numbered
from agent.outbound import Batch, FindingChange, HostWindow, Outcome, Window
from agent.steady import Step
from exporters.window_samples import Sample, samples_of
from tests.agent.buffer.outgoing.memory_store import MemoryStore
from tests.agent.buffer.outgoing.stores import in_memory, on_disk
from tests.agent.buffer.outgoing.summaries import MINUTE_NS, START_NS
from tests.exporters.windows import ORIGIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent.buffer.outgoing.stores import TriedStore


@pytest.fixture(params=[in_memory, on_disk])
def store(request: pytest.FixtureRequest) -> Iterator[TriedStore]:
    """A store of each kind."""
    with request.param() as made:
        yield made


class Receiver:
    """Keeps the newest total by time, as a store of time series does."""

    def __init__(self) -> None:
        self.totals: dict[int, int] = {}
        self.times: list[int] = []
        self.findings: list[int] = []

    def take(self, batch: Batch, places: tuple[int, ...]) -> None:
        for place in places:
            content = batch.parcels[place].content
            if isinstance(content, Window):
                assert self.totals.setdefault(content.end_ns, content.total.inferences) == content.total.inferences
                self.times.append(content.end_ns)
            elif isinstance(content, FindingChange):
                self.findings.append(content.number)

    def increases(self) -> list[int]:
        """Return what a rate over all that arrived adds up from, by time."""
        values = [self.totals[time] for time in sorted(self.totals)]
        return [now - before for before, now in zip([0, *values], values, strict=False)]


def everything(batch: Batch) -> Outcome:
    """Accept a whole batch."""
    return Outcome(accepted=tuple(range(len(batch.parcels))), sent_bytes=100, fields=frozenset({"a"}))


def drain(outbox: Outbox, receiver: Receiver, most_bytes: int = 3_000, backlog_bytes: int = 0) -> int:
    """Send until nothing waits; return how many batches that took."""
    count = 0
    for _ in range(10_000):
        batch = outbox.next("hq", most_bytes, backlog_bytes)
        if batch is None:
            if not outbox.is_behind:
                return count
            continue  # a call walks along a bounded number
        count += 1
        receiver.take(batch, tuple(range(len(batch.parcels))))
        outbox.settle("hq", batch, everything(batch), "https://hq")
    raise AssertionError("it never ends")


def truth(store: TriedStore) -> int:
    """Count what happened in slots that are over."""
    last = (store.now_ns() - GRACE_NS - START_NS) // (SLOT_S * 10**9) * 5
    return sum(one.summary.inferences for one in store.minutes[:last])


def test_the_newest_goes_first_and_the_backlog_follows_oldest_first(store: TriedStore) -> None:
    """After three hours offline the last slot comes first, newest to oldest of the hour, then the backlog in order."""
    receiver = Receiver()
    assert Outbox(store).next("hq", 3_000) is None
    outbox = Outbox(store)
    store.run(180)
    drain(outbox, receiver)
    newest = START_NS + 180 * MINUTE_NS
    hour = [newest - at * SLOT_S * 10**9 for at in range(12)]
    assert receiver.times[:12] == hour
    assert receiver.times[12:] == sorted(receiver.times[12:])
    assert sum(receiver.increases()) == truth(store)
    assert min(receiver.increases()) > 0


@settings(deadline=None, max_examples=100)
@given(
    st.integers(0, 2**32), st.lists(st.integers(1, 130), min_size=1, max_size=6), st.sampled_from([0, 20_000]),
    st.booleans(),
)  # fmt: skip
def test_nothing_is_lost_or_counted_twice_over_a_bad_link(
    seed: int, offline: list[int], backlog_bytes: int, retiring: bool  # noqa: FBT001  # drawn
) -> None:  # fmt: skip
    """Cuts, lost acknowledgements, restarts and retention at any moment: in the end all has arrived, once."""
    live_with_a_bad_link(MemoryStore(), random.Random(seed), offline, backlog_bytes, retiring=retiring)


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_lost_or_counted_twice_on_a_disk(seed: int) -> None:
    """The same over the files of the buffer, which are closed and opened again."""
    dice = random.Random(seed)
    with on_disk() as store:
        offline = [dice.randrange(1, 130) for _ in range(4)]
        live_with_a_bad_link(store, dice, offline, dice.choice([0, 20_000]), retiring=True)


def retire(store: TriedStore, outbox: Outbox, number: int, calls: int = 100) -> None:
    """Let retention take the summaries up to a number, or give it up after some calls."""
    if any(outbox.let_go(number) for _ in range(calls)):
        store.lose(number)


def live_with_a_bad_link(
    store: TriedStore, dice: random.Random, offline: list[int], backlog_bytes: int, *, retiring: bool
) -> None:
    """Come through times without a link, and see that all has arrived."""
    receiver = Receiver()
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    for minutes in offline:
        store.run(minutes)
        for _ in range(dice.randrange(12)):
            batch = outbox.next("hq", dice.choice([1, 3_000, 30_000]), backlog_bytes)
            if batch is None:
                break
            if retiring and dice.random() < 0.3:
                retire(store, outbox, dice.randrange(len(store.minutes) + 1), dice.choice([1, 100]))
            whole = everything(batch)
            cut = len(batch.parcels) if dice.random() < 0.7 else dice.randrange(len(batch.parcels) + 1)
            arrived = whole.accepted[:cut]
            receiver.take(batch, arrived)
            fate = dice.random()
            if fate < 0.2:
                store.restart()  # killed before the answer was written down
                outbox = Outbox(store)
            elif fate < 0.5:
                outbox.settle(
                    "hq", batch, Outcome(retry=whole.accepted, sent_bytes=9), "https://hq"
                )  # the answer was lost
            else:
                rest = whole.accepted[cut:]
                outbox.settle("hq", batch, Outcome(accepted=arrived, retry=rest, sent_bytes=9), "https://hq")
    drain(outbox, receiver, backlog_bytes=backlog_bytes)
    assert sum(receiver.increases()) == truth(store)
    assert min(receiver.increases(), default=1) > 0
    (waiting,) = outbox.waiting()
    assert (waiting.minutes, waiting.dropped) == (0, 0)


def test_a_backlog_that_is_too_large_is_merged() -> None:
    """A week that the budget cannot carry in five minutes arrives in hours or wider, with the same totals."""
    store, receiver = MemoryStore(), Receiver()
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    store.run(7 * 24 * 60)
    batches = drain(outbox, receiver, 30_000, backlog_bytes=500_000)
    assert 7 * 24 < len(receiver.times) < 260  # 2,016 slots of five minutes; those of each hour's head go as they are
    assert batches < 40
    assert sum(receiver.increases()) == truth(store)


def test_windows_of_more_streams_than_a_call_reads_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a call comes to no end of a window it ends there, and nothing waits for ever."""
    monkeypatch.setattr(backlog, "READ", 100)
    monkeypatch.setattr(backlog, "CHUNK", 50)
    store, receiver = MemoryStore(), Receiver()
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    store.run(30 * 60)
    drain(outbox, receiver, 30_000, backlog_bytes=1_000)
    assert sum(receiver.increases()) == truth(store)
    assert outbox.waiting()[0].minutes == 0
    assert len(receiver.times) < 12 + 29 * 12 / 5  # six hours are 360 numbers: each is sent in four


def test_findings_go_before_everything_and_never_with_windows(store: TriedStore) -> None:
    """A finding is the next batch whatever waits, in the order of its states, and with it only what then stands."""
    receiver = Receiver()
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    store.run(60)
    store.find(1)
    store.find(2, "closed")
    batch = outbox.next("hq", 3_000)
    assert batch is not None
    assert [parcel.id for parcel in batch.parcels] == [f"{store.instance()}-{mark}" for mark in ("f1", "f2", "s2")]
    stands = batch.parcels[2].content
    assert isinstance(stands, HostWindow)
    assert (stands.readings, [group.count for group in stands.findings]) == ((), [0])
    outbox.settle("hq", batch, Outcome(retry=(0, 1, 2)), "https://hq")
    drain(outbox, receiver)
    assert receiver.findings == [1, 2]


def test_findings_that_nobody_takes_hold_nothing_up(store: TriedStore) -> None:
    """Where only a person can mend why findings are refused, windows and they take turns; otherwise findings go on."""
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    store.run(60)
    store.find(1)
    kinds = []
    for lasting in (False, True, True, True, False):
        batch = outbox.next("hq", 3_000)
        assert batch is not None
        are_findings = isinstance(batch.parcels[0].content, FindingChange)
        kinds.append(are_findings)
        places = tuple(range(len(batch.parcels)))
        answer = Outcome(retry=places, trouble="no", lasting=lasting) if are_findings else everything(batch)
        outbox.settle("hq", batch, answer, "https://hq")
    assert kinds == [True, True, False, True, False]


def test_a_backlog_goes_on_in_the_windows_that_it_began_in(store: TriedStore) -> None:
    """What was made coarser stays so over a restart, though what is left would fit by now; then it is over."""
    outbox, receiver = Outbox(store), Receiver()
    outbox.next("hq", 3_000)
    store.run(8 * 60)
    for _ in range(5):  # a fresh hour, then some of the backlog
        batch = outbox.next("hq", 3_000, 30_000)
        assert batch is not None
        receiver.take(batch, tuple(range(len(batch.parcels))))
        outbox.settle("hq", batch, everything(batch), "https://hq")
    assert outbox.waiting()[0].window_s == 3_600
    again = Outbox(store)
    drain(again, receiver, backlog_bytes=1_000_000)
    steps = [now - before for before, now in itertools.pairwise(sorted(receiver.totals))]
    assert steps.count(SLOT_S * 10**9) == 12  # to the ends of the fresh hour
    assert max(steps) == 3_600 * 10**9
    assert again.waiting()[0].window_s == SLOT_S


def test_a_backlog_is_merged_after_a_restart_as_before(store: TriedStore) -> None:
    """Where the agent was stopped before any of it had gone, and no window is fresh, the budget holds, too."""
    outbox, receiver = Outbox(store), Receiver()
    outbox.next("hq", 3_000)
    store.run(8 * 60)
    for _ in range(4):  # a fresh hour
        batch = outbox.next("hq", 3_000, 30_000)
        assert batch is not None
        receiver.take(batch, tuple(range(len(batch.parcels))))
        outbox.settle("hq", batch, everything(batch), "https://hq")
    drain(Outbox(store), receiver, backlog_bytes=30_000)
    assert len(receiver.totals) == 12 + 8


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32))
def test_what_came_without_an_answer_comes_again_as_it_was(seed: int) -> None:
    """Kills, lost answers and budgets that change while days of backlog drain: of one end is one window."""
    dice, store, names = random.Random(seed), MemoryStore(), ("hq", "lab")
    known: dict[tuple[str, int], list[Sample]] = {}
    outbox = Outbox(store)
    for name in names:
        outbox.next(name, 3_000)
    store.run(dice.randrange(400, 3_000))
    fresh_to = dict.fromkeys(names, 0)
    for _ in range(100):
        newest = len(store.minutes) // 5 * 5
        if set(fresh_to.values()) == {newest} and dice.random() < 0.3:
            store.run(5)
        name = dice.choice(names)
        batch = outbox.next(name, dice.choice([1, 3_000, 30_000]), dice.choice([30_000, 300_000, 3_000_000]))
        for content in (parcel.content for parcel in batch.parcels) if batch else ():
            assert not isinstance(content, FindingChange)
            found, what = list(samples_of(ORIGIN, content)), f"{type(content).__name__} to {name}"
            assert known.setdefault((what, content.end_ns), found) == found
        if outbox.places[name].is_answered(newest - 59):
            fresh_to[name] = newest
        fate = dice.random()
        if fate < 0.3:
            store.restart()
            outbox = Outbox(store)
        elif batch is not None:
            lost = Outcome(retry=everything(batch).accepted, sent_bytes=9)
            outbox.settle(name, batch, lost if fate < 0.5 else everything(batch), "https://hq")


def test_what_retention_took_is_counted_and_passed_over(store: TriedStore) -> None:
    """Numbers that are gone stop nothing; how many were never sent is said."""
    receiver = Receiver()
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    store.run(400)
    store.lose(100)
    drain(outbox, receiver)
    (waiting,) = outbox.waiting()
    assert (waiting.dropped, waiting.minutes) == (100, 0)
    assert len(receiver.times) == 60


def test_destinations_have_places_of_their_own(store: TriedStore) -> None:
    """What one has got the other has not; a new one starts with what happens next; one that is gone is forgotten."""
    receiver = Receiver()
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    outbox.next("lab", 3_000)
    store.run(30)
    drain(outbox, receiver)
    assert outbox.next("lab", 3_000) is not None
    assert outbox.next("late", 3_000) is None
    assert [one.minutes for one in outbox.waiting()] == [0, 30, 0]
    outbox.keep_only(["lab"])
    assert [one.destination for one in outbox.waiting()] == ["lab"]


def test_the_ledger_says_what_left(store: TriedStore) -> None:
    """Each delivery is a line: when, where to, how many bytes, which fields."""
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    store.run(5)
    batch = outbox.next("hq", 3_000)
    assert batch is not None
    outbox.settle("hq", batch, everything(batch), "https://hq")
    (line,) = outbox.egress(0, 10)
    assert (line.destination, line.address, line.bytes, line.fields) == ("hq", "https://hq", 100, ("a",))
    assert (line.parcels, line.accepted) == (2, 2)
    assert isinstance(batch.parcels[1].content, HostWindow)


def test_a_batch_that_is_not_on_its_way_is_refused(store: TriedStore) -> None:
    """An answer to an older batch changes nothing."""
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    store.run(5)
    batch = outbox.next("hq", 3_000)
    assert batch is not None
    assert outbox.next("hq", 3_000) is not None
    with pytest.raises(ValueError, match="not on its way"):
        outbox.settle("hq", batch, everything(batch), "https://hq")


def test_a_clock_that_is_set_moves_what_was_not_sent_and_where_totals_begin() -> None:
    """Windows that waited in memory under a wrong time are read anew; each arrives once, under the right time."""
    store, receiver = MemoryStore(), Receiver()
    outbox = Outbox(store)
    assert outbox.next("hq", 3_000) is None
    store.run(60)
    assert outbox.waiting()[0].minutes == 60
    by_ns = 20 * 365 * 86_400 * 10**9
    step = Step(by_ns, START_NS, store.time_ns)
    store.minutes = [
        Numbered(one.first, one.last, msgspec.structs.replace(one.summary, time_ns=one.summary.time_ns + by_ns))
        for one in store.minutes
    ]
    store.time_ns += by_ns
    outbox.rebase(step)
    drain(outbox, receiver)
    last = store.minutes[-1].summary
    assert min(receiver.times) > START_NS + by_ns
    assert len(receiver.times) == len(set(receiver.times)) == 12
    assert sum(receiver.increases()) == sum(
        one.summary.inferences for one in store.minutes if one.summary.time_ns < max(receiver.times)
    )
    store.run(10)
    batch = outbox.next("hq", 3_000)
    assert batch is not None
    window = batch.parcels[0].content  # the newest of the two that are over since
    assert isinstance(window, Window)
    assert window.total.time_ns == store.minutes[0].summary.time_ns
    assert window.total.end_ns == window.end_ns > last.end_ns
