"""Logs that are longer than the usual memory."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from agent.buffer import BufferConfig
from agent.buffer.heavy import memory_for
from tests.agent.buffer.blocks import make_block, opened

if TYPE_CHECKING:
    from pathlib import Path


def test_a_log_longer_than_the_memory_is_opened_and_folded_in(tmp_path: Path) -> None:
    """Rows that would not fit are all there, rows are taken, and the log is gone after the next commits."""
    names = [f"s{at}" for at in range(20)]
    with opened(tmp_path / "running", BufferConfig(wal_mib=64, duckdb_memory_mib=512, reserve_mib=0.25)) as buffer:
        for number in range(30):
            buffer.append([make_block(10_000, first=10_000 * number, names=names)], [])
            buffer.commit()
        shutil.copytree(tmp_path / "running", tmp_path / "left")
    wal = next((tmp_path / "left").rglob("0*.wal"))
    assert wal.stat().st_size > 24 << 20
    with opened(tmp_path / "left", BufferConfig(duckdb_memory_mib=24)) as buffer:
        assert (buffer.status().mode, buffer.status().rows, buffer.repairs) == ("disk", 300_000, ())
        for number in range(3):
            buffer.append([make_block(5, first=300_000 + 5 * number, names=names)], [])
            buffer.commit()
        assert buffer.settled
        assert not wal.exists() or wal.stat().st_size < 1 << 20


def test_memory_is_bounded_by_what_is_free(tmp_path: Path) -> None:
    """Half of what is free at most, and never less than usual."""
    (tmp_path / "a.duckdb.wal").write_bytes(bytes(100 << 20))
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable: 200000 kB\n")
    assert memory_for([tmp_path / "a.duckdb"], 48, meminfo) == 97
    meminfo.write_text("MemAvailable: 9000 kB\n")
    assert memory_for([tmp_path / "a.duckdb"], 48, meminfo) == 48
    meminfo.write_text("MemAvailable: 9000000 kB\n")
    assert memory_for([tmp_path / "a.duckdb"], 48, meminfo) == 198
