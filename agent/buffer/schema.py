# ruff: noqa: S608  # every name that is put into a statement here is a number of ours or goes through `quote`
"""All SQL and every table of the buffer, in one place.

`core` holds what is kept for good: findings, identities of streams, states, events. Each segment holds rows and
readings, and everything that is needed to read it alone: it can be quarantined, dropped or carried away without the
others. Views live in the in-memory database `memory`, so that no file ever refers to another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer import outgoing_schema, recorded_schema, row_schema
from agent.buffer.columns import quote
from agent.buffer.era_schema import ERAS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.buffer.era_schema import Source

VERSION = 3  # of segments: 1 has no eras, 2 no crates
CORE_VERSION = 3
CORE = "core"
LATEST_NS = 2**63 - 2  # the last one that is a time; the next stands for infinity
INCOMING = row_schema.INCOMING
SUMMARIES = recorded_schema.SUMMARIES

Statement = tuple[str, tuple[object, ...]]

META = "CREATE TABLE IF NOT EXISTS {db}.meta (key VARCHAR, value VARCHAR)"
STREAMS = (
    "CREATE TABLE IF NOT EXISTS {db}.streams (stream INTEGER, model VARCHAR, version VARCHAR, sha256 VARCHAR, "
    "runtime VARCHAR, provider VARCHAR, pid BIGINT)"
)
_CORE_TABLES_2 = (
    META,
    STREAMS,
    ERAS,
    (
        'CREATE TABLE IF NOT EXISTS {db}.finding_history (seq BIGINT, id VARCHAR, "state" VARCHAR, kind VARCHAR, '
        "severity VARCHAR, model VARCHAR, version VARCHAR, onset TIMESTAMP, opened TIMESTAMP, updated TIMESTAMP, "
        'closed TIMESTAMP, sentence VARCHAR, advice VARCHAR, "row" BIGINT, onset_row BIGINT, note VARCHAR, '
        "record VARCHAR, era INTEGER)"
    ),
    "CREATE TABLE IF NOT EXISTS {db}.states (stream_key VARCHAR, part VARCHAR, payload BLOB)",
    (
        "CREATE TABLE IF NOT EXISTS {db}.events (time TIMESTAMP_NS, kind VARCHAR, subject VARCHAR, detail VARCHAR, "
        "count BIGINT, era INTEGER)"
    ),
)
CORE_TABLES = (*_CORE_TABLES_2, *outgoing_schema.TABLES)
SEGMENT_TABLES = (
    META,
    STREAMS,
    ERAS,
    (
        "CREATE TABLE IF NOT EXISTS {db}.batches (id BIGINT, written TIMESTAMP_NS, rows BIGINT, boot VARCHAR, "
        "monotonic BIGINT, era UTINYINT, observed BIGINT)"
    ),
    "CREATE TABLE IF NOT EXISTS {db}.positions (batch BIGINT, source VARCHAR, last_seq BIGINT)",
    "CREATE TABLE IF NOT EXISTS {db}.schemas (id INTEGER, signals VARCHAR)",
    "CREATE TABLE IF NOT EXISTS {db}.series (id INTEGER, name VARCHAR, unit VARCHAR, labels VARCHAR)",
    "CREATE TABLE IF NOT EXISTS {db}.readings (time TIMESTAMP_NS, series INTEGER, value DOUBLE, era UTINYINT)",
    (
        "CREATE TABLE IF NOT EXISTS {db}.labels (number BIGINT, id UBIGINT, told TIMESTAMP_NS, value DOUBLE, "
        '"text" VARCHAR, wanted VARCHAR, "key" VARCHAR, model VARCHAR, version VARCHAR, inferred TIMESTAMP_NS, '
        "answer DOUBLE, confidence DOUBLE, error DOUBLE, previous DOUBLE, era UTINYINT)"
    ),
    *recorded_schema.TABLES,
)
LABELS = "labels"  # a segment that has it has ids in its rows, too; the first files of version 1 had neither

# What brings the core from each version to the next; a table that is there is left alone. Segments are never migrated.
CORE_STEPS: dict[int, tuple[str, ...]] = {
    1: (
        *_CORE_TABLES_2,
        "ALTER TABLE {db}.finding_history ADD COLUMN IF NOT EXISTS era INTEGER",
        "ALTER TABLE {db}.events ADD COLUMN IF NOT EXISTS era INTEGER",
    ),
    2: outgoing_schema.TABLES,
}
WRITE_VERSION = "UPDATE {db}.meta SET value = ? WHERE key = 'schema_version'"

READ_VERSION = "SELECT value FROM {db}.meta WHERE key = 'schema_version'"
WRITE_META = "INSERT INTO {db}.meta VALUES (?, ?)"
READ_STREAMS = "SELECT stream, model, version, sha256, runtime, provider, pid FROM {db}.streams"
INSERT_STREAM = "INSERT INTO {db}.streams VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_STREAM_ONCE = (
    "INSERT INTO {db}.streams SELECT ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM {db}.streams WHERE stream = ?)"
)

READ_BATCHES = (
    "SELECT coalesce(max(id), 0), coalesce(sum(rows), 0)::BIGINT, coalesce(epoch_ns(arg_max(written, id)), 0) "
    "FROM {db}.batches"
)
COUNT_BATCHES = "SELECT count(*) FROM {db}.batches WHERE id > ?"
READ_OBSERVED = "SELECT min(observed), max(observed) FROM {db}.batches"
READ_BATCH = "SELECT count(*) FROM {db}.batches WHERE id = ?"
INSERT_BATCH = "INSERT INTO {db}.batches VALUES (?, make_timestamp_ns(?), ?, ?, ?, ?, ?)"
READ_NEWEST_BATCH = (
    "SELECT boot, monotonic, observed, epoch_ns(written), era FROM {db}.batches WHERE boot IS DISTINCT FROM ? "
    "ORDER BY id DESC LIMIT 1"
)
READ_POSITIONS = (
    "SELECT source, arg_max(last_seq, batch) FROM {db}.positions GROUP BY source ORDER BY max(batch), max(rowid)"
)
INSERT_POSITION = "INSERT INTO {db}.positions VALUES (?, ?, ?)"
READ_SCHEMAS = "SELECT id, signals FROM {db}.schemas ORDER BY id"
INSERT_SCHEMA = "INSERT INTO {db}.schemas VALUES (?, ?)"
READ_SERIES = "SELECT id, name, unit, labels FROM {db}.series"
INSERT_SERIES = "INSERT INTO {db}.series VALUES (?, ?, ?, ?)"
INSERT_READINGS = f"INSERT INTO {{db}}.readings SELECT make_timestamp_ns(t), i, v, a FROM {INCOMING}"

FINDING_COLUMNS = 18
INSERT_FINDING = f"INSERT INTO {CORE}.finding_history VALUES ({', '.join('?' * FINDING_COLUMNS)})"
READ_LAST_FINDING = f"SELECT coalesce(max(seq), 0) FROM {CORE}.finding_history"
READ_FINDING_SEQ = f"SELECT count(*) FROM {CORE}.finding_history WHERE seq = ?"
READ_FINDINGS = f"SELECT arg_max(record, seq) FROM {CORE}.finding_history GROUP BY id"
READ_FINDINGS_OF = (
    "SELECT record, era FROM (SELECT arg_max(record, seq) AS record, arg_max(era, seq) AS era "
    f"FROM {CORE}.finding_history GROUP BY id) WHERE list_contains(?, era)"
)
DELETE_STATE = f"DELETE FROM {CORE}.states WHERE stream_key = ? AND part = ?"
INSERT_STATE = f"INSERT INTO {CORE}.states VALUES (?, ?, ?)"
READ_STATE = f"SELECT payload FROM {CORE}.states WHERE stream_key = ? AND part = ?"
READ_STATE_KEYS = f"SELECT stream_key FROM {CORE}.states WHERE part = ? AND octet_length(payload) > 0"
INSERT_EVENT = (  # two that are equal to the nanosecond are one that was written again
    f"INSERT INTO {CORE}.events SELECT new.* FROM (VALUES (make_timestamp_ns(?), ?, ?, ?, ?, ?)) "
    "AS new (time, kind, subject, detail, count, era) "
    f"WHERE NOT EXISTS (SELECT 1 FROM {CORE}.events AS old WHERE old.time = new.time AND old.kind = new.kind "
    "AND old.subject = new.subject AND old.detail = new.detail AND old.count = new.count AND old.era = new.era)"
)

READ_TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY table_name"
PARSE = "SELECT json_serialize_sql(?)"
UNPARSE = "SELECT json_deserialize_sql(json_serialize_sql(?))"
BEGIN, COMMIT, ROLLBACK = "BEGIN TRANSACTION", "COMMIT", "ROLLBACK"
BEGIN_READING = "BEGIN TRANSACTION READ ONLY"

VIEWS = ("inferences", "readings", "findings", "finding_history", "streams", "events", "labels", *recorded_schema.VIEWS)
_IDENTITY = "model, version, sha256, runtime, provider, pid"
_NO_INFERENCES = (
    "SELECT NULL::TIMESTAMP_NS AS time, NULL::VARCHAR AS model, NULL::VARCHAR AS version, NULL::VARCHAR AS sha256, "
    "NULL::VARCHAR AS runtime, NULL::VARCHAR AS provider, NULL::BIGINT AS pid, NULL::INTEGER AS stream, "
    "NULL::REAL AS latency_s, NULL::UTINYINT AS status, NULL::UBIGINT AS inference_id, "
    "NULL::REAL AS weight WHERE false"
)
_NO_READINGS = (
    "SELECT NULL::TIMESTAMP_NS AS time, NULL::VARCHAR AS name, NULL::VARCHAR AS unit, NULL::DOUBLE AS value, "
    "NULL::VARCHAR AS labels WHERE false"
)
_NO_LABELS = (
    "SELECT NULL::BIGINT AS number, NULL::UBIGINT AS id, NULL::TIMESTAMP_NS AS told, NULL::DOUBLE AS value, "
    'NULL::VARCHAR AS "text", NULL::VARCHAR AS wanted, NULL::VARCHAR AS "key", NULL::VARCHAR AS model, '
    "NULL::VARCHAR AS version, NULL::TIMESTAMP_NS AS inferred, NULL::DOUBLE AS answer, NULL::DOUBLE AS confidence, "
    "NULL::DOUBLE AS error, NULL::DOUBLE AS previous WHERE false"
)


def attach(path: str, alias: str, *, read_only: bool = False) -> str:
    """Statement that attaches a file, or makes it.

    Blocks of 64 KiB: the tails of columns waste 20 % in larger ones. Row groups of a quarter of DuckDB's: a checkpoint
    holds the last one in memory several times, and with 20 signals ran out of its 48 MiB after 400,000 to 640,000 rows.
    """
    sizes = f"BLOCK_SIZE 65536, ROW_GROUP_SIZE {row_schema.GROUP_ROWS}"
    options = "READ_ONLY" if read_only else "" if path == ":memory:" else sizes
    return f"ATTACH '{path.replace(chr(39), chr(39) * 2)}' AS {alias}" + (f" ({options})" if options else "")


def metadata_blocks(alias: str) -> str:
    """Statement that lists the numbers of the blocks in which an attached file says what is where."""
    return f"SELECT block_id FROM pragma_metadata_info('{alias}')"


def highest(alias: str, table: str, column: str) -> str:
    """Statement that finds the highest number in a table of an attached file, 0 where it has no row."""
    return f"SELECT coalesce(max({column}), 0) FROM {alias}.{table}"


def detach(alias: str) -> str:
    """Statement that lets go of a file."""
    return f"DETACH DATABASE IF EXISTS {alias}"


def checkpoint(alias: str) -> str:
    """Statement that folds the write-ahead log into the file."""
    return f"CHECKPOINT {alias}"


def read_everything(alias: str, table: str) -> str:
    """Statement that reads every value of a table, so that no damaged block stays hidden behind statistics."""
    return f"SELECT bit_xor(hash(COLUMNS(*))) FROM {alias}.{quote(table)}"


def find_rows(segment: Source, number: int, answer: str, confidence: str) -> str:
    """Statement that finds rows by the registered ids: id, stream, time, answer and confidence of the newest of each.

    `confidence` is empty where there is no such column.
    """
    sure = f"arg_max({quote(confidence)}, time)" if confidence else "NULL"
    return (
        f"SELECT inference_id, stream, epoch_ns(max(time)), arg_max({quote(answer)}, time), {sure} "
        f"FROM ({segment.rows(number)}) WHERE inference_id IN (SELECT id FROM {INCOMING}) GROUP BY inference_id, stream"
    )


def select_rows(segment: Source, schema: int, since_ns: int) -> str:
    """Statement that reads the rows of one table since a moment, with who they are of."""
    condition = f" WHERE time >= make_timestamp_ns({since_ns:d})" if since_ns > 0 else ""
    rows = segment.rows(schema)
    chosen = "rows.*" if SUMMARIES in segment.tables else "rows.*, 1::REAL AS weight"  # of before there were any
    return f"SELECT {chosen}, {_IDENTITY} FROM ({rows}) AS rows JOIN {segment.alias}.streams USING (stream){condition}"


def create_views(segments: Iterable[Source], core: Source) -> list[str]:
    """Statements that make every view anew. A table or column that an older segment lacks is left out or NULL."""
    inferences, readings, labels = [_NO_INFERENCES], [_NO_READINGS], [_NO_LABELS]
    known = list(segments)
    for segment in known:
        labels += [segment.of(LABELS, "told", "inferred")] * (LABELS in segment.tables)
        measured = f"({segment.of('readings', 'time')}) JOIN {segment.alias}.series ON series = id"
        readings.append(f"SELECT time, name, unit, value, labels FROM {measured}")
        inferences += [select_rows(segment, schema, 0) for schema in segment.schemas]
    newest = 'QUALIFY row_number() OVER (PARTITION BY id, "key" ORDER BY number DESC) = 1'
    history = core.of("finding_history")
    views = {
        "inferences": " UNION ALL BY NAME ".join(inferences),
        "readings": " UNION ALL BY NAME ".join(readings),
        "labels": f"SELECT * FROM ({' UNION ALL BY NAME '.join(labels)}) {newest}",
        "finding_history": history,
        "findings": f"{history} QUALIFY row_number() OVER (PARTITION BY id ORDER BY seq DESC) = 1",
        "streams": f"SELECT * FROM {CORE}.streams",
        "events": core.of("events", "time"),
        **recorded_schema.views([segment for segment in known if SUMMARIES in segment.tables]),
    }
    return [f"CREATE OR REPLACE VIEW memory.main.{name} AS {select}" for name, select in views.items()]
