"""The walk over DuckDB's log agrees with DuckDB itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from agent.buffer.wal import WalState, examine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def wal(tmp_path: Path) -> Path:
    """A log that the installed DuckDB wrote, with entries of all sorts of lengths."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET GLOBAL checkpoint_on_detach = 'DISABLED'")
        connection.execute(f"ATTACH '{tmp_path}/a.duckdb' AS a")
        connection.execute("CREATE TABLE a.t (x BIGINT, y VARCHAR)")
        for count in range(1, 40):
            connection.execute("INSERT INTO a.t SELECT range, repeat('x', range) FROM range(?)", [count])
        connection.execute("DETACH a")
    return tmp_path / "a.duckdb.wal"


def test_a_sound_log_is_sound_to_its_end(wal: Path) -> None:
    """Every entry that DuckDB wrote has the checksum that is computed here."""
    size = wal.stat().st_size
    assert size > 10_000
    assert examine(wal) == WalState(size, size, torn=False)


def test_a_log_cut_anywhere_is_torn_at_an_earlier_entry(wal: Path, tmp_path: Path) -> None:
    """A cut is taken for what a crash leaves, and never for damage."""
    data = wal.read_bytes()
    for size in range(1, len(data), 97):
        (tmp_path / "cut").write_bytes(data[:size])
        state = examine(tmp_path / "cut")
        assert state.sound <= size
        assert state.torn == (state.sound < size)


def test_damage_is_found_where_it_is(wal: Path, tmp_path: Path) -> None:
    """Whichever byte of an entry is changed, the log is sound up to that entry and not beyond."""
    data = wal.read_bytes()
    for at in range(500, len(data), 131):
        (tmp_path / "bad").write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        assert 0 < examine(tmp_path / "bad").sound <= at


@pytest.mark.parametrize("tail", [b"\0" * 5_000, b"\xff" * 5_000, b"driftline" * 500])
def test_rubbish_behind_a_log_is_no_part_of_it(wal: Path, tail: bytes) -> None:
    """What follows the last entry is told from an entry that was cut short."""
    data = wal.read_bytes()
    wal.write_bytes(data + tail)
    assert examine(wal) == WalState(len(data) + len(tail), len(data), torn=False)


def test_a_log_without_a_beginning_holds_nothing(wal: Path) -> None:
    """Zeros from the first byte are damage, not an empty log."""
    size = wal.stat().st_size
    wal.write_bytes(bytes(size))
    assert examine(wal) == WalState(size, 0, torn=False)
