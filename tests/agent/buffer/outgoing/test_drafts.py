"""Batches for a file, over a store in memory and over the buffer on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.buffer.outgoing.drafts import Draft, Drafts
from agent.buffer.outgoing.outbox import Outbox
from agent.outbound import BUNDLE, Egress, FindingChange, HostWindow
from tests.agent.buffer.outgoing.stores import in_memory, on_disk
from tests.agent.buffer.outgoing.test_outbox import Receiver, drain, truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent.buffer.outgoing.stores import TriedStore


@pytest.fixture(params=[in_memory, on_disk])
def store(request: pytest.FixtureRequest) -> Iterator[TriedStore]:
    """A store of each kind."""
    with request.param() as made:
        yield made


def line(time_ns: int) -> Egress:
    """What the ledger says of a file."""
    return Egress(
        time_ns=time_ns, destination=BUNDLE, address="/media/a", parcels=1, accepted=1, bytes=100, fields=("a",)
    )


def read(draft: Draft, receiver: Receiver) -> int:
    """Take all of a draft; return how many parcels it had."""
    count = 0
    while batch := draft.next(3_000):
        receiver.take(batch, tuple(range(len(batch.parcels))))
        count += len(batch.parcels)
    return count


def test_the_first_holds_all_there_is_and_the_next_what_came_since(store: TriedStore) -> None:
    """On a device that has no other destination; together they are the truth."""
    store.run(180)
    store.find(1)
    drafts, receiver = Drafts(Outbox(store)), Receiver()
    first = drafts.begin(BUNDLE)
    assert read(first, receiver) == 2 + 2 * 36
    drafts.keep(first, line(store.now_ns()))
    assert (sum(receiver.increases()), receiver.findings) == (truth(store), [1])
    store.run(60)
    second = drafts.begin(BUNDLE)
    assert read(second, receiver) == 2 * 12
    drafts.keep(second, line(store.now_ns()))
    assert sum(receiver.increases()) == truth(store)
    assert read(drafts.begin(BUNDLE), receiver) == 0
    assert [one.address for one in store.egress(0, 9)] == ["/media/a"] * 2


def test_one_that_is_not_kept_is_made_again(store: TriedStore) -> None:
    """The stick was full: the next one holds the same, after a restart too."""
    store.run(60)
    drafts, receiver = Drafts(Outbox(store)), Receiver()
    count = read(drafts.begin(BUNDLE), receiver)
    store.restart()
    assert read(Drafts(Outbox(store)).begin(BUNDLE), receiver) == count == 2 * 12


def test_the_last_one_can_be_made_again_with_what_came_since(store: TriedStore) -> None:
    """The stick was lost; the totals are the same as in the lost one."""
    store.run(60)
    drafts, receiver = Drafts(Outbox(store)), Receiver()
    first = drafts.begin(BUNDLE)
    read(first, receiver)
    drafts.keep(first, line(store.now_ns()))
    store.run(30)
    store.restart()
    again = Drafts(Outbox(store)).begin(BUNDLE, again=True)
    assert read(again, receiver) == 2 * 18
    assert sum(receiver.increases()) == truth(store)


def test_it_begins_with_what_no_destination_has_got(store: TriedStore) -> None:
    """And its totals are those that the destination will send later: the receiver may get both."""
    outbox, receiver = Outbox(store), Receiver()
    assert outbox.next("hq", 3_000) is None
    store.run(60)
    drain(outbox, receiver)
    store.run(120)
    store.find(1)
    draft = Drafts(outbox).begin(BUNDLE)
    assert read(draft, receiver) == 2 + 2 * 24
    Drafts(outbox).keep(draft, line(store.now_ns()))
    assert sum(receiver.increases()) == truth(store)
    drain(outbox, receiver)  # asserts that no total is another
    assert (sum(receiver.increases()), receiver.findings) == (truth(store), [1, 1])


def test_a_destination_that_comes_later_goes_on_with_the_totals(store: TriedStore) -> None:
    """A receiver that got the bundle sees no step back."""
    store.run(60)
    outbox, receiver = Outbox(store), Receiver()
    draft = Drafts(outbox).begin(BUNDLE)
    read(draft, receiver)
    Drafts(outbox).keep(draft, line(store.now_ns()))
    store.restart()
    outbox = Outbox(store)
    assert outbox.next("hq", 3_000) is None
    store.run(60)
    drain(outbox, receiver)
    assert sum(receiver.increases()) == truth(store)


def test_its_place_needs_no_configuration(store: TriedStore) -> None:
    """It stays where the destinations that are configured are named."""
    store.run(60)
    outbox = Outbox(store)
    draft = Drafts(outbox).begin(BUNDLE)
    read(draft, Receiver())
    Drafts(outbox).keep(draft, line(store.now_ns()))
    outbox.keep_only([])
    assert {name: place.low for name, place in outbox.places.items()} == {BUNDLE: 60}


def test_one_that_is_made_now_and_then_has_all_that_came_since() -> None:
    """Though nobody asks for anything between two, and more is stored than one call goes through."""
    with in_memory() as store:  # on a disk it takes half a minute
        outbox, receiver = Outbox(store), Receiver()
        for _ in range(4):
            store.run(2_300)
            draft = Drafts(outbox).begin(BUNDLE)
            read(draft, receiver)
            Drafts(outbox).keep(draft, line(store.now_ns()))
        assert sum(receiver.increases()) == truth(store)


def test_windows_and_the_device_are_in_it(store: TriedStore) -> None:
    """Each kind of parcel."""
    store.run(10)
    store.find(1)
    draft, kinds = Drafts(Outbox(store)).begin(BUNDLE), list[type]()
    while batch := draft.next(10**6):
        kinds += [type(parcel.content) for parcel in batch.parcels]
    assert FindingChange in kinds
    assert HostWindow in kinds
