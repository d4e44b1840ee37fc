from __future__ import annotations

import os
import struct
import threading
from typing import TYPE_CHECKING, Any

import driftline
import numpy as np
import pytest
from driftline import registry, ring, wire

from tests.probe import models
from tests.probe.ring_reader import accepted, read_ring

if TYPE_CHECKING:
    from tests.probe.conftest import Rings

ANSWER = np.arange(10, dtype=np.float32).reshape(1, 10)


def test_the_oldest_is_overwritten(rings: Rings) -> None:
    """A full ring holds the newest records, all of them whole, in order."""
    watched = driftline.watch(models.same, model="m", ring_mib=0.25)
    for number in range(5000):
        watched(float(number))
    content = rings.only()
    slots = content.fields["slot_count"]
    assert [record.seq for record in content.records] == list(range(5001 - slots, 5001))
    for record in content.records:
        assert content.parts(record)["input"] == record.seq - 1


def test_reserving_bit_by_bit_loses_nothing(rings: Rings) -> None:
    """Every record of two laps of a ring larger than any one reservation is there when it should be."""
    watched = driftline.watch(models.Fake(ANSWER), model="m")
    for _ in range(3000):
        watched.run(None, {"x": models.image()})
    content = rings.only()
    assert [record.seq for record in content.records] == list(range(1, 3001))
    stat = content.path.stat()
    assert stat.st_blocks * 512 < stat.st_size
    for _ in range(14000):
        watched.run(None, {"x": models.image()})
    content = rings.only()
    assert [record.seq for record in content.records] == list(range(17001 - content.fields["slot_count"], 17001))
    assert content.dropped == 0


def test_a_torn_record_is_told_apart(rings: Rings) -> None:
    """A slot whose two sequence numbers differ, as in the middle of a write, is not accepted by the protocol."""
    watched = driftline.watch(models.same, model="m")
    for number in range(3):
        watched(float(number))
    content = rings.only()
    slots, slot_bytes = content.fields["slot_count"], content.fields["slot_bytes"]
    with content.path.open("r+b") as file:
        fd = file.fileno()
        assert accepted(fd, 2, slots, slot_bytes) is not None
        os.pwrite(fd, struct.pack("@Q", 2 + slots), wire.HEADER_BYTES + 2 * slot_bytes)
        assert accepted(fd, 2, slots, slot_bytes) is None
        assert accepted(fd, 2 + slots, slots, slot_bytes) is None
        assert accepted(fd, 3, slots, slot_bytes) is not None


def test_no_record_is_ever_seen_torn_by_the_protocol(rings: Rings) -> None:
    """While a writer laps the ring, whatever a reader accepts is one record and never a mixture of two."""
    watched = driftline.watch(models.Fake(ANSWER), model="m", ring_mib=0.25)
    images = [np.full((1, 1, 8, 8), n, np.float32) for n in range(64)]
    watched.run(None, {"x": images[0]})
    (path,) = rings.paths()
    stop = threading.Event()

    def write() -> None:
        number = 1
        while not stop.is_set():
            watched.run(None, {"x": images[number % 64]})
            number += 1
            if number % 256 == 0:
                stop.wait(1e-4)  # a writer that never lets go of the interpreter leaves the reader only laps to discard

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    try:
        while seen < 3000:
            content = read_ring(path)
            for record in content.records:
                assert {(record.seq - 1) % 64} == set(content.parts(record)["x"].ravel())
            seen += len(content.records)
    finally:
        stop.set()
        writer.join()


def test_threads_share_a_ring_without_loss(rings: Rings) -> None:
    """Eight threads of 10,000 calls leave every sequence number, each once, and none torn."""
    per_thread = 10_000
    watched = driftline.watch(models.Fake(ANSWER), model="m", ring_mib=64)
    monkey = ring.MAX_SLOTS
    ring.MAX_SLOTS = 1 << 17
    try:
        watched.run(None, {"x": np.zeros((1, 1, 8, 8), np.float32)})
    finally:
        ring.MAX_SLOTS = monkey

    def work(number: int) -> None:
        x = np.full((1, 1, 8, 8), number, np.float32)
        for _ in range(per_thread):
            watched.run(None, {"x": x})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = rings.only()
    assert [record.seq for record in content.records] == list(range(1, 8 * per_thread + 2))
    payloads = [np.frombuffer(record.payload, "<f4")[:64] for record in content.records]
    values = np.array(payloads)
    assert (values == values[:, :1]).all()
    assert np.bincount(values[:, 0].astype(int)).tolist() == [1] + [per_thread] * 8


def test_first_calls_at_once_are_recorded_or_counted(rings: Rings) -> None:
    """Where threads race to make the ring, each call is either in it or in its count of dropped records."""
    barrier = threading.Barrier(8)
    watched = driftline.watch(models.same, model="m")

    def work() -> None:
        barrier.wait()
        for number in range(50):
            watched(float(number))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    watched("one more shape")
    content = rings.only()
    (stream,) = registry._streams.values()
    assert len(content.records) + stream.dropped == 401


def test_a_forked_child_has_a_ring_of_its_own(rings: Rings) -> None:
    """After fork the child writes to its own ring, with its own pid, and never to its parent's."""
    watched = driftline.watch(models.Fake(ANSWER), model="m")
    x = models.image()
    for _ in range(5):
        watched.run(None, {"x": x})
    kept = watched.run
    child = os.fork()
    if child == 0:
        try:
            for _ in range(3):
                watched.run(None, {"x": x})
            kept(None, {"x": x})
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    watched.run(None, {"x": x})
    counts = {content.fields["pid"]: [record.seq for record in content.records] for content in rings.all()}
    assert counts == {os.getpid(): [1, 2, 3, 4, 5, 6], child: [1, 2, 3, 4]}


def test_an_unlinked_ring_is_made_anew(rings: Rings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where someone removes the ring, the calls go on and a new ring appears at the next look."""
    monkeypatch.setattr(ring, "CHECK_EVERY", 10)
    watched = driftline.watch(models.Fake(ANSWER), model="m", ring_mib=0.25)
    x = {"x": models.image()}
    for _ in range(1000):
        watched.run(None, x)
    (path,) = rings.paths()
    path.unlink()
    for _ in range(30):
        watched.run(None, x)
    content = rings.only()
    assert len(content.records) >= 20
    assert content.records[0].seq == 1


def test_a_truncated_ring_switches_the_stream_off(rings: Rings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A truncation that is noticed at the periodic look ends the recording, with one warning, and never the service."""
    monkeypatch.setattr(ring, "CHECK_EVERY", 10)
    watched = driftline.watch(models.Fake(ANSWER), model="m", ring_mib=0.25)
    x = {"x": models.image()}
    for _ in range(1000):
        watched.run(None, x)
    (stream,) = registry._streams.values()
    assert stream.ring is not None
    (path,) = rings.paths()
    # cut just before the next look, so that nothing is written to the missing part
    while next(stream.ring.counter) + 1 < stream.ring.limit[0]:
        pass
    os.truncate(path, wire.HEADER_BYTES)
    with pytest.warns(RuntimeWarning, match="truncated") as warned:
        results = [watched.run(None, x) for _ in range(30)]
    assert len(results) == 30
    assert len(warned) == 1
    assert stream.off


def test_signatures_stay_bounded_for_ever_changing_shapes(rings: Rings) -> None:
    """A model whose input length is never the same twice keeps within the table, and its payloads stay readable."""
    watched = driftline.watch(models.first, model="m")
    for length in range(1, 400):
        watched(np.arange(length, dtype=np.float32))
    content = rings.only()
    assert len(content.signatures) <= wire.MAX_SIGNATURES
    assert len(content.records) == 399
    for record in content.records:
        kept: Any = content.parts(record)["input"]
        assert kept is not None
        if not isinstance(kept, tuple):
            np.testing.assert_array_equal(kept, np.arange(len(kept)))
    assert content.dropped == 0
