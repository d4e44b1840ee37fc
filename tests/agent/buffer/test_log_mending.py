"""What of a damaged log can be set right: nothing else is touched, and nothing is lost."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from agent.buffer.log_mending import heads_of, mend_log
from agent.buffer.log_order import COMMITTED
from agent.buffer.wal import FRAME, skim
from tests.agent.buffer.blocks import leave_batches, make_block, opened

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def wal(tmp_path: Path) -> Path:
    """The log of a segment with one batch, as a crash leaves it."""
    with opened(tmp_path / "running") as buffer:
        buffer.append([make_block(10)], [])
        buffer.commit()
        shutil.copytree(tmp_path / "running", tmp_path / "left")
    return next((tmp_path / "left").rglob("0*.wal"))


def _headers(wal: Path) -> bytes:
    return wal.with_suffix("").read_bytes()[: 3 * 4_096]


def test_a_log_begins_as_its_file_says(wal: Path) -> None:
    """The first bytes that DuckDB writes are those that are computed from the headers of the file."""
    assert wal.read_bytes().startswith(heads_of(_headers(wal))[0])


def test_a_change_of_the_first_bytes_is_set_right(wal: Path) -> None:
    """Whichever byte of them: DuckDB would open the file as if it had no log, or refuse it."""
    data = wal.read_bytes()
    for at in range(len(heads_of(_headers(wal))[0])):
        wal.write_bytes(data[:at] + bytes([data[at] ^ 8]) + data[at + 1 :])
        _, done = mend_log(wal, _headers(wal), held=lambda: 0)
        assert ["in its first bytes" in said for said in done] == [True]
        assert wal.read_bytes() == data


def test_a_changed_beginning_is_set_right_whatever_comes_behind_it(wal: Path) -> None:
    """The file knows it, though the first entry is damaged, too; that is then looked at by itself."""
    data = wal.read_bytes()
    first = len(heads_of(_headers(wal))[0])
    wal.write_bytes(data[:20] + b"?" + data[21 : first + 1] + b"?" + data[first + 2 :])
    state, done = mend_log(wal, _headers(wal))
    assert [said.split(";")[0].split("changed ")[1] for said in done] == [
        "in its first bytes, which its file knows",
        f"at byte {first}, in the length of an entry",
    ]
    assert (state.sound, wal.read_bytes()) == (len(data), data)


@pytest.fixture
def folded(tmp_path: Path) -> tuple[Path, bytes]:
    """The log of a segment that was folded, with the second of two batches; and the one before, with the first."""
    with opened(tmp_path / "running") as buffer:
        buffer.append([make_block(10)], [])
        buffer.commit()
        before = next((tmp_path / "running").rglob("0*.wal")).read_bytes()
    with opened(tmp_path / "running") as buffer:
        buffer.append([make_block(10, first=10)], [])
        buffer.commit()
        shutil.copytree(tmp_path / "running", tmp_path / "left")
    return next((tmp_path / "left").rglob("0*.wal")), before


@pytest.mark.parametrize("bit", [1, 0x30])
def test_a_log_that_seems_to_be_folded_in_is_set_right_where_it_is_not(folded: tuple[Path, bytes], bit: int) -> None:
    """One bit of how often its file was folded: DuckDB would take it for a log of before and leave it out."""
    wal, _ = folded
    data = wal.read_bytes()
    now, before = heads_of(_headers(wal))
    at = len(now) - 3
    changed = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
    assert changed.startswith(before) == (bit == 1)
    wal.write_bytes(changed)
    with opened(wal.parents[1]) as buffer:
        assert ["in its first bytes" in sentence for sentence, _ in buffer.repairs] == [True], buffer.repairs
        assert buffer.status().rows == 20


def test_a_log_that_was_folded_in_is_not_brought_back(folded: tuple[Path, bytes]) -> None:
    """One of before, whole and in the log's place, would double what is in the file."""
    wal, before = folded
    wal.write_bytes(before)
    with opened(wal.parents[1]) as buffer:
        assert buffer.status().rows == 10


def test_the_end_of_a_transaction_is_known_by_what_it_is(wal: Path) -> None:
    """Length and checksum before it may both be wrong: it is always the same."""
    data = wal.read_bytes()
    wal.write_bytes(data[: -FRAME.size - 5] + bytes(range(1, FRAME.size + 1)) + data[-5:])
    state, done = mend_log(wal, _headers(wal))
    assert ["before the end of a transaction" in said for said in done] == [True]
    assert (state.sound, wal.read_bytes()) == (len(data), data)


def test_the_end_of_a_transaction_of_before_is_none_of_a_later_one(tmp_path: Path) -> None:
    """Where two logs meet before it, the later one ends: with it half a transaction would be taken for a whole one."""
    wal = leave_batches(tmp_path, 3)
    data = wal.read_bytes()
    with wal.open("rb", 0) as file:
        entries = [begin for begin, _, _ in skim(file)]
    *_, first, second, third = (at for at in entries if data[at + FRAME.size :].startswith(COMMITTED))
    for last in (at for at in entries if second < at < third):
        for within in (1, 8, 12):  # bytes of the frame of an entry
            met = data[: last + within] + data[first + within :]
            wal.write_bytes(met)
            os.utime(wal, (0, 0))
            state, done = mend_log(wal, _headers(wal))
            assert (state.sound, done, wal.stat().st_mtime_ns) == (last, [], 0)  # not for a moment


def test_what_is_older_far_behind_a_wrong_bit_keeps_nothing_from_being_set_right(wal: Path) -> None:
    """The log of before that a full one ends in is cut off, and what comes before it is there."""
    data = wal.read_bytes()
    with wal.open("rb", 0) as file:
        *_, first, last = [at for at, _, _ in skim(file) if data[at + FRAME.size :].startswith(COMMITTED)]
    whole = data + data[first + FRAME.size + len(COMMITTED) :]  # the last transaction once more
    at = len(heads_of(_headers(wal))[0]) + 1
    wal.write_bytes(whole[:at] + bytes([whole[at] ^ 64]) + whole[at + 1 :])
    state, done = mend_log(wal, _headers(wal))
    assert (len(done), state.sound, state.stale) == (1, len(whole), len(data))
    assert last < len(data)


def test_the_log_of_another_file_is_left_as_it_is(wal: Path, tmp_path: Path) -> None:
    """It begins with another identity, not with a changed one."""
    with opened(tmp_path / "other"):
        pass
    other = next((tmp_path / "other").rglob("core.duckdb")).read_bytes()[: 3 * 4_096]
    data = wal.read_bytes()
    state, done = mend_log(wal, other)
    assert (state.sound, state.torn, done) == (0, False, [])
    assert wal.read_bytes() == data


def test_a_changed_length_is_set_right(wal: Path) -> None:
    """Of the first entry, which others follow, and of the last, which looked like one whose end never came."""
    data = wal.read_bytes()
    first, last = len(heads_of(_headers(wal))[0]), len(data) - FRAME.size - 5
    for at in (first, first + 1, first + 3, last, last + 1, last + 3):
        wal.write_bytes(data[:at] + bytes([data[at] ^ 64]) + data[at + 1 :])
        state, done = mend_log(wal, _headers(wal))
        assert ["in the length of an entry" in said for said in done] == [True]
        assert (state.sound, wal.read_bytes()) == (len(data), data)


def test_one_wrong_bit_of_an_entry_is_set_right_or_left(wal: Path) -> None:
    """Most are known by the checksum; where two places could be meant, nothing is done."""
    data, mended = wal.read_bytes(), 0
    places = range(len(heads_of(_headers(wal))[0]), len(data), 53)
    for at in places:
        changed = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
        wal.write_bytes(changed)
        _, done = mend_log(wal, _headers(wal))
        assert wal.read_bytes() == (data if done else changed)
        mended += bool(done)
    assert len(places) // 2 < mended
