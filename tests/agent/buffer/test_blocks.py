"""Blocks are mended from their checksums, where these leave no doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from agent.buffer.blocks import BLOCK_BYTES, FIRST_BLOCK, HEADERS, mend, settle, unsound
from agent.buffer.wal import checksum

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that the installed DuckDB wrote, with two checkpoints."""
    path = tmp_path / "a.duckdb"
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH '{path}' AS a (BLOCK_SIZE {BLOCK_BYTES})")
        for _ in range(2):
            connection.execute("CREATE OR REPLACE TABLE a.t AS SELECT range AS x, hash(range) AS y FROM range(20000)")
            connection.execute("CHECKPOINT a")
    return path


def test_every_block_has_the_checksum_that_is_computed_here(file: Path) -> None:
    """Headers of 4 KiB, then blocks of equal size: the layout of the installed DuckDB."""
    data = file.read_bytes()
    blocks = [data[at : at + 4_096] for at in (0, *HEADERS)]
    blocks += [data[at : at + BLOCK_BYTES] for at in range(FIRST_BLOCK, len(data), BLOCK_BYTES)]
    assert len(blocks) > 5
    assert [checksum(block[8:]) for block in blocks] == [int.from_bytes(block[:8], "little") for block in blocks]


@pytest.mark.parametrize("at", [3, *(header + byte for header in HEADERS for byte in (2, 8, 24, 41, 900))])
def test_one_wrong_bit_of_a_header_is_set_right(file: Path, at: int) -> None:
    """Whether in its fields, in the zeros behind them or in the checksum: the file is what it was."""
    data = file.read_bytes()
    file.write_bytes(data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :])
    assert unsound(file) == set()
    assert mend(file, at // 4_096 * 4_096)
    assert file.read_bytes() == data


def test_what_is_not_known_is_not_touched(file: Path) -> None:
    """Two wrong bits: nothing is done."""
    data = bytearray(file.read_bytes())
    data[FIRST_BLOCK + 100] ^= 4
    data[FIRST_BLOCK + 3_000] ^= 4
    file.write_bytes(data)
    assert unsound(file) == {FIRST_BLOCK}
    assert not mend(file, FIRST_BLOCK)
    assert file.read_bytes() == data


def test_a_header_that_was_being_written_is_replaced_by_the_other(file: Path) -> None:
    """Of half a new header nothing is left: the older one holds."""
    data = bytearray(file.read_bytes())
    other = data[HEADERS[0] : HEADERS[0] + 4_096]
    data[HEADERS[1] : HEADERS[1] + 512] = bytes(range(256)) * 2
    file.write_bytes(data)
    assert unsound(file) == {HEADERS[1]}
    settle(file, HEADERS[1])
    assert unsound(file) == set()
    assert file.read_bytes()[HEADERS[1] : HEADERS[1] + 4_096] == other


def test_the_highest_bit_of_a_word_is_not_taken_for_one_of_the_checksum(file: Path) -> None:
    """It changes the same bit of the checksum, whichever word it is in: to make the two fit would hide the damage."""
    data = bytearray(file.read_bytes())
    data[FIRST_BLOCK + 8 * 100 + 7] ^= 128
    file.write_bytes(data)
    assert not mend(file, FIRST_BLOCK)
    assert file.read_bytes() == data
