"""What is in a log is in DuckDB's memory too: logs that together do not fit there are folded into their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest

from agent.buffer import BufferConfig, schema
from agent.buffer.config import MIB
from agent.buffer.engine import Engine, is_of_memory
from tests.agent.buffer.blocks import ask, make_block, make_finding, opened

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [f"s{at}" for at in range(20)]
MANY = [f"s{at}" for at in range(140)]  # too many to wait in crates: they are in the log as they are
STATE_BYTES = 50_000


def test_what_does_not_fit_into_memory_stops_nothing_from_being_stored(tmp_path: Path) -> None:
    """Rows, states and findings of several times the memory, with logs as long as it: all of them are there."""
    random = np.random.default_rng(1)
    config = BufferConfig(capture="all", duckdb_memory_mib=12)
    with opened(tmp_path, config) as buffer:
        for at in range(16):
            block = make_block(5_000, first=at * 5_000, names=NAMES)
            block.values[:, 1:] = random.normal(size=(5_000, 19))
            buffer.append([block], [])
            for _ in range(8):
                buffer.put_state("", "series", random.bytes(STATE_BYTES))
            buffer.save_finding(make_finding(f"f{at}"))
            buffer.commit()
        status = buffer.status()
        assert (status.rows, status.discarded_rows, status.notes) == (80_000, 0, ())
    with opened(tmp_path, config) as again:
        assert {finding.id for finding in again.findings(everything=True)} == {f"f{at}" for at in range(16)}
        assert ask(again, "SELECT count(*), count(DISTINCT s0) FROM inferences") == [[80_000, 80_000]]
        assert again.repairs == ()


def test_the_log_of_the_core_stays_a_small_share_of_the_memory(tmp_path: Path) -> None:
    """States replace one another in the core, and each is in its log until that is folded in."""
    longest = 0
    with opened(tmp_path) as buffer:
        for _ in range(150):
            buffer.put_state("", "series", bytes(STATE_BYTES))
            longest = max(longest, *(path.stat().st_size for path in tmp_path.glob("*.wal")), 0)
        assert buffer.get_state("", "series") == bytes(STATE_BYTES)
    assert 3 * MIB < longest < 5 * MIB


def test_the_log_of_a_segment_stays_a_share_of_the_memory(tmp_path: Path) -> None:
    """However long it may be by `wal_mib`: a checkpoint that finds no memory makes its file unusable."""
    longest = 0
    with opened(tmp_path, BufferConfig(capture="all", duckdb_memory_mib=12, wal_mib=64)) as buffer:
        for at in range(30):
            buffer.append([make_block(500, first=at * 500, names=MANY)], [])
            buffer.commit()
            longest = max(longest, *(path.stat().st_size for path in tmp_path.glob("segments/*.wal")), 0)
        assert buffer.status().rows == 15_000
    assert 2 * MIB < longest < 5 * MIB


def test_the_log_of_a_segment_that_takes_no_more_rows_is_folded_in(tmp_path: Path) -> None:
    """With the commit that starts the next one."""
    with opened(tmp_path, BufferConfig(capture="all", segment_mib=0.25)) as buffer:
        for at in range(8):
            block = make_block(5_000, first=at * 5_000, names=NAMES)
            block.values[:, 1:] = np.random.default_rng(at).normal(size=(5_000, 19))
            buffer.append([block], [])
            buffer.commit()
        logs = [path.name for path in sorted((tmp_path / "segments").glob("*.wal"))]
        assert (len(logs), buffer.status().segments > 1) == (1, True)
        assert logs[0].startswith(f"{buffer.status().segments:06d}-")


def test_want_of_memory_is_told_as_such(tmp_path: Path) -> None:
    """Not by what it makes of the transaction: for that a batch would be given up, and its segment with it."""
    engine = Engine(tmp_path, BufferConfig(duckdb_memory_mib=2))
    engine.run("CREATE TABLE numbers (value BIGINT)")
    engine.begin()
    numbers = {"value": np.arange(1_000_000)}
    with pytest.raises(duckdb.Error) as raised:
        engine.insert(f"INSERT INTO numbers SELECT value FROM {schema.INCOMING}", numbers)
    assert is_of_memory(raised.value)
    assert engine.run("SELECT count(*) FROM numbers") == [(0,)]
    engine.close()
