"""What a destination refused for good: it is kept with its reason, and sent again when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.buffer.outgoing.outbox import Outbox
from agent.outbound import Outcome
from tests.agent.buffer.outgoing.stores import in_memory, on_disk
from tests.agent.buffer.outgoing.test_outbox import Receiver, everything

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent.buffer.outgoing.stores import TriedStore


@pytest.fixture(params=[in_memory, on_disk])
def store(request: pytest.FixtureRequest) -> Iterator[TriedStore]:
    """A store of each kind."""
    with request.param() as made:
        yield made


def test_what_is_rejected_is_a_dead_letter_until_it_is_sent_again(store: TriedStore) -> None:
    """A rejected parcel does not stand in the way; it is kept with its reason, and goes again when somebody asks."""
    outbox = Outbox(store)
    outbox.next("hq", 3_000)
    store.run(5)
    batch = outbox.next("hq", 3_000)
    assert batch is not None
    outbox.settle("hq", batch, Outcome(accepted=(1,), rejected={0: "400: no"}, sent_bytes=7), "https://hq")
    assert outbox.next("hq", 3_000) is None
    (letter,) = outbox.dead_letters("hq")
    assert (letter.parcel, letter.reason) == (batch.parcels[0], "400: no")
    assert outbox.retry_dead() == 1
    again = outbox.next("hq", 3_000)
    assert again is not None
    assert again.parcels == batch.parcels[:1]
    outbox.settle("hq", again, everything(again), "https://hq")
    assert outbox.dead_letters() == []
    assert outbox.next("hq", 3_000) is None


def test_findings_and_what_is_sent_again_are_no_more_than_gets_through(store: TriedStore) -> None:
    """On a narrow link they go one by one, so that they do not stand in the way of each other, nor of windows."""
    outbox, receiver = Outbox(store), Receiver()
    outbox.next("hq", 3_000)
    for number in range(1, 4):
        store.find(number)
    refused = outbox.next("hq", 30_000)
    assert refused is not None
    assert len(refused.parcels) == 3 + 1  # and what stands after them
    outbox.settle("hq", refused, Outcome(rejected=dict.fromkeys(range(4), "400: no")), "https://hq")
    assert outbox.retry_dead() == 4
    store.find(4)
    store.find(5)
    while batch := outbox.next("hq", 1):
        assert len(batch.parcels) == (2 if len(receiver.findings) < 2 else 1)
        receiver.take(batch, (0,))
        outbox.settle("hq", batch, everything(batch), "https://hq")
    assert receiver.findings[:2] == [4, 5]
    assert sorted(receiver.findings) == [1, 2, 3, 4, 5]
