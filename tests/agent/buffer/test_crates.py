"""Rows wait in crates for their table: what they are, that they are read like others, and what they save."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest

from agent.buffer.crates import Bench, decode, encode, row_bytes
from agent.buffer.packing import LEAST_ROWS as LARGE
from agent.buffer.packing import Packing
from agent.buffer.query import run_query
from agent.buffer.reader import open_readonly
from agent.buffer.row_schema import GROUP_ROWS
from agent.buffer.row_table import LEAST_ROWS
from tests.agent.buffer.blocks import CAMERA, ask, make_block, opened

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent.buffer import Buffer
    from agent.buffer.crates import Columns
    from agent.model import Block

COUNTED = "SELECT count(*), count(DISTINCT brightness), min(brightness), max(brightness) FROM inferences"


def _columns(rows: int, signals: int) -> Columns:
    random = np.random.default_rng(5)
    values = {f"c{at}": random.normal(size=rows).astype(np.float32) for at in range(signals)}
    return values | {
        "t": np.cumsum(random.integers(-5, 10**10, rows)),
        "s": random.integers(0, 3, rows).astype(np.int32),
        "l": np.array([np.nan, np.inf, *[0.25] * (rows - 2)], np.float32),
        "e": random.integers(0, 255, rows).astype(np.uint8),
        "i": random.integers(0, 2**64, rows, np.uint64, endpoint=False),
        "w": np.ones(rows, np.float32),
        "a": np.full(rows, 7, np.uint8),
    }


def _waiting(buffer: Buffer) -> tuple[int, int]:
    """Rows in the table of the newest segment, and rows in crates."""
    engine = buffer._files.ready()
    assert engine is not None
    alias = buffer._files.segments.opened[-1].alias
    landed = engine.run(f"SELECT count(*) FROM {alias}.rows_1")[0][0]
    return landed, engine.run(f"SELECT coalesce(sum(rows), 0)::BIGINT FROM {alias}.crates_1")[0][0]


def _commit(buffer: Buffer, first: int, rows: int) -> int:
    buffer.append([make_block(rows, first=first)], [])
    buffer.commit()
    return first + rows


def _firsts(blocks: Iterable[Block]) -> list[int]:
    return [int(value) for block in blocks for value in block.values[:, 0]]


@pytest.mark.parametrize("signals", [0, 1, 20])
def test_a_crate_gives_back_every_bit(signals: int) -> None:
    """Of each column; times that go back, missing and infinite values too."""
    columns = _columns(300, signals)
    back = decode(encode(columns, signals), 300, signals)
    assert back.keys() == columns.keys()
    for name, column in columns.items():
        assert back[name].dtype == column.dtype
        assert back[name].tobytes() == column.tobytes()


def test_what_is_no_crate_is_refused() -> None:
    """Another form, rubbish, another number of rows or signals."""
    crate = encode(_columns(300, 2), 2)
    for damaged, rows, signals in ((b"\x02" + crate[1:], 300, 2), (crate[:1] + b"\xff" * 9, 300, 2),
                                   (crate[:-9], 300, 2), (crate, 299, 2), (crate, 300, 3), (b"", 0, 0)):  # fmt: skip
        with pytest.raises(ValueError, match="a crate of"):
            decode(damaged, rows, signals)


def test_a_row_takes_half_in_a_crate() -> None:
    """Rows of measures at the resolution of images; of noise, no more than they are."""
    columns = _columns(500, 8)
    assert len(encode(columns, 8)) < 500 * row_bytes(8)
    coarse = columns | {f"c{at}": np.round((columns[f"c{at}"] * 8 + 120) * 16) / 16 for at in range(8)}
    assert len(encode(coarse, 8)) < 0.5 * 500 * row_bytes(8)


def test_crates_made_on_one_bench_do_not_disturb_each_other() -> None:
    """A crate is its own bytes, whatever is made after it: more, less, and more than a bench keeps room for."""
    bench = Bench()
    many = [(_columns(rows, 20), rows) for rows in (300, 50, 40_000, 700)]
    crates = [encode(columns, 20, bench) for columns, _ in many]
    for (columns, rows), crate in zip(many, crates, strict=True):
        assert crate == encode(columns, 20)
        assert decode(crate, rows, 20)["c7"].tobytes() == columns["c7"].tobytes()


def _packers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("driftline-packing")}


def test_large_batches_are_packed_beside_the_writer() -> None:
    """In one other thread, which ends with its user; small ones are not."""
    before, packing, large, small = _packers(), Packing(), _columns(LARGE, 3), _columns(LARGE - 1, 3)
    assert packing.begin(small, 3)() == encode(small, 3)
    assert _packers() == before
    crates = [packing.begin(columns, 3) for columns in (large, small, large)]
    assert len(_packers() - before) == 1
    assert [crate() for crate in crates] == [encode(columns, 3) for columns in (large, small, large)]
    packing.close()
    assert _packers() == before


def test_a_buffer_leaves_no_thread_behind(tmp_path: Path) -> None:
    """Once it is closed."""
    before = _packers()
    with opened(tmp_path) as buffer:
        _commit(buffer, 0, LARGE)
        assert _packers() != before
    assert _packers() == before


def test_what_cannot_be_packed_is_said_to_who_waits() -> None:
    """Where rows do not fit together, by what gives the crate; the next is packed all the same."""
    packing, columns = Packing(), _columns(LARGE, 3)
    for count in (1, 5, LARGE - 1):
        crate = packing.begin(columns | {"w": columns["w"][:count]}, 3)
        with pytest.raises(ValueError, match="shape"):
            crate()
    assert packing.begin(columns, 3)() == encode(columns, 3)
    packing.close()


def test_a_system_without_threads_packs_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer does it itself; nothing waits in memory for a thread that never comes."""
    packing, columns = Packing(), _columns(LARGE, 3)
    held = weakref.ref(columns["c0"])

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        assert packing.begin(columns, 3)() == encode(columns, 3)
    del columns
    gc.collect()
    assert held() is None
    again = _columns(LARGE, 3)
    assert packing.begin(again, 3)() == encode(again, 3)
    packing.close()


def test_rows_go_to_their_table_by_whole_row_groups(tmp_path: Path) -> None:
    """What waits is counted, found and read with what does not, over restarts, by marks and in its order."""
    with opened(tmp_path) as buffer:
        first = _commit(buffer, 0, 5)
        assert _waiting(buffer) == (5, 0)
        first = _commit(buffer, first, 1_000)
        mark = buffer.mark()
        first = _commit(buffer, first, 7)
        assert _waiting(buffer) == (5, 1_007)
        assert ask(buffer, COUNTED) == [[first, first, 0.0, first - 1.0]]
        assert _firsts(buffer.last_rows(CAMERA.key, 1_010)) == list(range(2, first))
    reader = open_readonly(tmp_path)
    assert run_query(reader, COUNTED, 1, 20.0).rows == [[first, first, 0.0, first - 1.0]]
    reader.close()
    with opened(tmp_path) as buffer:
        assert ask(buffer, COUNTED) == [[first, first, 0.0, first - 1.0]]
        first = _commit(buffer, first, GROUP_ROWS - 1_000)
        assert _waiting(buffer) == (5 + GROUP_ROWS, 7)
        assert ask(buffer, COUNTED) == [[first, first, 0.0, first - 1.0]]
        first = _commit(buffer, first, 2 * GROUP_ROWS + 50)
        assert _waiting(buffer) == (5 + 3 * GROUP_ROWS, 57)
        assert _firsts(buffer.rows_since(CAMERA.key, mark)) == list(range(1_005, first))
        assert _firsts(buffer.last_rows(CAMERA.key, 60)) == list(range(first - 60, first))
        assert buffer.repairs == ()


def test_memory_is_kept_for_the_next_row_group_and_no_more(tmp_path: Path) -> None:
    """What a batch of several row groups took goes, and everything where no more rows come."""
    with opened(tmp_path) as buffer:
        first = _commit(buffer, 0, LEAST_ROWS)
        segment = buffer._files.segments.opened[-1]
        late = segment._rows[1]._late
        assert late is not None
        kept = late._arrays
        assert kept.rows == GROUP_ROWS
        first = _commit(buffer, first, GROUP_ROWS - LEAST_ROWS - 1)
        assert late._arrays is kept
        first = _commit(buffer, first, 3 * GROUP_ROWS)
        assert late._arrays.rows < GROUP_ROWS
        buffer._files.segments.sealed = True
        first = _commit(buffer, first, LEAST_ROWS)
        buffer.commit()
        assert (buffer._files.segments.opened[-1] is segment, late._arrays.rows) == (False, 0)
        assert ask(buffer, COUNTED) == [[first, first, 0.0, first - 1.0]]


def test_a_first_batch_of_several_row_groups_is_all_there(tmp_path: Path) -> None:
    """The table, its crates and what waits in memory are made by the same transaction."""
    with opened(tmp_path) as buffer:
        first = _commit(buffer, 0, 3 * GROUP_ROWS + 50)
        assert _waiting(buffer) == (3 * GROUP_ROWS, 50)
        assert ask(buffer, COUNTED) == [[first, first, 0.0, first - 1.0]]


def test_crates_are_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly rows come, a start has only so many to open."""
    monkeypatch.setattr("agent.buffer.row_table.MOST_CRATES", 8)
    with opened(tmp_path) as buffer:
        first = _commit(buffer, 0, LEAST_ROWS)
        for _ in range(8):
            first = _commit(buffer, first, 1)
        assert _waiting(buffer) == (first, 0)
        assert ask(buffer, COUNTED) == [[first, first, 0.0, first - 1.0]]


def _waits(buffer: Buffer) -> list[bool]:
    return [segment.waiting for segment in buffer._files.segments.opened]


def test_a_segment_that_ends_keeps_nothing_waiting(tmp_path: Path) -> None:
    """Its rows land once the next one began: whether it was full or sealed, and after a stop in between."""
    counted = [[600, 600, 0.0, 599.0]]
    with opened(tmp_path) as buffer:
        segments = buffer._files.segments
        for turn in range(3):
            _commit(buffer, 200 * turn, 200)
            segments._full_bytes = 0 if turn == 0 else 1 << 30
            segments.sealed = turn == 1
            segments._landed.add(2)  # as if it had been stopped before
        assert _waits(buffer) == [False, True, True]
        assert ask(buffer, COUNTED) == counted
    with opened(tmp_path) as buffer:
        assert _waits(buffer) == [False, True, True]
        buffer.commit()
        assert _waits(buffer) == [False, False, True]
        assert ask(buffer, COUNTED) == counted


def test_rows_that_cannot_land_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a segment at fault: they are read all the same, rows go to the next one, and it is not tried all the time."""
    tried = []

    def fail(*_: object) -> None:
        tried.append(1)
        raise duckdb.IOException("it takes nothing any more")

    with opened(tmp_path) as buffer:
        first = _commit(buffer, 0, 200)
        buffer._files.segments.sealed = True
        monkeypatch.setattr(buffer._files.segments.opened[0], "land", fail)
        for _ in range(3):
            first = _commit(buffer, first, 200)
        assert _waits(buffer) == [True, True]
        assert tried == [1]
        assert ask(buffer, COUNTED) == [[first, first, 0.0, first - 1.0]]
        assert buffer.status().notes == ()


def test_many_signals_are_written_as_they_come(tmp_path: Path) -> None:
    """A row group of them would have to wait in too much memory."""
    names = [f"s{at}" for at in range(200)]
    with opened(tmp_path) as buffer:
        buffer.append([make_block(500, names=names)], [])
        buffer.commit()
        assert not buffer._files.segments.opened[-1].has("crates_1")
        assert ask(buffer, "SELECT count(*) FROM inferences") == [[500]]


def test_a_question_beside_landing_rows_sees_each_once(tmp_path: Path) -> None:
    """Asked all the while, in another thread, it counts what was committed when it began, and nothing twice."""
    wrong: list[object] = []
    done = threading.Event()
    committed = [0]

    def look(buffer: Buffer) -> None:
        while not done.is_set():
            before = committed[0]
            found = ask(buffer, "SELECT count(*), count(DISTINCT brightness) FROM inferences")
            if found != [[max(before, found[0][0]), found[0][0]]]:  # type: ignore[call-overload]
                wrong.append((before, found))

    with opened(tmp_path) as buffer:
        committed[0] = _commit(buffer, 0, 10)
        asker = threading.Thread(target=look, args=(buffer,))
        asker.start()
        while committed[0] < 5 * GROUP_ROWS:
            committed[0] = _commit(buffer, committed[0], 5_000)
        done.set()
        asker.join()
    assert wrong == []


def test_a_commit_of_which_memory_shows_nothing_is_read_from_the_file(tmp_path: Path) -> None:
    """Where what is to be done after a commit fails, the files are opened anew, and no row is missing or doubled."""
    with opened(tmp_path) as buffer:
        first = _commit(buffer, 0, 300)
        late = buffer._files.segments.opened[-1]._rows[1]._late
        assert late is not None

        def fail(rows: int) -> None:  # noqa: ARG001  # as `Late.add` has it
            raise OSError(12, "no memory")

        late.add = fail  # type: ignore[method-assign]  # of this object alone, which goes with the files
        first = _commit(buffer, first, 300)
        assert buffer.settled
        assert ask(buffer, COUNTED) == [[first, first, 0.0, first - 1.0]]
        first = _commit(buffer, first, GROUP_ROWS)
        assert ask(buffer, COUNTED) == [[first, first, 0.0, first - 1.0]]
