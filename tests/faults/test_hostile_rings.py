"""Whoever may write to a run directory may put anything there. None of it may cost more than itself."""

from __future__ import annotations

import json
import os
import tempfile
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from driftline import wire
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.model import StreamChange
from collectors.ring_file import RingFile
from tests.collectors.ring_bench import TABLE, RingBench, blocks, changes, column, details
from tests.collectors.ring_writer import part, placed

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.ports import Item

ROOM_MIB = 12


@pytest.fixture
def bench(tmp_path: Path) -> RingBench:
    """A run directory of our own."""
    return RingBench(tmp_path)


def collect_twice(bench: RingBench) -> list[Item]:
    """What a collector says of the directory in two scans, beside a sound ring that it must go on reading."""
    sound, collector = bench.writer("sound.ring", created_ns=99), bench.collector()
    bench.write(sound, [1.0])
    items = collector.collect()
    bench.write(sound, [2.0])
    for _ in range(4):
        bench.clock.advance(1)
        items += collector.collect()
    collector.close()
    assert column(items, "value") == [1.0, 2.0]
    return [item for item in items if not (isinstance(item, StreamChange) and item.kind == "opened")]


def refusals(bench: RingBench) -> list[str]:
    """Return why files were refused."""
    items = [item for item in collect_twice(bench) if isinstance(item, StreamChange)]
    assert {item.kind for item in items} <= {"unreadable"}
    return [item.detail for item in items]


def text(value: str) -> bytes:
    """Return a length-prefixed text, as a header holds it."""
    return wire.LENGTH.pack(len(value.encode())) + value.encode()


def test_random_bytes(bench: RingBench) -> None:
    """A file of noise is refused once, by name."""
    path = bench.directory / "noise.ring"
    path.write_bytes(np.random.default_rng(0).bytes(300_000))
    assert refusals(bench) == [f"{path} is not a ring: it does not begin with the ring's mark"]


def test_an_empty_file(bench: RingBench) -> None:
    """A ring without a header gets two seconds to have one written, then is refused."""
    path = bench.directory / "empty.ring"
    path.touch()
    collector = bench.collector()
    early = collector.collect()
    bench.clock.advance(1)
    early += collector.collect()
    bench.clock.advance(1)
    assert (early, details(collector.collect())) == ([], [f"{path} is empty"])


def test_a_ring_written_late_is_read(bench: RingBench) -> None:
    """A ring whose header comes after its name is not given up on."""
    path = bench.directory / "late.ring"
    path.write_bytes(bytes(100_000))
    collector = bench.collector()
    assert collector.collect() == []
    bench.write(bench.writer("late.ring"), [1.0])
    bench.clock.advance(1)
    assert column(collector.collect(), "value") == [1.0]


FIXED_FAULTS = [
    ({"slot_bytes": 0xFFFFFFF8}, "claims slots of 4294967288 bytes"),
    ({"slot_bytes": 32}, "claims slots of 32 bytes"),
    ({"slot_bytes": 129}, "claims slots of 129 bytes"),
    ({"slot_count": 0}, "claims 0 slots"),
    ({"slot_count": 0xFFFFFFFF}, "claims 4294967295 slots"),
    ({"slot_count": 65}, "is 73728 bytes long, shorter than the 73856 that its header says"),
    ({"header_bytes": 0}, "claims a header of 0 bytes"),
    ({"version": 2}, "has version 2 of the ring format"),
]


@pytest.mark.parametrize(("fields", "why"), FIXED_FAULTS, ids=[why for _, why in FIXED_FAULTS])
def test_a_lying_header(bench: RingBench, fields: dict[str, int], why: str) -> None:
    """Sizes beyond the format's bounds, or beyond the file, are refused by their values."""
    ring = bench.writer()
    ring.write_fixed(**fields)
    (said,) = refusals(bench)
    assert said.startswith(f"{ring.path} {why}")


IDENTITY_FAULTS = {
    "deep nesting": (text("[" * 8_000), "has an identity that cannot be read"),
    "deep nesting in an unknown key": (
        text('{"x":' + "[" * 5_000 + "]" * 5_000 + "}"),
        "has an identity that",
    ),
    "10 MB of JSON": (wire.LENGTH.pack(10 << 20) + b"{" * 1_000, "claims 10485760 bytes of identity"),
    "no JSON": (text("model: x"), "has an identity that cannot be read"),
    "the wrong type": (text('{"model": 7}'), "has an identity that cannot be read"),
    "no UTF-8": (wire.LENGTH.pack(14) + b'{"model": "\xff"}', "has an identity that cannot be read"),
    "no text": (wire.LENGTH.pack(0), "has an identity that cannot be read"),
}


@pytest.mark.parametrize("fault", IDENTITY_FAULTS)
def test_a_hostile_identity(bench: RingBench, fault: str) -> None:
    """JSON that is deep, long, broken or mistyped is refused without being expanded."""
    ring = bench.writer()
    content, why = IDENTITY_FAULTS[fault]
    ring.write(wire.IDENTITY_AT, content)
    (said,) = refusals(bench)
    assert said.startswith(f"{ring.path} {why}")


def signature_with(**changed: Any) -> dict[str, Any]:
    """Return a signature with something wrong in its only part."""
    return {"parts": [{**part("x", np.zeros((1, 2), np.float32)), **changed}]}


SIGNATURE_FAULTS = {
    "outside the slot": (signature_with(at=1 << 20), "places 'x' of signature 0 outside its slots"),
    "more bytes than its shape": (signature_with(bytes=16), "stores 16 bytes of 'x' in signature 0"),
    "a huge shape": (signature_with(shape=[1 << 40] * 8), "stores 8 bytes of 'x' in signature 0"),
    "a negative shape": (signature_with(shape=[-1, 2]), "has a signature 0 that cannot be read"),
    "a shape of many axes": (signature_with(shape=[1] * 100), "has a signature 0 that cannot be read"),
    "a role of its own": (signature_with(role="\x1b[2J"), "has a signature 0 that cannot be read"),
    "too many parts": ({"parts": [part("x", np.zeros(0, np.float32), layout="absent")] * 65}, "has a signature 0 that"),
    "too many names": (
        {"parts": [part("x", np.zeros(0), layout="named", names=["n"] * 2_001)]},
        "has a signature 0 that cannot be read",
    ),
}


@pytest.mark.parametrize("fault", SIGNATURE_FAULTS)
def test_a_hostile_signature(bench: RingBench, fault: str) -> None:
    """A signature that would lead outside the record, or without end, costs the ring."""
    signature, why = SIGNATURE_FAULTS[fault]
    ring = bench.writer(signatures=[signature])
    (said,) = refusals(bench)
    assert said.startswith(f"{ring.path} {why}")


def test_more_signatures_than_there_can_be(bench: RingBench) -> None:
    """A count of signatures beyond the format's bound is refused."""
    ring = bench.writer()
    ring.write(wire.COUNTERS_AT, wire.COUNTERS.pack(0, 1 << 60))
    (said,) = refusals(bench)
    assert said == f"{ring.path} claims {1 << 60} signatures; there can be 32"


def test_a_hostile_dtype_gives_no_signals(bench: RingBench) -> None:
    """Types that numpy would build at any size, or run code for, are not even tried."""
    for number, dtype in enumerate(("V999999999", "O", "<U1000000", "f4,f4", "(9,9)f4", "<M8[s]", ">f4")):
        signature = signature_with(dtype=dtype)
        ring = bench.writer(f"{number}.ring", signatures=[signature], created_ns=number)
        ring.record(np.zeros((1, 2), np.float32), end_ns=bench.clock.monotonic_ns())
    bench.clock.advance(0.01)
    items = bench.collector().collect()
    assert set(changes(items)) == {("opened", 0)}
    named = {tuple(s.name for s in block.signals) for block in blocks(items)}
    assert named == {("latency",), ("x_0", "x_1", "input_nonfinite", "latency")}


def test_names_cannot_reach_the_terminal(bench: RingBench) -> None:
    """Names of models, features and files come out without escapes and control characters, and cut to length."""
    identity = {"model": "a\x1b[31m\x1b]0;owned\x07b\n\u202e" + "c" * 500, "runtime": "\x9b31mrun\x00time"}
    signature = placed(part("x\x1b[2J", np.zeros((1, 2), np.float32), names=["a\r", "b\x08"]))
    ring = bench.writer("we\x1b[5mird\n.ring", identity=identity, signatures=[signature])
    ring.record(np.zeros((1, 2), np.float32), end_ns=bench.clock.monotonic_ns())
    bench.clock.advance(0.01)
    (block,) = blocks(bench.collector().collect())
    assert block.stream.model == "ab" + "c" * 61 + "…"
    assert block.stream.runtime == "31mruntime"
    assert [signal.name for signal in block.signals[:2]] == ["a", "b"]
    assert block.source.startswith("weird.ring:")


LAID_OUT: dict[str, Callable[[Path], object]] = {
    "symlink": lambda path: path.symlink_to("/etc/hostname"),
    "FIFO": os.mkfifo,
    "directory": Path.mkdir,
}


@pytest.mark.parametrize("kind", LAID_OUT)
def test_what_is_no_file_is_not_opened(bench: RingBench, kind: str) -> None:
    """A link, a FIFO (whose opening would wait) or a directory is refused once."""
    path = bench.directory / "x.ring"
    LAID_OUT[kind](path)
    assert refusals(bench) == [f"{path} is not a regular file"]


def test_a_ring_that_may_not_be_read(bench: RingBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without permission is refused once, with the system's reason."""
    ring = bench.writer()
    system_open = os.open

    def refuse(path: Path, flags: int) -> int:  # permissions do not stop root, who may run this test
        if path == ring.path:
            raise PermissionError(13, "Permission denied", str(path))
        return system_open(path, flags)

    monkeypatch.setattr("collectors.ring_file.os.open", refuse)
    items = bench.collector().collect()
    assert (changes(items), details(items)) == (
        [("unreadable", 0)],
        [f"{ring.path} cannot be read: Permission denied"],
    )


def test_a_ring_replaced_by_a_link_before_it_is_opened(bench: RingBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look before the opening is not what protects: a link put there in between is not followed."""
    ring = bench.writer()
    target = bench.directory / "target"
    ring.path.rename(target)
    looked = target.lstat()
    ring.path.symlink_to(target)
    monkeypatch.setattr("collectors.ring_file.os.lstat", lambda _: looked)
    with pytest.raises(OSError, match="symbolic links"):
        RingFile(ring.path)


def test_a_ring_that_vanishes_before_it_is_opened(bench: RingBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that its writer takes away after it was listed is no news."""
    ring = bench.writer()
    monkeypatch.setattr("collectors.rings._list_rings", lambda _, __: [ring.path, bench.directory / "gone.ring"])
    assert changes(bench.collector().collect()) == [("opened", 0)]


def test_a_ring_truncated_while_it_is_read(bench: RingBench) -> None:
    """What was read before stays; the rest is one refusal, and no signal kills the agent."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [1.0])
    assert column(collector.collect(), "value") == [1.0]
    os.truncate(ring.path, 100)
    items = collector.collect()
    assert details(items) == [f"{ring.path} was cut short while it was read"]
    bench.clock.advance(5)
    assert collector.collect() == []


def test_a_ring_truncated_within_its_slots(bench: RingBench) -> None:
    """Records before the cut are handed out, then the cut is told."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [1.0, 2.0])
    os.truncate(ring.path, ring.slot_at(3))
    items = collector.collect()
    for _ in range(3):
        bench.clock.advance(1)
        items += collector.collect()
    assert [kind for kind, _ in changes(items)].count("unreadable") == 1


def test_a_new_file_under_a_refused_name_is_looked_at(bench: RingBench) -> None:
    """A refusal is of a file, not of a name."""
    path = bench.directory / "a.ring"
    path.write_bytes(b"x" * 1_000)
    collector = bench.collector()
    assert changes(collector.collect()) == [("unreadable", 0)]
    path.rename(bench.directory / "old")  # keeps its inode in use
    bench.write(bench.writer("a.ring"), [1.0])
    bench.clock.advance(1)
    assert column(collector.collect(), "value") == [1.0]


def test_a_copy_of_a_ring_is_not_read_twice(bench: RingBench) -> None:
    """A second name for an open ring is refused."""
    ring = bench.writer()
    os.link(ring.path, bench.directory / "b.ring")
    items = bench.collector().collect()
    assert changes(items) == [("unreadable", 0), ("opened", 0)]
    assert details(items)[0].endswith("is a second name or a copy of a ring that is open already")


@pytest.mark.parametrize("seq", [1 << 63, (1 << 64) - 1, 2, 1 + 64 * 10**12])
def test_sequence_numbers_from_nowhere(bench: RingBench, seq: int) -> None:
    """A number that cannot be in its slot ends in a refusal or a count, within bounds, and never in a loop."""
    ring, collector = bench.writer(), bench.collector()
    bench.write(ring, [1.0])
    ring.write(ring.slot_at(1), (b"" + wire.HEAD.pack(seq, 1, 1, 1, 0, 0)))
    items: list[Item] = []
    for _ in range(5):
        items += collector.collect()
        bench.clock.advance(0.6)
    assert next(kind for kind, _ in changes(items)) == "opened"
    assert {kind for kind, _ in changes(items)} <= {"opened", "lost", "unreadable"}
    assert len(items) <= 3


@pytest.mark.parametrize("rows", [0xFFFFFFFF, 0])
def test_row_counts_from_nowhere(bench: RingBench, rows: int) -> None:
    """A record cannot claim more rows than were stored."""
    ring = bench.writer()
    ring.record(np.ones((1, 2), np.float32), np.ones((1, 1), np.float32), end_ns=1, rows=rows)
    assert len(column(bench.collector().collect(), "value")) == min(rows, 1)


def test_a_header_cannot_multiply_rows_by_signals(bench: RingBench) -> None:
    """A call of many rows and many named signals is refused before memory is taken for it."""
    tall = np.zeros((60_000, 1), np.uint8)
    wide = {"role": "input", "name": "w", "dtype": "<f8", "shape": [500], "layout": "named", "bytes": 4_000}
    signature = placed(part("x", tall), {**wide, "names": [f"n{i}" for i in range(500)]})
    ring = bench.writer(slot_bytes=65_536, slot_count=8, signatures=[signature])
    ring.record(tall, end_ns=bench.clock.monotonic_ns(), rows=60_000)
    bench.clock.advance(0.01)
    tracemalloc.start()
    (item,) = [item for item in bench.collector().collect() if isinstance(item, StreamChange)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (item.kind, "a call claims 60000 rows" in item.detail) == ("unreadable", True)
    assert peak < ROOM_MIB << 20


FIELDS = st.sampled_from([0, 8, 12, 16, 20, 24, 48, 128, 136, 256, 260, 16_384, 16_388, 65_536, 65_568, 65_660])
EDITS = st.lists(st.tuples(FIELDS | st.integers(0, 73_000), st.binary(min_size=1, max_size=64)), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits=EDITS, late=EDITS, length=st.none() | st.integers(0, 80_000))
def test_no_bytes_whatever_raise_or_take_memory(
    edits: list[tuple[int, bytes]], late: list[tuple[int, bytes]], length: int | None
) -> None:
    """A sound ring overwritten anywhere, before and while it is read, never raises nor takes more than some MiB."""
    with tempfile.TemporaryDirectory() as directory:
        bench = RingBench(Path(directory))
        ring = bench.writer()
        bench.write(ring, [1.0, 2.0, 3.0])
        for at, content in edits:
            ring.write(at, content)
        collector = bench.collector()
        tracemalloc.start()
        try:
            _use(bench, collector.collect())
            for at, content in late:
                ring.write(at, content)
            if length is not None:
                os.truncate(ring.path, length)
            for _ in range(3):
                bench.clock.advance(1)
                _use(bench, collector.collect())
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            collector.close()
        assert peak < ROOM_MIB << 20


@settings(max_examples=100, deadline=None)
@given(
    part_fields=st.fixed_dictionaries(
        {},
        optional={
            "role": st.sampled_from(["input", "output"]),
            "name": st.text(max_size=5),
            "dtype": st.sampled_from(["<f4", "<f8", "|u1", "<i8", ">f2", "|b1", "object", "<c8", "V8"]),
            "shape": st.lists(st.integers(0, 6), max_size=5),
            "layout": st.sampled_from(["whole", "head", "sampled", "named", "absent"]),
            "at": st.integers(0, 88),
            "bytes": st.integers(0, 88),
            "names": st.lists(st.text(max_size=3), max_size=4),
            "sample_shape": st.lists(st.integers(0, 5), max_size=4),
            "patch_shape": st.lists(st.integers(0, 5), max_size=4),
        },
    ),
    kind=st.sampled_from(["", "image", "tabular", "embedding", "classification", "regression", "?"]),
)
def test_no_signature_that_is_let_in_raises(part_fields: dict[str, Any], kind: str) -> None:
    """Whatever a header may describe can be computed, whatever the bytes in its records are."""
    with tempfile.TemporaryDirectory() as directory:
        bench = RingBench(Path(directory))
        signature = {"parts": [{**part("x", np.zeros((1, 2), np.float32)), **part_fields}, TABLE["parts"][1]]}
        ring = bench.writer(signatures=[signature], identity={"model": "m", "kind": kind})
        noise = np.random.default_rng(0)
        for _ in range(3):
            ring.record(noise.random((1, 22), np.float32), end_ns=1, rows=int(noise.integers(0, 5)))
        _use(bench, bench.collector().collect())


def _use(bench: RingBench, items: list[Item]) -> None:
    """Check what came out: arrays that fit one another, and texts that JSON and a terminal can take."""
    for block in blocks(items):
        assert block.values.shape == (len(block), len(block.signals))
        assert block.values.dtype == np.float32
        assert len(block) == len(block.latency_s) == len(block.status)
        assert len({signal.name for signal in block.signals}) == len(block.signals)
    for detail in details(items):
        assert json.dumps(detail)
        assert detail.isprintable()
    assert bench.directory.exists()
