from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from driftline import wire

from collectors.ring_file import HEAD_TYPE, RingFile
from tests.collectors.ring_bench import RingBench, changes, column, details

if TYPE_CHECKING:
    from agent.ports import Item
    from collectors.rings import RingCollector

CALL = [np.ones((1, 2), np.float32), np.ones((1, 1), np.float32)]


def after_a_hole(bench: RingBench, collector: RingCollector) -> list[Item]:
    """Return what comes until a record that is missing now must have been given up."""
    items: list[Item] = []
    for _ in range(4):
        bench.clock.advance(0.3)
        items += collector.collect()
    return items


def test_the_head_is_as_the_wire_says() -> None:
    """The fields of a head lie where the writer's struct puts them."""
    head = np.frombuffer(wire.HEAD.pack(1, 2, 3, 4, 5, 1), HEAD_TYPE)[0]
    assert head.tolist() == (1, 2, 3, 4, 5, 1, 0)
    assert wire.HEAD.size == HEAD_TYPE.itemsize


def test_a_young_record_is_left_for_later(bench: RingBench) -> None:
    """A record younger than 5 ms is not read, since a weakly ordered processor may not have shown all of it."""
    ring, collector = bench.writer(), bench.collector()
    ring.record(*CALL, end_ns=bench.clock.monotonic_ns())
    bench.clock.advance(0.004)
    first = column(collector.collect(), "value")
    bench.clock.advance(0.002)
    assert (first, column(collector.collect(), "value")) == ([], [1.0])


def test_a_record_without_its_tail_is_waited_for(bench: RingBench) -> None:
    """A record that is being written holds back those after it, and comes when it is complete."""
    ring, collector = bench.writer(), bench.collector()
    seq = ring.record(*CALL, end_ns=bench.clock.monotonic_ns(), tail=False)
    ring.record(*CALL, end_ns=bench.clock.monotonic_ns())
    bench.clock.advance(0.1)
    assert column(collector.collect(), "value") == []
    ring.write(ring.slot_at(seq) + ring.slot_bytes - wire.TAIL.size, wire.TAIL.pack(seq))
    assert column(collector.collect(), "value") == [1.0, 1.0]


def test_a_record_never_finished_is_stepped_over(bench: RingBench) -> None:
    """A thread that died within a record costs that record, counted, and a second."""
    ring, collector = bench.writer(), bench.collector()
    ring.record(*CALL, end_ns=bench.clock.monotonic_ns(), tail=False)
    ring.seq += 2  # two more that were begun and never touched
    ring.record(*CALL, end_ns=bench.clock.monotonic_ns())
    bench.clock.advance(0.1)
    collector.collect()
    items = after_a_hole(bench, collector)
    assert (changes(items), column(items, "value")) == ([("lost", 3)], [1.0])
    assert details(items) == ["3 records were begun and never finished"]


def test_a_hole_before_the_end_of_the_ring_is_stepped_over(bench: RingBench) -> None:
    """The place where the ring comes round is no obstacle to that."""
    ring, collector = bench.writer(slot_count=4), bench.collector()
    bench.write(ring, [1.0, 2.0])
    collector.collect()
    ring.seq += 1
    bench.write(ring, [4.0])
    collector.collect()
    items = after_a_hole(bench, collector)
    assert (changes(items), column(items, "value")) == ([("lost", 1)], [4.0])


@pytest.mark.parametrize("seen", [1, 5, 31])
def test_records_that_are_written_while_it_looks_for_holes_are_no_holes(
    bench: RingBench, monkeypatch: pytest.MonkeyPatch, seen: int
) -> None:
    """A service at rest goes on while the records after the next are looked through: nothing of that is missing."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [1.0])
    collector.collect()
    bench.clock.advance(0.6)
    read_slots = RingFile._read_slots
    looks: list[int] = []

    def late(self: RingFile, at: int, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        looks.append(at)
        if len(looks) == seen:
            bench.write(ring, [float(at) for at in range(2, 40)])
        return read_slots(self, at, count)

    monkeypatch.setattr(RingFile, "_read_slots", late)
    items = collector.collect() + after_a_hole(bench, collector)
    assert len(looks) >= seen
    assert (changes(items), column(items, "value")) == ([], [float(at) for at in range(2, 40)])


def test_a_record_begun_just_before_a_look_is_waited_for(bench: RingBench) -> None:
    """After a rest two threads infer at once: the first may be interrupted between its number and its record."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [1.0])
    collector.collect()
    bench.clock.advance(0.6)
    seq = ring.record(*CALL, end_ns=bench.clock.monotonic_ns(), tail=False)
    bench.write(ring, [3.0])
    items = collector.collect()
    bench.clock.advance(0.3)
    ring.write(ring.slot_at(seq) + ring.slot_bytes - wire.TAIL.size, wire.TAIL.pack(seq))
    items += after_a_hole(bench, collector)
    assert (changes(items), column(items, "value")) == ([], [1.0, 3.0])


def test_a_dead_writers_torn_record_is_not_waited_for(bench: RingBench) -> None:
    """What a dead process left unfinished is counted at once, and what came after it is read."""
    ring = bench.writer()
    ring.record(*CALL, end_ns=bench.clock.monotonic_ns(), tail=False)
    bench.write(ring, [2.0])
    bench.proc.end(ring.pid)
    items = bench.collector().collect()
    assert (changes(items), column(items, "value")) == ([("opened", 0), ("lost", 1)], [2.0])


def test_a_time_in_the_future_does_not_stop_the_ring(bench: RingBench) -> None:
    """A record from beyond the present is damaged: it is counted, and the next one read."""
    ring, collector = bench.writer(), bench.collector()
    ring.record(*CALL, end_ns=bench.clock.monotonic_ns() + 10**12)
    bench.write(ring, [2.0])
    items = collector.collect()
    assert (changes(items), column(items, "value")) == ([("opened", 0), ("lost", 1)], [2.0])


def test_a_record_overwritten_while_it_is_read_is_not_taken(bench: RingBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two reads of a record differ, neither counts: what the writer put there since is found instead."""
    ring = bench.writer(slot_count=4)
    collector = bench.collector()
    bench.write(ring, [0.0])
    collector.collect()
    bench.write(ring, [1.0, 2.0])
    read_slots = RingFile._read_slots
    reads: list[int] = []

    def overtaken(self: RingFile, at: int, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        found = read_slots(self, at, count)
        if not reads:
            bench.write(ring, [3.0, 4.0, 5.0, 6.0])
        reads.append(at)
        return found

    monkeypatch.setattr(RingFile, "_read_slots", overtaken)
    items = collector.collect()
    bench.clock.advance(0.01)
    items += collector.collect()
    assert column(items, "value") == [3.0, 4.0, 5.0, 6.0]
    assert changes(items) == [("lost", 2)]


def test_a_signature_added_between_two_reads_is_known(bench: RingBench) -> None:
    """Records of a signature that was not there yet are damaged; the stream goes on."""
    ring, collector = bench.writer(), bench.collector()
    end_ns = bench.clock.monotonic_ns()
    ring.signatures.append(ring.signatures[0])  # in the writer's mind, not in the file
    ring.record(*CALL, end_ns=end_ns, signature=1)
    ring.signatures.pop()
    bench.write(ring, [2.0])
    items = collector.collect()
    assert (changes(items), column(items, "value")) == ([("opened", 0), ("lost", 1)], [2.0])
