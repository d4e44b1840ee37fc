"""What of a damaged log can be set right: nothing else is touched, and nothing is lost."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from agent.buffer.log_mending import heads_of, mend_log
from agent.buffer.wal import FRAME
from tests.agent.buffer.blocks import make_block, opened

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
        _, done = mend_log(wal, _headers(wal))
        assert ["in its first bytes" in said for said in done] == [True]
        assert wal.read_bytes() == data


def test_the_log_of_another_file_is_left_as_it_is(wal: Path, tmp_path: Path) -> None:
    """It begins with another identity, not with a changed one."""
    with opened(tmp_path / "other"):
        pass
    other = next((tmp_path / "other").rglob("core.duckdb")).read_bytes()[: 3 * 4_096]
    data = wal.read_bytes()
    assert mend_log(wal, other)[1] == []
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
