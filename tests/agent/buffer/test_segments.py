"""Segments start, age and go; clocks lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest

from agent.buffer import BufferConfig, schema
from agent.clock import ManualClock
from tests.agent.buffer.blocks import DAY_NS, NOW_NS, ask, make_block, opened

if TYPE_CHECKING:
    from pathlib import Path

DAILY = BufferConfig(daily_segment_mib=0)
YEARS_NS = 3_653 * DAY_NS


def names_of(directory: Path) -> list[str]:
    """The segment files, in order."""
    return sorted(path.name for path in (directory / "segments").glob("*.duckdb"))


def test_a_new_day_starts_a_new_segment(tmp_path: Path) -> None:
    """Rows of the next UTC day go to a file of their own, and all are read together."""
    with opened(tmp_path, DAILY) as buffer:
        for day in range(3):
            buffer.append([make_block(2, first=2 * day, time_ns=NOW_NS + day * DAY_NS)], [])
            buffer.commit()
        assert ask(buffer, "SELECT count(*), count(DISTINCT brightness) FROM inferences") == [[6, 6]]
        assert buffer.positions() == {"a.ring": 6}
    assert names_of(tmp_path) == ["000001-20261118.duckdb", "000002-20261119.duckdb", "000003-20261120.duckdb"]


def test_a_small_segment_outlives_midnight(tmp_path: Path) -> None:
    """A device that writes little does not collect a file a day."""
    with opened(tmp_path) as buffer:
        for day in range(3):
            buffer.append([make_block(2, time_ns=NOW_NS + day * DAY_NS)], [])
            buffer.commit()
    assert names_of(tmp_path) == ["000001-20261118.duckdb"]


def test_a_segment_that_was_hardly_begun_takes_over_positions(tmp_path: Path) -> None:
    """A stop before a new file had its tables costs nothing: how far each source was read outlives the old files."""
    with opened(tmp_path) as buffer:
        buffer.append([make_block(2, source=f"{letter}.ring") for letter in "cab"], [])
        buffer.commit()
    with duckdb.connect() as begun:
        begun.execute(schema.attach(str(tmp_path / "segments" / "000002-20261119.duckdb"), "begun"))
    with opened(tmp_path) as buffer:
        assert buffer.repairs == ()
        assert list(buffer.positions()) == ["c.ring", "a.ring", "b.ring"]
    (tmp_path / "segments" / "000001-20261118.duckdb").unlink()
    (tmp_path / "segments" / "000001-20261118.duckdb.wal").unlink(missing_ok=True)
    with opened(tmp_path) as buffer:
        assert list(buffer.positions().items()) == [("c.ring", 2), ("a.ring", 2), ("b.ring", 2)]


@pytest.mark.parametrize("jump_ns", [YEARS_NS, -YEARS_NS, -NOW_NS, -NOW_NS - 5, (1 << 63) - 10 - NOW_NS])
def test_a_clock_that_jumps_purges_nothing(tmp_path: Path, jump_ns: int) -> None:
    """Ten years ahead, ten back, to 1970, before it, to the end of time and back: every row stays, in a few files."""
    with opened(tmp_path, DAILY, ManualClock(NOW_NS)) as buffer:
        for turn in range(6):
            time_ns = NOW_NS + (jump_ns if turn % 2 else 0)
            buffer.append([make_block(2, first=2 * turn, time_ns=time_ns)], [])
            buffer.commit()
    with opened(tmp_path, DAILY, ManualClock(max(0, NOW_NS + jump_ns))) as buffer:
        buffer.append([make_block(2, first=12)], [])
        buffer.commit()
        assert ask(buffer, "SELECT count(*), count(DISTINCT brightness) FROM inferences") == [[14, 14]]
        assert buffer.positions() == {"a.ring": 14}
        assert buffer.status().discarded_rows == 0
    assert len(names_of(tmp_path)) <= 2


def test_the_limit_is_kept_where_a_file_is_larger_than_its_log_was(tmp_path: Path) -> None:
    """Rows of a small segment take more once they are in their table: what is kept is counted after that."""
    config, random = BufferConfig(limit_mib=4, capture="all"), np.random.default_rng(1)
    names = [f"s{at}" for at in range(20)]
    with opened(tmp_path, config) as buffer:
        for at in range(10):
            block = make_block(5_000, first=5_000 * at, names=names)
            block.values[:, 1:] = np.round(random.normal(10, 3, (5_000, 19)) * 784) / 784
            buffer.append([block], [])
            buffer.commit()
            sizes = [path.stat().st_size for path in (tmp_path / "segments").iterdir()]
            assert sum(sizes) <= config.limit_bytes


def test_the_limit_is_kept_by_dropping_the_oldest(tmp_path: Path) -> None:
    """The size stays under the limit; what goes are the oldest rows, and positions outlive them."""
    config = BufferConfig(limit_mib=8, segment_mib=2, wal_mib=1)
    with opened(tmp_path, config) as buffer:
        buffer.append([make_block(5, source="long-gone.ring")], [])
        buffer.commit()
        first = 0
        while len(names := names_of(tmp_path)) < 3 or names[0].startswith("000001"):
            buffer.append([make_block(20_000, first=first, names=[f"s{at}" for at in range(20)])], [])
            buffer.commit()
            first += 20_000
            assert buffer.status().bytes <= config.limit_bytes
        count, oldest, newest = ask(buffer, "SELECT count(*), min(s0), max(s0) FROM inferences")[0]
        assert isinstance(count, int)
        assert isinstance(oldest, float)
        assert (newest, oldest) == (first - 1, first - count)
        assert buffer.positions() == {"long-gone.ring": 5, "a.ring": first}
        files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name not in {"lock", "reserve"}]
        assert buffer.status().bytes == sum(path.stat().st_size for path in files)


def test_a_query_outlives_the_segment_it_reads(tmp_path: Path) -> None:
    """A segment that is dropped under a running query is read to its end, and is gone for the next one."""
    with opened(tmp_path, DAILY) as buffer:
        buffer.append([make_block(100_000)], [])
        buffer.commit()
        with buffer.cursor() as cursor:
            cursor.execute("SELECT brightness FROM inferences")
            assert cursor.fetchmany(2) == [(0.0,), (1.0,)]
            buffer.append([make_block(7, time_ns=NOW_NS + DAY_NS)], [])
            buffer.commit()
            engine = buffer._files.ready()
            assert engine is not None
            buffer._files.segments.retire_oldest(engine)
            assert ask(buffer, "SELECT count(*) FROM inferences") == [[7]]
            assert len(cursor.fetchall()) == 99_998
    assert names_of(tmp_path) == ["000002-20261119.duckdb"]


def test_a_full_segment_fits_into_the_memory_that_duckdb_may_use(tmp_path: Path) -> None:
    """Rows are folded into the file without a failure as it grows: there is one segment and nothing to tell."""
    names = [f"s{at}" for at in range(20)]
    random = np.random.default_rng(1)
    block = make_block(10_000, names=names)
    block.values[:] = np.round(random.normal(size=block.values.shape) * 500) / 784
    with opened(tmp_path, BufferConfig(segment_mib=128.0)) as buffer:
        for _ in range(80):
            buffer.append([block], [])
            buffer.commit()
        status = buffer.status()
    assert (status.rows, status.segments, status.notes) == (800_000, 1, ())
