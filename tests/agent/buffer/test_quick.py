"""Which questions the agent answers itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.buffer import quick
from agent.buffer.asking import Asking
from agent.buffer.gate import Gate
from agent.buffer.guard import check
from agent.buffer.query import QueryError, run_query
from agent.frames import Verdict
from tests.agent.buffer.attacks import ATTACKS, HOGS
from tests.agent.buffer.blocks import make_block, make_finding, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from duckdb import DuckDBPyConnection

    from agent.buffer import Buffer

SECONDS = (
    "SELECT time_bucket(INTERVAL '1 second', time) AS second, quantile_cont(latency_s, [0.5, 0.99]) FROM inferences "
    "WHERE time >= now()::TIMESTAMP - INTERVAL 9 YEAR GROUP BY 1 ORDER BY 1 DESC LIMIT 5"
)
PLAIN = [
    ("SELECT count(*) FROM inferences", [[10]]),
    ("SELECT max(brightness), min(pid)::INTEGER FROM inferences WHERE model <> 'x' AND pid IN (7, 8)", [[9.0, 7]]),
    (SECONDS, [["2026-11-18T11:06:40Z", [0.25, 0.25]]]),
    ("SELECT avg(brightness) FROM inferences WHERE contrast IS NOT NULL AND brightness BETWEEN 1 AND 3", [[2.0]]),
    ("FROM labels", []),
]  # fmt: skip
NOT_PLAIN = [
    *HOGS,
    "SELECT count(*) FROM range(1000000000000)",
    "SELECT count(*) FROM inferences, inferences AS b",
    "SELECT count(*) FROM inferences JOIN inferences AS b USING (time)",
    "SELECT * FROM (FROM inferences)",
    "SELECT (SELECT max(time) FROM inferences) FROM inferences",
    "SELECT 1 FROM inferences WHERE pid IN (SELECT pid FROM streams)",
    "WITH a AS (FROM inferences) FROM a",
    "WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM t) FROM t",
    "FROM inferences UNION ALL FROM inferences",
    "SELECT sum(brightness) OVER () FROM inferences",
    "SELECT list(model) FROM inferences",
    "SELECT max(brightness, 999999) FROM inferences",
    "SELECT model || model FROM inferences",
    "SELECT list_transform([1], lambda x: x) FROM inferences",
    "SELECT unnest([1, 2]) FROM inferences",
    "SELECT NULL::INT[100000] FROM inferences",
    "SELECT model::VARCHAR FROM inferences",
    "SELECT regexp_matches(model, 'a') FROM inferences",
    "SELECT count(*) FROM inferences ORDER BY (SELECT 1)",
    "SELECT count(*) FROM inferences LIMIT (SELECT 1)",
    "SELECT * FROM inferences USING SAMPLE 5",
    "VALUES (1)",
    "SELECT 1",
    "SHOW TABLES",
]


@pytest.fixture(scope="module")
def buffer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buffer]:
    """A buffer that holds a little."""
    with opened(tmp_path_factory.mktemp("quick")) as store:
        store.append([make_block(10)], [])
        store.save_finding(make_finding())
        store.commit()
        yield store


@pytest.mark.parametrize(("sql", "rows"), PLAIN)
def test_a_plain_question_is_answered_on_the_spot(buffer: Buffer, sql: str, rows: list[list[object]]) -> None:
    """Without a process of its own."""
    found = quick.answer_quickly(buffer, sql, 10)
    assert found is not None
    assert found.rows == rows


@pytest.mark.parametrize("sql", NOT_PLAIN)
def test_any_other_question_is_left_to_a_process_of_its_own(buffer: Buffer, sql: str) -> None:
    """What may take memory or time by one call, or has more than one view in it."""
    with buffer.cursor() as cursor:
        assert not quick.is_plain(check(cursor, sql, walled=True))


def test_no_attack_is_taken_for_plain(buffer: Buffer) -> None:
    """Each is refused at once, or goes where it does no harm."""
    for attack in ATTACKS:
        try:
            found = quick.answer_quickly(buffer, attack.replace("{directory}", "/etc"), 10)
        except ValueError:
            continue
        assert found is None, attack


def test_what_takes_longer_than_a_moment_is_asked_again_elsewhere(
    buffer: Buffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is the same."""
    monkeypatch.setattr(quick, "TIME_LIMIT_S", 1e-9)
    assert b'"rows":[[10]]' in Asking(buffer).query("SELECT count(*) FROM inferences", 1, 20.0)


def test_files_that_never_are_still_are_read_within_the_agent(buffer: Buffer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where rows come in too fast for any other process, with the functions refused that take too much memory."""

    def rewritten(*_: object) -> Iterator[Verdict]:
        yield Verdict(again=True, error="the files were rewritten")

    monkeypatch.setattr("agent.buffer.asking.ask", rewritten)
    asking = Asking(buffer)
    assert b'"rows":[[10]]' in asking.query("SELECT count(*) FROM (FROM inferences)", 1, 20.0)
    with pytest.raises(ValueError, match="printf is not available here"):
        asking.query("SELECT printf('%d', count(*)) FROM inferences", 1, 20.0)


class Unopened:
    """A buffer whose files cannot be opened."""

    def __init__(self) -> None:
        self._gate = Gate()
        self._gate.stay_closed("Read-only file system")

    def cursor(self) -> AbstractContextManager[DuckDBPyConnection]:
        """Give none."""
        return self._gate.cursor(600)

    def suspect(self) -> None:
        """Not be asked for more."""


def test_files_that_cannot_be_opened_here_are_left_to_another_process_at_once() -> None:
    """On a disk that takes no writes the agent's own files stay closed, and can be read all the same."""
    assert quick.answer_quickly(Unopened(), "SELECT count(*) FROM inferences", 10) is None
    with pytest.raises(QueryError, match="Read-only file system"):
        run_query(Unopened(), "SELECT count(*) FROM inferences", 10, 1)
