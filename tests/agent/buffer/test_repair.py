"""What a repair may touch: a file that nobody else holds, and no more of it than is damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.buffer import BufferConfig, schema
from agent.buffer.engine import Engine
from agent.buffer.errors import UnavailableError
from agent.buffer.repair import Repairer
from tests.agent.buffer.blocks import ask, make_block, opened

if TYPE_CHECKING:
    from pathlib import Path


def flip(path: Path, at: int) -> None:
    """Turn one bit."""
    data = bytearray(path.read_bytes())
    data[at] ^= 64
    path.write_bytes(data)


@pytest.fixture
def half_damaged(tmp_path: Path) -> Path:
    """A directory with rows in a segment's file, in which a bit is wrong."""
    with opened(tmp_path, BufferConfig(wal_mib=0.25)) as buffer:
        buffer.append([make_block(60_000)], [])
        buffer.commit()
        engine = buffer._files.ready()
        assert engine is not None
        ((block,),) = engine.run(
            "SELECT DISTINCT block_id FROM pragma_storage_info('segment_1.rows_1') "
            "WHERE column_name = 'brightness' AND segment_type <> 'VALIDITY'"
        )
    flip(next(tmp_path.rglob("0*.duckdb")), 12_288 + block * 65_536 + 3)  # in the checksum of a block
    return tmp_path


def test_a_segment_is_not_repaired_under_a_query(half_damaged: Path) -> None:
    """While a transaction reads it, nothing of it is set aside, and its rows stay; then it is mended."""
    with opened(half_damaged) as buffer:
        buffer.append([make_block(1_000, first=60_000)], [])
        buffer.commit()
        with buffer.cursor() as cursor:
            cursor.execute("BEGIN")
            assert cursor.execute("SELECT count(*) FROM inferences").fetchall() == [(61_000,)]
            buffer.suspect()
            buffer.commit()
            assert list(buffer.repairs) == []
            assert buffer.positions() == {"a.ring": 61_000}
        assert ask(buffer, "SELECT count(*) FROM inferences") == [[61_000]]
        buffer.commit()
        assert ["one wrong bit in it was set right" in note for note, _ in buffer.repairs] == [True]
        assert ask(buffer, "SELECT count(*), sum(brightness) FROM inferences") == [[61_000, 61_000 * 60_999 / 2]]
    assert not (half_damaged / "quarantine").exists()


def test_a_file_that_is_held_is_not_taken_for_damaged(tmp_path: Path) -> None:
    """Attached while a query holds it from before, it is unavailable, and its log stays where it is."""
    engine = Engine(tmp_path, BufferConfig())
    path = tmp_path / "held.duckdb"
    repairer = Repairer(tmp_path, 1 << 30)
    repairer.attach(engine, path, "held")
    engine.run("CREATE TABLE held.rows_1 AS SELECT range FROM range(10)")
    with engine.root.cursor() as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM held.rows_1").fetchall() == [(10,)]
        engine.run(schema.detach("held"))
        with pytest.raises(UnavailableError):
            repairer.attach(engine, path, "held")
    assert path.with_name("held.duckdb.wal").exists()
    repairer.attach(engine, path, "held")
    assert engine.run("SELECT count(*) FROM held.rows_1") == [(10,)]
    assert repairer.notes == []
    engine.close()
