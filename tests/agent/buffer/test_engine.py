"""One instance of DuckDB: its transactions, and what else is asked of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest

from agent.buffer import BufferConfig, schema
from agent.buffer.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OPTIMIZED = "SELECT value FROM duckdb_settings() WHERE name = 'enable_optimizer'"
COUNT = "SELECT count(*) FROM numbers"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An instance with a table."""
    engine = Engine(tmp_path, BufferConfig())
    engine.run("CREATE TABLE numbers (value BIGINT)")
    yield engine
    engine.close()


def test_all_of_a_transaction_is_there_or_nothing(engine: Engine) -> None:
    """Whichever way it was written: by values or by columns."""
    for end, rows in ((engine.rollback, 0), (engine.commit, 4)):
        engine.begin()
        engine.run("INSERT INTO numbers VALUES (?)", [1])
        engine.insert(f"INSERT INTO numbers SELECT value FROM {schema.INCOMING}", {"value": np.arange(3)})
        assert engine.run(COUNT) == [(4,)]
        assert engine.root.cursor().execute(COUNT).fetchall() == [(0,)]
        end()
        assert engine.run(COUNT) == [(rows,)]


def test_a_statement_after_a_transaction_is_none_of_it(engine: Engine) -> None:
    """After one that could not be ended, or was given up: it is on the other connection."""
    engine.run("CREATE TABLE keys (key BIGINT PRIMARY KEY)")
    engine.begin()
    engine.run("INSERT INTO keys VALUES (1)")
    engine.root.cursor().execute("INSERT INTO keys VALUES (1)")
    with pytest.raises(duckdb.Error, match=r"[Cc]onflict|[Cc]onstraint"):
        engine.commit()
    assert engine.run(OPTIMIZED) == [("true",)]
    engine.begin()
    engine.rollback()
    assert engine.run(OPTIMIZED) == [("true",)]


def test_only_questions_are_optimized(engine: Engine) -> None:
    """A transaction writes rows: there is nothing to look for a better plan of."""
    assert engine.run(OPTIMIZED) == [("true",)]
    engine.begin()
    assert engine.run(OPTIMIZED) == [("false",)]
    engine.commit()
    assert engine.run(OPTIMIZED) == [("true",)]
    assert engine.root.cursor().execute(OPTIMIZED).fetchall() == [("true",)]


def test_what_is_set_stays_set(engine: Engine) -> None:
    """Neither a transaction nor a question changes a setting."""
    for prepare in (engine.rollback, engine.begin):
        prepare()
        with pytest.raises(duckdb.Error, match="locked"):
            engine.run("SET enable_optimizer = true")
    engine.rollback()
