"""A state directory as the first version of the buffer left it, written with that version's own statements.

What stands here is frozen: it must not follow the schema of today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from agent.buffer.text import encode
from tests.agent.buffer.blocks import NOW_NS, make_finding, make_signals

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 30
_BOTH = (
    "CREATE TABLE {db}.meta (key VARCHAR, value VARCHAR)",
    "INSERT INTO {db}.meta VALUES ('schema_version', '1')",
    (
        "CREATE TABLE {db}.streams (stream INTEGER, model VARCHAR, version VARCHAR, sha256 VARCHAR, runtime VARCHAR, "
        "provider VARCHAR, pid BIGINT)"
    ),
    f"INSERT INTO {{db}}.streams VALUES (1, 'meter-reader', '3', '{'ab' * 32}', '', '', 7)",
)
_CORE = (
    (
        'CREATE TABLE {db}.finding_history (seq BIGINT, id VARCHAR, "state" VARCHAR, kind VARCHAR, severity VARCHAR, '
        "model VARCHAR, version VARCHAR, onset TIMESTAMP, opened TIMESTAMP, updated TIMESTAMP, closed TIMESTAMP, "
        'sentence VARCHAR, advice VARCHAR, "row" BIGINT, onset_row BIGINT, note VARCHAR, record VARCHAR)'
    ),
    "CREATE TABLE {db}.states (stream_key VARCHAR, part VARCHAR, payload BLOB)",
    "INSERT INTO {db}.states VALUES ('meter-reader', 'shift', 'kept'::BLOB)",
    "CREATE TABLE {db}.events (time TIMESTAMP_NS, kind VARCHAR, subject VARCHAR, detail VARCHAR, count BIGINT)",
    f"INSERT INTO {{db}}.events VALUES (make_timestamp_ns({NOW_NS}), 'opened', 'meter-reader', 'dark', 0)",
)
_SEGMENT = (
    "CREATE TABLE {db}.batches (id BIGINT, written TIMESTAMP_NS, rows BIGINT)",
    f"INSERT INTO {{db}}.batches VALUES (4, make_timestamp_ns({NOW_NS}), {ROWS})",
    "CREATE TABLE {db}.positions (batch BIGINT, source VARCHAR, last_seq BIGINT)",
    f"INSERT INTO {{db}}.positions VALUES (4, 'a.ring', {ROWS})",
    "CREATE TABLE {db}.schemas (id INTEGER, signals VARCHAR)",
    "CREATE TABLE {db}.series (id INTEGER, name VARCHAR, unit VARCHAR, labels VARCHAR)",
    """INSERT INTO {db}.series VALUES (1, 'hw.temperature', 'Cel', '{{"id":"cpu"}}')""",
    "CREATE TABLE {db}.readings (time TIMESTAMP_NS, series INTEGER, value DOUBLE)",
    f"INSERT INTO {{db}}.readings VALUES (make_timestamp_ns({NOW_NS}), 1, 41.5)",
)
_LABELS = (
    'CREATE TABLE {db}.labels (number BIGINT, id UBIGINT, told TIMESTAMP_NS, value DOUBLE, "text" VARCHAR, wanted '
    'VARCHAR, "key" VARCHAR, model VARCHAR, version VARCHAR, inferred TIMESTAMP_NS, answer DOUBLE, confidence DOUBLE, '
    "error DOUBLE, previous DOUBLE)"
)


def leave_version_1(directory: Path, *, ids: bool = True) -> None:
    """Leave a finding, a state, an event, a reading and rows in one segment, in files and logs as a hard stop does.

    Without `ids` it is as the very first files were, before inferences had ids and labels.
    """
    (directory / "segments").mkdir(parents=True)
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET GLOBAL checkpoint_on_detach = 'DISABLED'")
        _run(connection, directory / "core.duckdb", "core", (*_BOTH, *_CORE))
        finding = make_finding()
        values = ["f-1", "open", finding.kind, finding.severity, "meter-reader", "3", finding.sentence, encode(finding)]
        columns = 'seq, id, "state", kind, severity, model, version, sentence, record'
        connection.execute(f"INSERT INTO core.finding_history ({columns}) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        connection.execute("DETACH core")
        path = directory / "segments" / "000001-20261118.duckdb"
        _run(connection, path, "old", (*_BOTH, *_SEGMENT, *((_LABELS,) if ids else ())))
        connection.execute("INSERT INTO old.schemas VALUES (1, ?)", [encode(make_signals(("brightness", "contrast")))])
        kept = ", inference_id UBIGINT" if ids else ""
        connection.execute(
            "CREATE TABLE old.rows_1 (time TIMESTAMP_NS, stream INTEGER, latency_s REAL, status UTINYINT, "
            f"brightness REAL, contrast REAL{kept})"
        )
        connection.execute(
            f"INSERT INTO old.rows_1 SELECT make_timestamp_ns({NOW_NS} + i), 1, .25, 0, i, 0{', i + 1' if ids else ''} "
            f"FROM range({ROWS}) t(i)"
        )
        connection.execute("DETACH old")


def _run(connection: duckdb.DuckDBPyConnection, path: Path, alias: str, statements: tuple[str, ...]) -> None:
    connection.execute(f"ATTACH '{path}' AS {alias} (BLOCK_SIZE 65536)")
    for sql in statements:
        connection.execute(sql.format(db=alias))
