"""What the core keeps for destinations: bounded, whole, and gone with it without harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.buffer.errors import UnavailableError
from agent.buffer.outgoing import kept
from agent.buffer.outgoing.outbox import Outbox
from agent.buffer.outgoing.stored import Sent
from agent.outbound import DeadLetter, Egress, Outcome
from tests.agent.buffer.outgoing.stores import DiskStore, on_disk
from tests.agent.buffer.outgoing.test_outbox import Receiver, drain, everything

if TYPE_CHECKING:
    from pathlib import Path


def reject(outbox: Outbox, store: DiskStore, count: int) -> list[str]:
    """Have so many windows rejected; return their ids, newest first."""
    ids = []
    for _ in range(count):
        store.run(5)
        batch = outbox.next("hq", 1)
        assert batch is not None
        outbox.settle("hq", batch, Outcome(accepted=(1,), rejected={0: "no"}, sent_bytes=1), "https://hq")
        ids.append(batch.parcels[0].id)
    return ids[::-1]


def test_dead_letters_are_bounded_and_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest stay, by number and by size, and how many went is known."""
    monkeypatch.setattr(kept, "MOST_LETTERS", 3)
    with on_disk() as store:
        outbox = Outbox(store)
        outbox.next("hq", 1)
        ids = reject(outbox, store, 5)
        assert [letter.parcel.id for letter in outbox.dead_letters()] == ids[:3]
        assert store._kept.dropped_letters() == 2
        monkeypatch.setattr(kept, "MOST_LETTER_BYTES", 10)
        ids = reject(outbox, store, 1)
        assert outbox.dead_letters() == []
        assert store._kept.dropped_letters() == 6


def test_a_letter_of_one_destination_is_none_of_another() -> None:
    """What one destination takes stays a dead letter where another refused it."""
    with on_disk() as store:
        outbox = Outbox(store)
        outbox.next("hq", 1)
        outbox.next("lab", 1)
        (rejected,) = reject(outbox, store, 1)
        batch = outbox.next("lab", 1)
        assert batch is not None
        assert batch.parcels[0].id == rejected
        outbox.settle("lab", batch, everything(batch), "https://lab")
        assert [(letter.destination, letter.parcel.id) for letter in outbox.dead_letters()] == [("hq", rejected)]


def test_the_ledger_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its oldest lines go by their number, in steps."""
    monkeypatch.setattr(kept, "MOST_LINES", 20)
    monkeypatch.setattr(kept, "_TRIM_EVERY", 10)
    with on_disk() as store:
        for number in range(75):
            line = Egress(
                time_ns=store.now_ns(), destination="hq", address="https://hq", parcels=1, accepted=1, bytes=number,
                fields=("a", "b"),
            )  # fmt: skip
            store.keep(Sent(line=line))
        found = store.egress(0, 1_000)
        assert [line.bytes for line in found] == list(range(74, 74 - len(found), -1))
        assert 20 <= len(found) < 30


def test_a_core_that_is_lost_begins_the_queue_anew() -> None:
    """Under another name, from the newest summary on; the summaries themselves are there, and nothing raises."""
    with on_disk() as store:
        outbox, receiver = Outbox(store), Receiver()
        outbox.next("hq", 1)
        store.run(30)
        before = store.instance()
        store.buffer.close()
        for name in ("core.duckdb", "core.duckdb.wal"):
            (store._directory / name).unlink(missing_ok=True)
        store._open()
        outbox = Outbox(store)
        assert outbox.next("hq", 1) is None
        store.run(10)
        drain(outbox, receiver)
        assert sum(receiver.increases()) == sum(one.summary.inferences for one in store.minutes[30:])
        assert store.instance() != before


def test_numbers_of_summaries_that_were_lost_are_not_given_out_again(tmp_path: Path) -> None:
    """Where the newest segment is gone, what follows is not taken for what was sent."""
    store = DiskStore(tmp_path)
    outbox = Outbox(store)
    outbox.next("hq", 1)
    store.run(30)
    drain(outbox, Receiver())
    store.buffer.close()
    for path in (tmp_path / "segments").iterdir():
        path.unlink()
    store._open()
    assert store.buffer.recorder.last_summary == 30
    store.buffer.close()


def test_a_closed_buffer_opens_nothing_again(tmp_path: Path) -> None:
    """Whoever asks later is told, and the files stay free for the next agent."""
    store = DiskStore(tmp_path)
    outbox = Outbox(store)
    outbox.next("hq", 1)
    store.buffer.close()
    with pytest.raises(UnavailableError):
        outbox.next("hq", 1)
    with pytest.raises(UnavailableError):
        store.keep(Sent(letters=[], places=[("kind", "name", b"x")]))
    again = DiskStore(tmp_path)
    assert again.place("kind", "name") is None
    again.buffer.close()


def test_a_letter_that_cannot_be_read_is_left_out() -> None:
    """One of another version hides no other."""
    with on_disk() as store:
        outbox = Outbox(store)
        outbox.next("hq", 1)
        ids = reject(outbox, store, 2)
        store._kept.write(lambda _: [("UPDATE core.dead_letters SET parcel = 'x'::BLOB WHERE id = ?", (ids[0],))])
        (letter,) = outbox.dead_letters()
        assert isinstance(letter, DeadLetter)
        assert letter.parcel.id == ids[1]
