"""Questions in SQL: what is answered, what is refused, and that ingest never suffers."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from agent.buffer.query import run_query
from tests.agent.buffer.attacks import ATTACKS, HOGS
from tests.agent.buffer.blocks import ask, make_block, make_finding, make_reading, opened
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.buffer import Buffer


@pytest.fixture
def buffer(tmp_path: Path) -> Iterator[Buffer]:
    """A buffer that holds a little of everything."""
    with opened(tmp_path) as store:
        store.append([make_block(10)], [make_reading()])
        store.save_finding(make_finding())
        store.commit()
        yield store


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buffer]:
    """One buffer that has to withstand all attacks, one after the other."""
    with opened(tmp_path_factory.mktemp("attacked")) as store:
        store.append([make_block(10)], [make_reading()])
        store.save_finding(make_finding())
        store.commit()
        yield store


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda sql: sql[:60])
def test_an_attack_is_refused(attacked: Buffer, attack: str) -> None:
    """It is refused with a message, changes nothing, and the buffer goes on."""
    directory = Path(attacked.status().path)
    rows, files = attacked.status().rows, sorted(path.name for path in directory.rglob("*"))
    with pytest.raises(ValueError, match=r"\w"):
        run_query(attacked, attack.replace("{directory}", str(directory)), 10, 2.0, walled=True)
    assert sorted(path.name for path in directory.rglob("*")) == files
    attacked.append([make_block(1, first=rows)], [])
    attacked.commit()
    assert attacked.status().notes == ()
    assert ask(attacked, "SELECT count(*), max(brightness) FROM inferences") == [[rows + 1, float(rows)]]
    assert attacked.findings() == [make_finding()]


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM core.finding_history",
        "WITH d AS (DELETE FROM core.finding_history RETURNING *) SELECT * FROM d",
        "EXPLAIN ANALYZE DELETE FROM core.finding_history",
        "DROP VIEW memory.main.inferences",
        "SET GLOBAL threads = 8",
        "SELECT * FROM read_text('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/driftline-attack.csv'",
        "ATTACH '/tmp/driftline-attack.duckdb'",
        "INSTALL httpfs",
    ],
)
def test_behind_the_parsed_tree_there_is_a_second_lock(
    buffer: Buffer, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    """What would slip past the look at the query is refused by the transaction and the settings."""
    monkeypatch.setattr("agent.buffer.query.check", lambda *_, **__: None)
    with pytest.raises(ValueError, match=r"read-only mode|locked|disabled by configuration"):
        run_query(buffer, attack, 10, 2.0)
    monkeypatch.undo()
    assert buffer.findings() == [make_finding()]
    assert ask(buffer, "SELECT count(*) FROM inferences") == [[10]]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT count(*) FROM inferences", [[10]]),
        ("from readings select value -- a comment", [[41.5]]),
        ("WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT * FROM a, b", [[1, 2]]),
        ("SELECT sum(range) FROM range(5);", [[10]]),
        ("VALUES (1), (2)", [[1], [2]]),
        ("SELECT unnest([1, 2])", [[1], [2]]),
        (
            "SELECT quantile_cont(latency_s, 0.5) FROM inferences WHERE time < now()::TIMESTAMP + INTERVAL 9 YEAR",
            [[0.25]],
        ),
        ("SELECT name FROM (SHOW TABLES) WHERE name = 'findings'", [["findings"]]),
        ("SELECT count(*) FROM (DESCRIBE inferences)", [[14]]),
        ("SELECT max(count) FROM (SUMMARIZE inferences)", [[10]]),
    ],
)
def test_a_reading_question_is_answered(buffer: Buffer, sql: str, rows: list[list[object]]) -> None:
    """What only reads is answered."""
    assert ask(buffer, sql) == rows


@pytest.mark.parametrize("hog", HOGS, ids=lambda sql: sql[:60])
def test_what_fills_the_memory_by_one_call_is_refused_within_the_agent(buffer: Buffer, hog: str) -> None:
    """Its own process has no wall around a query, so the functions themselves are refused there."""
    with pytest.raises(ValueError, match="is not available here"):
        run_query(buffer, hog, 10, 2.0)


def test_rows_beyond_the_limit_are_cut_and_said_so(buffer: Buffer) -> None:
    """The answer holds as many rows as were asked for, and whether there were more."""
    cut = run_query(buffer, "SELECT brightness FROM inferences ORDER BY 1", 3, 5.0)
    whole = run_query(buffer, "SELECT brightness FROM inferences", 10, 5.0)
    assert (cut.columns, cut.types, cut.rows, cut.truncated) == (
        ("brightness",),
        ("FLOAT",),
        [[0.0], [1.0], [2.0]],
        True,
    )
    assert (len(whole.rows), whole.truncated) == (10, False)


def test_every_type_can_be_carried_by_json(buffer: Buffer) -> None:
    """Times are RFC 3339, durations seconds, and nothing is left that JSON has no form for."""
    sql = (
        "SELECT min(time), 1.5::DECIMAL(4, 2), INTERVAL 90 SECOND, {'a': [1, NULL]}, 'nan'::FLOAT, '-inf'::DOUBLE, "
        "'\\x00'::BLOB, DATE '2026-01-02', TIME '03:04:05', MAP {1: 'b'}, 170141183460469231731687303715884105727, "
        "'7c4d4b3e-0000-4000-8000-000000000000'::UUID, true, NULL FROM inferences"
    )
    result = run_query(buffer, sql, 1, 5.0)
    assert json.loads(msgspec.json.encode(result))["rows"] == [
        [
            *("2026-11-18T11:06:40Z", 1.5, 90.0, {"a": [1, None]}, None, "-inf", "AA==", "2026-01-02", "03:04:05"),
            *(
                {"1": "b"},
                "170141183460469231731687303715884105727",
                "7c4d4b3e-0000-4000-8000-000000000000",
                True,
                None,
            ),
        ]
    ]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT brightnes FROM inferences", "brightness"),
        ("SELECT * FROM rows", "there is no table 'rows' here; the views are inferences, readings"),
        ("SELECT now()", r"write now\(\)::TIMESTAMP"),
        ("SELECT 1 FROM inferences WHERE time > now()", r"write now\(\)::TIMESTAMP"),
        ("SELECT count(*) FROM range(1000000000000)", r"took longer than 0\.3 s and was stopped"),
        ("SELECT range, range::VARCHAR FROM range(50000000) ORDER BY 2", "needs more memory than the agent may use"),
        ("DROP VIEW inferences", "only SELECT can be asked here, .* this is a DROP statement"),
        ("ATTACH 'x' AS x", "this is an ATTACH statement"),
    ],
)
def test_the_message_says_what_to_do(buffer: Buffer, sql: str, message: str) -> None:
    """A question that cannot be answered says why, in words that help."""
    with pytest.raises(ValueError, match=message):
        run_query(buffer, sql, 10, 0.3 if "range(" in sql and "ORDER" not in sql else 20.0)


@pytest.mark.parametrize(("rows", "seconds"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, float("nan"))])
def test_limits_that_make_no_sense_are_refused(buffer: Buffer, rows: int, seconds: float) -> None:
    """Both limits must be more than nothing."""
    with pytest.raises(ValueError, match="both must be more than 0"):
        run_query(buffer, "SELECT 1", rows, seconds)


@pytest.mark.parametrize(
    "hog",
    [
        "SELECT count(*) FROM range(1000000000000)",
        "SELECT count(*) FROM (SELECT range % 400000 AS k, count(*) FROM range(100000000000) GROUP BY k)",
    ],
)
def test_ingest_goes_on_beside_a_hog(buffer: Buffer, hog: str) -> None:
    """While a query takes all the time or memory there is, every batch is committed, once."""
    refusals: list[str] = []

    def query() -> None:
        try:
            run_query(buffer, hog, 1, 30.0)
        except ValueError as error:
            refusals.append(str(error))

    thread = threading.Thread(target=query)
    thread.start()
    wait_until(lambda: buffer._files.gate._inside, "the query runs")
    for first in range(10, 100_010, 10_000):
        buffer.append([make_block(10_000, first=first, names=[f"s{at}" for at in range(20)])], [])
        buffer.commit()
    rows = buffer.status().rows
    buffer._files.gate.interrupt()
    buffer._files.gate.clear()
    thread.join(30)
    engine = buffer._files.ready()
    assert engine is not None
    buffer._files.gate.open(engine.root)
    assert (rows, len(refusals)) == (100_010, 1)
    assert ask(buffer, "SELECT count(*), count(DISTINCT s0) FROM inferences WHERE s0 IS NOT NULL") == [
        [100_000, 100_000]
    ]
