from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agent.model import Signal, Stream
from tests.collectors.ring_bench import PID, WALL_NS, RingBench, blocks, changes, column, details
from tests.collectors.ring_writer import NAMESPACE, part, placed

if TYPE_CHECKING:
    import pytest


def test_first_sight_gives_opened_and_a_block(bench: RingBench) -> None:
    """A new ring gives one `opened` change, then its records as a block of the ring's stream, with their times."""
    identity = {"model": "meter", "version": "2", "sha256": "ab", "runtime": "onnxruntime", "provider": "CPU"}
    ring = bench.writer(identity=identity)
    bench.write(ring, [1.0, 2.0])
    items = bench.collector().collect()
    (block,) = blocks(items)
    assert changes(items) == [("opened", 0)]
    assert details(items) == [f"onnxruntime on CPU, process {PID}; begins at record 1"]
    expected = Stream(model="meter", version="2", sha256="ab", runtime="onnxruntime", provider="CPU", pid=PID)
    assert expected == block.stream
    assert [s.name for s in block.signals] == ["x_0", "x_1", "input_nonfinite", "value", "output_nonfinite", "latency"]
    assert block.signals[-1] == Signal("latency", "runtime", unit="s")
    assert block.time_ns.tolist() == [WALL_NS + 100_001_000_000, WALL_NS + 100_002_000_000]
    np.testing.assert_allclose(block.latency_s, [0.001, 0.001])
    assert block.status.tolist() == [0, 0]
    np.testing.assert_allclose(block.values[:, :4], [[1, 1, 0, 1], [2, 2, 0, 2]])
    assert block.last_seq == 2


def test_each_record_is_given_once(bench: RingBench) -> None:
    """A second call returns what was written since the first, and a third nothing."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [1.0])
    first = column(collector.collect(), "value")
    bench.write(ring, [2.0, 3.0])
    assert (first, column(collector.collect(), "value"), collector.collect()) == ([1.0], [2.0, 3.0], [])


def test_a_ring_is_found_within_a_second(bench: RingBench) -> None:
    """A ring that appears after the first call is found by a call a second later."""
    collector = bench.collector()
    assert collector.collect() == []
    ring = bench.writer()
    bench.write(ring, [1.0])
    assert collector.collect() == []
    bench.clock.advance(1)
    assert column(collector.collect(), "value") == [1.0]


def test_many_laps_keep_every_record(bench: RingBench) -> None:
    """Reading in time loses nothing, however often the ring comes round."""
    ring, collector = bench.writer(slot_count=8), bench.collector()
    seen: list[float] = []
    for start in range(0, 100, 5):
        bench.write(ring, [float(i) for i in range(start, start + 5)])
        seen += column(collector.collect(), "value")
    assert seen == [float(i) for i in range(100)]


def test_a_ring_that_fills_up_says_so(bench: RingBench) -> None:
    """More than a quarter of a ring unread: it should be read soon; once it was, it need not."""
    ring, collector = bench.writer(slot_count=8), bench.collector()
    bench.write(ring, [0.0])
    collector.collect()
    filling = []
    for _ in range(3):
        bench.write(ring, [1.0])
        filling.append(collector.filling)
    collector.collect()
    assert (filling, collector.filling) == ([False, False, True], False)


def test_a_ring_that_was_cut_should_be_read_soon(bench: RingBench) -> None:
    """What is wrong with it shows in the next call."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [0.0])
    collector.collect()
    os.truncate(ring.path, 100)
    assert collector.filling
    assert [kind for kind, _ in changes(collector.collect())] == ["unreadable"]
    assert not collector.filling


def test_overwritten_records_are_counted(bench: RingBench) -> None:
    """Records that the writer overwrote before they were read are one `lost` change with their number."""
    ring, collector = bench.writer(slot_count=8), bench.collector()
    bench.write(ring, [0.0])
    collector.collect()
    bench.write(ring, [float(i) for i in range(1, 21)])
    items = collector.collect()
    assert changes(items) == [("lost", 12)]
    assert column(items, "value") == [float(i) for i in range(13, 21)]


def test_a_restarted_agent_goes_on_where_it_was(bench: RingBench) -> None:
    """With its position known and nothing overwritten, only `opened` is told, and it names the record."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [1.0, 2.0])
    (block,) = blocks(collector.collect())
    collector.close()
    bench.write(ring, [3.0])
    items = bench.collector({block.source: block.last_seq}).collect()
    assert column(items, "value") == [3.0]
    assert changes(items) == [("opened", 0)]
    assert details(items)[0].endswith("; continued at record 3, 0 records lost while the agent was away")


def test_what_was_lost_while_the_agent_was_away_is_told(bench: RingBench) -> None:
    """Records overwritten between two runs of the agent are counted, and the detail says when they were lost."""
    ring, collector = bench.writer(slot_count=8), bench.collector()
    bench.write(ring, [0.0])
    (block,) = blocks(collector.collect())
    bench.write(ring, [float(i) for i in range(1, 21)])
    items = bench.collector({block.source: block.last_seq}).collect()
    assert changes(items) == [("opened", 0), ("lost", 12)]
    assert details(items)[0].endswith("; continued at record 14, 12 records lost while the agent was away")
    assert details(items)[1] == "12 records were overwritten while the agent was away"


def test_an_agent_that_comes_late_has_lost_nothing(bench: RingBench) -> None:
    """What was overwritten before the agent first saw a ring is told in `opened`, and not counted as lost."""
    ring = bench.writer(slot_count=8)
    bench.write(ring, [float(i) for i in range(20)])
    items = bench.collector().collect()
    assert changes(items) == [("opened", 0)]
    assert details(items)[0].endswith("; begins at record 13; earlier ones are gone")
    assert column(items, "value") == [float(i) for i in range(12, 20)]


def test_dropped_records_are_told_as_they_grow(bench: RingBench) -> None:
    """The probe's own count of dropped records is told by its increase."""
    ring, collector = bench.writer(), bench.collector()
    ring.write_counters(dropped=3)
    first = changes(collector.collect())
    ring.write_counters(dropped=5)
    assert (first, changes(collector.collect())) == ([("opened", 0), ("dropped", 3)], [("dropped", 2)])


def test_one_call_is_bounded(bench: RingBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call returns no more records of a ring than its bound; the next call goes on."""
    monkeypatch.setattr("collectors.rings._MAX_RECORDS", 10)
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [float(i) for i in range(25)])
    assert [len(column(collector.collect(), "value")) for _ in range(4)] == [10, 10, 5, 0]


def test_a_dead_service_is_drained_then_cleared(bench: RingBench) -> None:
    """The ring of a dead process is read to its end, told as closed, and removed only in a later call."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [1.0])
    collector.collect()
    bench.write(ring, [2.0])
    bench.proc.end(PID)
    bench.clock.advance(1)
    last = collector.collect()
    assert (column(last, "value"), ring.path.exists()) == ([2.0], True)
    assert (changes(collector.collect()), ring.path.exists()) == ([("closed", 0)], True)
    bench.clock.advance(29)
    assert (collector.collect(), ring.path.exists()) == ([], True)  # its rows may not be committed yet
    bench.clock.advance(1)
    assert (collector.collect(), ring.path.exists()) == ([], False)


def test_a_crash_before_removal_loses_nothing(bench: RingBench) -> None:
    """Rows handed out but not committed are handed out again to the next agent, although the service is dead."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [1.0, 2.0])
    bench.proc.end(PID)
    assert column(collector.collect(), "value") == [1.0, 2.0]
    assert column(bench.collector().collect(), "value") == [1.0, 2.0]


def test_a_finished_ring_goes_without_a_word(bench: RingBench) -> None:
    """A dead ring of which everything was committed is removed by the next agent, and nothing is told of it."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [1.0])
    bench.proc.end(PID)
    (block,) = blocks(collector.collect())
    again = bench.collector({block.source: block.last_seq})
    assert again.collect() == []
    bench.clock.advance(31)
    assert (again.collect(), ring.path.exists()) == ([], False)


def test_a_reused_pid_is_not_the_writer(bench: RingBench) -> None:
    """A process with the writer's pid and another start time does not keep its ring open."""
    bench.writer()
    bench.proc.start(PID, start_ticks=1)
    assert changes(bench.collector().collect()) == [("opened", 0), ("closed", 0)]


def test_a_writer_out_of_sight_is_judged_by_its_silence(bench: RingBench) -> None:
    """A ring from another pid namespace is closed after 15 silent minutes, kept, and opened again by a record."""
    ring, collector = bench.writer(namespace=NAMESPACE), bench.collector()
    bench.write(ring, [1.0])
    items = collector.collect()
    assert changes(items) == [("opened", 0)]
    assert f"process {PID}, not one of this container;" in details(items)[0]
    assert {block.stream.pid for block in blocks(items)} == {0}  # nobody measures who has that number here
    bench.clock.advance(890)
    assert collector.collect() == []
    bench.clock.advance(20)
    os.utime(ring.path, ns=(WALL_NS, WALL_NS))
    assert changes(collector.collect()) == [("closed", 0)]
    assert (collector.collect(), ring.path.exists()) == ([], True)
    bench.write(ring, [2.0])
    items = collector.collect()
    assert (changes(items), column(items, "value")) == ([("opened", 0)], [2.0])
    assert details(items)[0].endswith("; goes on at record 2")


def test_a_ring_from_before_the_last_boot(bench: RingBench) -> None:
    """Its records are dated by its own header, whatever the clock says now, and its writer counts as dead."""
    ring = bench.writer(boot_id=bytes(15) + b"\x01", created_ns=1_000, created_wall_ns=9_000_000)
    ring.record(np.zeros((1, 2), np.float32), np.zeros((1, 1), np.float32), end_ns=10**15)
    collector = bench.collector()
    (block,) = blocks(collector.collect())
    assert block.time_ns.tolist() == [10**15 + 9_000_000 - 1_000]
    assert changes(collector.collect()) == [("closed", 0)]


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_close_may_be_called_twice(bench: RingBench) -> None:
    """Closing lets go of every descriptor, once."""
    bench.writer()
    before = _open_files()
    collector = bench.collector()
    collector.collect()
    assert _open_files() == before + 1
    collector.close()
    collector.close()
    assert _open_files() == before


def test_two_rings_are_two_streams(bench: RingBench) -> None:
    """Each ring's rows come under its own source and stream."""
    bench.proc.start(2)
    first, second = bench.writer("a.ring"), bench.writer("b.ring", pid=2, created_ns=7)
    bench.write(first, [1.0])
    bench.write(second, [2.0])
    found = blocks(bench.collector().collect())
    assert sorted((block.stream.pid, float(block.values[0, 0])) for block in found) == [(2, 2.0), (PID, 1.0)]
    assert len({block.source for block in found}) == 2


def test_no_more_rings_than_the_bound(bench: RingBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound one change says that there are more; a place that becomes free is taken."""
    monkeypatch.setattr("collectors.rings.MAX_RINGS", 2)
    monkeypatch.setattr("collectors.ring_source._KEEP_NS", 0)
    for number in range(4):
        bench.proc.start(number + 1)
        bench.writer(f"{number}.ring", pid=number + 1, created_ns=number)
    collector = bench.collector()
    kinds = sorted(kind for kind, _ in changes(collector.collect()))
    assert kinds == ["opened", "opened", "unreadable"]
    bench.clock.advance(1)
    assert collector.collect() == []
    bench.proc.end(1)
    for _ in range(4):
        bench.clock.advance(1)
        kinds += [kind for kind, _ in changes(collector.collect())]
    assert kinds.count("opened") == 3


def test_the_observe_form(bench: RingBench) -> None:
    """Named values are signals by their own names; a call whose time is not known has no latency."""
    signature = {
        "parts": [
            {"role": "input", "name": "features", "dtype": "<f8", "shape": [2], "layout": "named", "at": 0,
             "bytes": 16, "names": ["pressure", "level"]},
            {"role": "output", "name": "outputs", "dtype": "<f8", "shape": [2], "layout": "named", "at": 16,
             "bytes": 16, "names": ["prediction", "confidence"]},
        ]
    }  # fmt: skip
    ring = bench.writer(signatures=[signature])
    ring.record(np.array([1.5, np.nan]), np.array([3.0, 0.75]), end_ns=bench.clock.monotonic_ns(), duration_ns=0)
    bench.clock.advance(0.01)
    (block,) = blocks(bench.collector().collect())
    assert block.signals == (
        Signal("pressure", "input"),
        Signal("level", "input"),
        Signal("prediction", "output", "categorical"),
        Signal("confidence", "output"),
        Signal("latency", "runtime", unit="s"),
    )
    np.testing.assert_array_equal(block.values, [[1.5, np.nan, 3.0, 0.75, np.nan]])
    np.testing.assert_array_equal(block.latency_s, [np.nan])


def test_a_batch_is_as_many_rows(bench: RingBench) -> None:
    """A call with a batch of three is three rows, in order, each with the call's time and latency."""
    signature = placed(part("x", np.zeros((3, 2), np.float32)), part("y", np.zeros((3, 1), np.float32), "output"))
    ring = bench.writer(signatures=[signature])
    call = [np.arange(6, dtype=np.float32).reshape(3, 2), np.arange(3, dtype=np.float32)[:, None]]
    ring.record(*call, end_ns=bench.clock.monotonic_ns(), rows=3)
    bench.clock.advance(0.01)
    items = bench.collector().collect()
    (block,) = blocks(items)
    assert (column(items, "x_0"), column(items, "value")) == ([0.0, 2.0, 4.0], [0.0, 1.0, 2.0])
    assert block.latency_s.tolist() == [0.001] * 3
    assert len(set(block.time_ns.tolist())) == 1


def test_rows_that_were_not_copied_are_told(bench: RingBench) -> None:
    """Of a batch stored in part there are the stored rows, and a change counts the others."""
    x = part("x", np.zeros((8, 2), np.float32), layout="head", bytes=3 * 8)
    y = part("y", np.zeros((8, 1), np.float32), "output", layout="head", bytes=3 * 4)
    ring = bench.writer(signatures=[placed(x, y)])
    full = [np.arange(16, dtype=np.float32).reshape(8, 2), np.arange(8, dtype=np.float32)]
    ring.record(*full, end_ns=bench.clock.monotonic_ns(), rows=8)
    bench.clock.advance(0.01)
    items = bench.collector().collect()
    assert column(items, "value") == [0.0, 1.0, 2.0]
    assert changes(items) == [("opened", 0), ("dropped", 5)]


def test_an_empty_batch_is_no_row(bench: RingBench) -> None:
    """A call with no rows gives none, and the columns are those of the calls that have some."""
    empty = placed(part("x", np.zeros((0, 2), np.float32)), part("y", np.zeros((0, 1), np.float32), "output"))
    ring, collector = bench.writer(signatures=[empty]), bench.collector()
    ring.record(end_ns=bench.clock.monotonic_ns(), rows=0)
    bench.clock.advance(0.01)
    assert blocks(collector.collect()) == []
    one = placed(part("x", np.zeros((1, 2), np.float32)), part("y", np.zeros((1, 1), np.float32), "output"))
    ring.add_signature(one)
    call = [np.ones((1, 2), np.float32), np.ones((1, 1), np.float32)]
    ring.record(*call, end_ns=bench.clock.monotonic_ns(), signature=1)
    bench.clock.advance(0.01)
    items = collector.collect()
    assert (changes(items), column(items, "value")) == ([], [1.0])


def test_a_failed_call_is_a_row_without_values(bench: RingBench) -> None:
    """An exception in the model is a row of status 1 with its time and no signals, between its neighbours."""
    ring = bench.writer(signatures=[TABLE_AND_FAILURE[0], TABLE_AND_FAILURE[1]])
    now = bench.clock.monotonic_ns()
    call = [np.ones((1, 2), np.float32), np.ones((1, 1), np.float32)]
    ring.record(end_ns=now, signature=0, status=1)
    ring.record(*call, end_ns=now + 1, signature=1)
    ring.record(end_ns=now + 2, signature=0, status=1)
    bench.clock.advance(0.01)
    (block,) = blocks(bench.collector().collect())
    assert block.status.tolist() == [1, 0, 1]
    assert np.isnan(block.values).all(axis=1).tolist() == [True, False, True]
    assert block.latency_s.tolist() == [0.001] * 3


TABLE_AND_FAILURE = [
    {"parts": []},
    placed(part("x", np.zeros((1, 2), np.float32)), part("y", np.zeros((1, 1), np.float32), "output")),
]


def test_a_changed_shape_is_told_and_the_columns_stay(bench: RingBench) -> None:
    """A new shape is told with before and after; rows go on under the first columns, with what can still be had."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [1.0])
    collector.collect()
    wide = placed(part("x", np.zeros((1, 3), np.float32)), part("y", np.zeros((1, 1), np.float32), "output"))
    ring.add_signature(wide)
    now = bench.clock.monotonic_ns()
    ring.record(np.full((1, 3), 2, np.float32), np.full((1, 1), 2, np.float32), end_ns=now, signature=1)
    bench.clock.advance(0.01)
    items = collector.collect()
    assert changes(items) == [("shape", 0)]
    assert details(items) == ["input 'x' was [2], is [3] (without the batch)"]
    (block,) = blocks(items)
    assert [s.name for s in block.signals] == ["x_0", "x_1", "input_nonfinite", "value", "output_nonfinite", "latency"]
    np.testing.assert_allclose(block.values, [[2, 2, 0, 2, 0, 0.001]], rtol=1e-6)


def test_a_changed_dtype_and_a_missing_input_are_told(bench: RingBench) -> None:
    """Each difference from the kinds of call before is told once, the gravest first."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [1.0])
    collector.collect()
    ring.add_signature(placed(part("x", np.zeros((1, 2))), part("y", np.zeros((1, 1), np.float32), "output")))
    ring.add_signature(placed(part("y", np.zeros((1, 1), np.float32), "output")))
    now = bench.clock.monotonic_ns()
    for number in (1, 2, 1, 2):
        ring.record(end_ns=now, signature=number)
    bench.clock.advance(0.01)
    items = collector.collect()
    assert changes(items) == [("dtype", 0), ("missing", 0)]
    assert details(items) == ["input 'x' was <f4, is <f8", "input 'x' was <f8 [2], is gone"]


def test_shapes_that_vary_are_told_a_few_times_only(bench: RingBench) -> None:
    """A model with an axis of any length gives a bounded number of changes, the last of which says so."""
    ring = bench.writer(signatures=[], slot_bytes=256)
    for length in range(2, 30):
        shape = np.zeros((1, length), np.float32)
        ring.add_signature(placed(part("x", shape), part("y", np.zeros((1, 1), np.float32), "output")))
        ring.record(end_ns=bench.clock.monotonic_ns(), signature=length - 2)
    bench.clock.advance(0.01)
    items = bench.collector().collect()
    assert changes(items) == [("opened", 0), *[("shape", 0)] * 8]
    assert details(items)[-1].endswith("; it varies, and further changes are not told")
