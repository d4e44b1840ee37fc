"""Files of the version before are taken over; those of a later one are refused."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import duckdb
import pytest

from agent.buffer import open_readonly, outgoing_schema, schema
from agent.buffer.query import run_query
from tests.agent.buffer.blocks import CAMERA, NOW_NS, ask, make_block, make_finding, make_reading, opened
from tests.agent.buffer.version_1 import ROWS, leave_version_1

if TYPE_CHECKING:
    from pathlib import Path

OLD = "core.v1.duckdb"


def versions(directory: Path) -> dict[str, str]:
    """The schema version of each file of a stopped agent."""
    reader = open_readonly(directory)
    databases = [
        row[0] for row in reader._engine.run("SELECT database_name FROM duckdb_databases() WHERE NOT internal")
    ]
    found = {
        name: reader._engine.run(schema.READ_VERSION.format(db=name))[0][0] for name in databases if name != "memory"
    }
    reader.close()
    return found


@pytest.mark.parametrize("ids", [True, False])
def test_what_the_version_before_kept_is_all_there(tmp_path: Path, ids: bool) -> None:  # noqa: FBT001  # a parameter
    """Rows, readings, findings, states, events and positions are read as they were, and new rows go beside them."""
    leave_version_1(tmp_path, ids=ids)
    with opened(tmp_path) as buffer:
        assert (buffer.status().mode, buffer.repairs) == ("disk", ())
        assert buffer.findings() == [make_finding()]
        assert buffer.get_state("meter-reader", "shift") == b"kept"
        assert buffer.positions() == {"a.ring": ROWS}
        buffer.append([make_block(5, first=ROWS)], [make_reading(42.5)])
        buffer.commit()
        buffer.save_finding(make_finding("f-2"))
        sql = "SELECT count(*), count(DISTINCT brightness), count(inference_id), max(model) FROM inferences"
        assert ask(buffer, sql) == [[ROWS + 5, ROWS + 5, ROWS if ids else 0, "meter-reader"]]
        assert ask(buffer, "SELECT value, labels FROM readings ORDER BY value") == [
            [41.5, '{"id":"cpu"}'],
            [42.5, '{"id":"cpu"}'],
        ]
        assert [row[:2] for row in ask(buffer, "SELECT kind, detail FROM events ORDER BY time, kind DESC")] == [
            ["opened", "dark"],
            ["migration", "core.duckdb was brought from format 1 to 3"],
        ]
    with opened(tmp_path) as buffer:
        assert {finding.id for finding in buffer.findings()} == {"f-1", "f-2"}
        assert buffer.positions() == {"a.ring": ROWS + 5}
    assert versions(tmp_path) == {"core": "3", "segment_1": "1", "segment_2": "3"}


def test_the_old_core_is_kept_until_the_next_start(tmp_path: Path) -> None:
    """Whoever has to go back finds the file of before; the start after removes it, and no other."""
    leave_version_1(tmp_path)
    place = tmp_path / "quarantine" / OLD
    with opened(tmp_path) as buffer:
        buffer.save_finding(make_finding("f-2"))
        assert place.exists()
        (tmp_path / "quarantine" / "core.duckdb.1").write_bytes(b"damaged once")
    assert stat.S_IMODE(os.stat(tmp_path / "core.duckdb").st_mode) == 0o640  # noqa: PTH116  # as the shell would ask
    with opened(tmp_path):
        assert not place.exists()
    assert (tmp_path / "quarantine" / "core.duckdb.1").exists()


def test_a_reader_reads_the_version_before_and_changes_nothing(tmp_path: Path) -> None:
    """Without an agent nothing is migrated, and all is read."""
    leave_version_1(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "lock").touch()
    reader = open_readonly(tmp_path)
    assert reader.findings() == [make_finding()]
    assert reader.get_state("meter-reader", "shift") == b"kept"
    assert run_query(reader, "SELECT count(*) FROM inferences", 1, 10.0).rows == [[ROWS]]
    reader.close()
    assert {path: path.read_bytes() for path in before} == before


def test_an_outdated_segment_goes_with_the_others(tmp_path: Path) -> None:
    """Retention drops it first: it is the oldest."""
    leave_version_1(tmp_path)
    with opened(tmp_path) as buffer:
        buffer.append([make_block(5, first=ROWS)], [])
        buffer.commit()
        engine = buffer._files.ready()
        assert engine is not None
        assert buffer._files.segments.retire_oldest(engine).version == 1
        assert ask(buffer, "SELECT count(*) FROM inferences") == [[5]]
        assert buffer.positions() == {"a.ring": ROWS + 5}


def test_a_core_from_before_destinations_had_places_is_migrated_alone(tmp_path: Path) -> None:
    """A core of version 2 gets its tables; the segments beside it are as they were, and take rows."""
    with opened(tmp_path) as buffer:
        buffer.append([make_block(5)], [])
        buffer.commit()
    with duckdb.connect(str(tmp_path / "core.duckdb")) as connection:
        for table in (outgoing_schema.PLACES, outgoing_schema.LETTERS, outgoing_schema.EGRESS, outgoing_schema.CARRIED):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'schema_version'")
    with opened(tmp_path) as buffer:
        assert (buffer.status().mode, buffer.repairs) == ("disk", ())
        buffer.append([make_block(5, first=5)], [])
        buffer.commit()
        assert buffer.outbox.next("hq", 1_000) is None
    assert versions(tmp_path) == {"core": "3", "segment_1": "3"}


@pytest.mark.parametrize("killed", [False, True])
def test_a_segment_from_before_crates_is_read_as_it_is(tmp_path: Path, killed: bool) -> None:  # noqa: FBT001  # a parameter
    """Its rows are found by questions, marks and labels; new ones go to a segment beside it, into crates."""
    with opened(tmp_path) as buffer:
        buffer.append([make_block(ROWS)], [])
        buffer.commit()
        mark = buffer.mark()
    path = next((tmp_path / "segments").glob("*.duckdb"))
    with duckdb.connect(str(path)) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("DROP TABLE crates_1")
        connection.execute("UPDATE meta SET value = '2' WHERE key = 'schema_version'")
        if not killed:
            connection.execute("CHECKPOINT")
    assert path.with_name(path.name + ".wal").exists() == killed
    reader = open_readonly(tmp_path)
    assert run_query(reader, "SELECT count(*) FROM inferences", 1, 10.0).rows == [[ROWS]]
    reader.close()
    for again in range(2):
        with opened(tmp_path) as buffer:
            assert (buffer.status().mode, buffer.repairs, buffer.status().outdated_segments) == ("disk", (), 1)
            later = NOW_NS + (again + 1) * 10**9
            buffer.append([make_block(300, first=ROWS + 300 * again, time_ns=later)], [])
            buffer.commit()
            count = ROWS + 300 * (again + 1)
            sql = "SELECT count(*), count(DISTINCT brightness), max(brightness) FROM inferences"
            assert ask(buffer, sql) == [[count, count, count - 1.0]]
            assert sum(map(len, buffer.rows_since(CAMERA.key, mark))) == count - ROWS
            assert sum(map(len, buffer.last_rows(CAMERA.key, count))) == count
            assert [segment.waiting for segment in buffer._files.segments.opened] == [False, True]
    assert versions(tmp_path) == {"core": "3", "segment_1": "2", "segment_2": "3"}
