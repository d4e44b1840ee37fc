"""What was damaged is kept within a bound: the oldest goes, what came last stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.buffer import BufferConfig
from agent.buffer.config import MIB
from agent.buffer.quarantine import FOLDER, Quarantine, quarantine_bytes
from tests.agent.buffer.blocks import make_block, opened

if TYPE_CHECKING:
    from pathlib import Path


def _damaged(folder: Path, name: str, size: int) -> Path:
    path = folder / name
    path.write_bytes(bytes(size))
    return path


def _kept(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / FOLDER).iterdir())


def test_the_oldest_goes_and_that_is_told(tmp_path: Path) -> None:
    """A hundred damaged files take what was allowed, never more; each that went is named."""
    told: list[str] = []
    quarantine = Quarantine(tmp_path, 1_000, told.append)
    for number in range(100):
        quarantine.take(_damaged(tmp_path, f"{number}.duckdb", 300))
        assert quarantine.bytes == quarantine_bytes(tmp_path) <= 1_000
    assert _kept(tmp_path) == ["97.duckdb.98", "98.duckdb.99", "99.duckdb.100"]
    assert len(told) == 97
    assert "96.duckdb.97, the oldest in it (300 bytes), went" in told[-1]


def test_what_came_last_stays_however_large_it_is(tmp_path: Path) -> None:
    """A file and its log belong together; they go when something newer comes, and not at a start."""
    quarantine = Quarantine(tmp_path, 1_000, lambda _told: None)
    quarantine.take(_damaged(tmp_path, "a", 10))
    names = quarantine.take(_damaged(tmp_path, "b", 5_000), _damaged(tmp_path, "b.wal", 700))
    quarantine.trim()
    assert names == ["quarantine/b.2", "quarantine/b.wal.2"]
    assert _kept(tmp_path) == ["b.2", "b.wal.2"]
    quarantine.take(_damaged(tmp_path, "a", 10))
    assert _kept(tmp_path) == ["a.3", "b.wal.2"]


def test_of_a_log_only_what_is_cut_off_is_kept(tmp_path: Path) -> None:
    """The rest of it is where it was; a copy would only take room."""
    log = tmp_path / "a.wal"
    log.write_bytes(b"sound" + b"damaged")
    assert Quarantine(tmp_path, 1_000, lambda _told: None).keep_tail(log, 5) == "and is quarantine/a.wal.1"
    assert (tmp_path / FOLDER / "a.wal.1").read_bytes() == b"damaged"


def test_what_an_upgrade_keeps_is_not_touched(tmp_path: Path) -> None:
    """A core of before, which a start after the next removes, has no number."""
    quarantine = Quarantine(tmp_path, 100, lambda _told: None)
    quarantine.take(_damaged(tmp_path, "a", 10))
    _damaged(tmp_path / FOLDER, "core.v1.duckdb", 500)
    quarantine.take(_damaged(tmp_path, "a", 90))
    assert _kept(tmp_path) == ["a.1", "a.2", "core.v1.duckdb"]


def test_it_counts_against_the_size_limit(tmp_path: Path) -> None:
    """Rows give way to what was set aside, so that both together stay within the limit."""
    config = BufferConfig(limit_mib=4, segment_mib=0.375, wal_mib=0.25, capture="all")
    (tmp_path / FOLDER).mkdir()
    _damaged(tmp_path / FOLDER, "old.duckdb.1", round(2.5 * MIB))
    noise = np.random.default_rng(3)
    with opened(tmp_path, config) as buffer:
        for _ in range(15):
            block = make_block(10_000)
            block.values[:] = noise.normal(size=block.values.shape)
            buffer.append([block], [])
            buffer.commit()
        status = buffer.status()
        rows = sum(segment.bytes for segment in buffer._files.segments.opened)
        assert status.quarantine_bytes == round(2.5 * MIB)
        assert status.segments > 1
        assert rows + status.quarantine_bytes <= 4 * MIB
