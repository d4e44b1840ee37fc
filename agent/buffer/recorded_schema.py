# ruff: noqa: S608  # every name that is put into a statement here is one of ours
"""SQL and tables of what the recorder keeps beside rows: summaries of minutes, windows around findings, answers by id.

The tables are in each segment; a segment of schema version 1 has none of them, and its rows have no weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.row_schema import INCOMING

if TYPE_CHECKING:
    from agent.buffer.era_schema import Source

SUMMARIES = "summaries"  # a segment that has it has all three tables, and weights in its rows

TABLES = (
    (
        "CREATE TABLE IF NOT EXISTS {db}.summaries (number BIGINT, time TIMESTAMP_NS, seconds REAL, stream INTEGER, "
        '"schema" INTEGER, inferences UINTEGER, failed UINTEGER, latency_mean_s REAL, latency_min_s REAL, '
        "latency_max_s REAL, latency_p50_s REAL, latency_p90_s REAL, latency_p99_s REAL, record BLOB, "
        "era UTINYINT)"
    ),
    # Not as lists beside the summary: each append to a list writes all of its column to the log again.
    (
        "CREATE TABLE IF NOT EXISTS {db}.summary_signals (number BIGINT, place USMALLINT, count UINTEGER, mean REAL, "
        'variance REAL, "min" REAL, "max" REAL)'
    ),
    (
        "CREATE TABLE IF NOT EXISTS {db}.windows (number BIGINT, opened TIMESTAMP_NS, since TIMESTAMP_NS, "
        '"until" TIMESTAMP_NS, finding VARCHAR, era UTINYINT)'
    ),
    (
        "CREATE TABLE IF NOT EXISTS {db}.answers (time TIMESTAMP_NS, stream INTEGER, inference_id UBIGINT, "
        "answer REAL, confidence REAL, is_class BOOLEAN, era UTINYINT)"
    ),
)
_SUMMARY_COLUMNS = 15
_SUMMARY_VALUES = f"(?, make_timestamp_ns(?), {', '.join('?' * (_SUMMARY_COLUMNS - 2))})"
READ_LAST_SUMMARY = "SELECT coalesce(max(number), 0) FROM {db}.summaries"
READ_SUMMARIES = (
    'SELECT number, {time}, seconds, stream, "schema", record '
    "FROM {db}.summaries WHERE number > ? ORDER BY number LIMIT ?"
)
READ_COUNTS = "SELECT number, inferences FROM {db}.summaries WHERE number > ? AND list_contains(?, stream)"
_SIGNAL_COLUMNS = 7
# Takes each column as a list: to register so few rows takes longer than to write them.
INSERT_SIGNALS = f"INSERT INTO {{db}}.summary_signals SELECT {', '.join(['unnest(?)'] * _SIGNAL_COLUMNS)}"
READ_SIGNALS = (
    'SELECT number, count, mean, variance, "min", "max" FROM {db}.summary_signals WHERE number > ? AND number <= ? '
    "ORDER BY number, place"
)
INSERT_WINDOW = (
    "INSERT INTO {db}.windows VALUES (?, make_timestamp_ns(?), make_timestamp_ns(?), make_timestamp_ns(?), ?, ?)"
)
READ_LAST_WINDOW = "SELECT coalesce(max(number), 0) FROM {db}.windows"
INSERT_ANSWERS = (
    "INSERT INTO {db}.answers SELECT make_timestamp_ns(t), s, i, if(isnan(a), NULL, a), if(isnan(c), NULL, c), k, e "
    f"FROM {INCOMING}"
)
FIND_ANSWERS = (
    "SELECT inference_id, stream, max({time}), arg_max(answer, time), arg_max(confidence, time), "
    f"arg_max(is_class, time) FROM {{db}}.answers WHERE inference_id IN (SELECT id FROM {INCOMING}) "
    "GROUP BY inference_id, stream"
)

VIEWS = ("summaries", "signal_summaries", "windows")
STORED = ("stored_minutes", "stored_signals")  # views of the agent's own: minutes as they are packed, by number
_LATENCIES = tuple(f"latency_{one}_s" for one in ("mean", "min", "max", "p50", "p90", "p99"))
_WHOSE = "model, version, sha256"
_EMPTY_WHOSE = "NULL::VARCHAR AS model, NULL::VARCHAR AS version, NULL::VARCHAR AS sha256"
_EMPTY = {
    "summaries": (
        f"SELECT NULL::TIMESTAMP_NS AS time, NULL::REAL AS seconds, {_EMPTY_WHOSE}, NULL::UINTEGER AS inferences, "
        f"NULL::UINTEGER AS failed, {', '.join(f'NULL::REAL AS {name}' for name in _LATENCIES)} WHERE false"
    ),
    "signal_summaries": (
        f"SELECT NULL::TIMESTAMP_NS AS time, NULL::REAL AS seconds, {_EMPTY_WHOSE}, NULL::VARCHAR AS signal, "
        'NULL::UINTEGER AS count, NULL::REAL AS mean, NULL::REAL AS variance, NULL::REAL AS "min", '
        'NULL::REAL AS "max" WHERE false'
    ),
    "windows": (
        'SELECT NULL::TIMESTAMP_NS AS opened, NULL::TIMESTAMP_NS AS since, NULL::TIMESTAMP_NS AS "until", '
        "NULL::VARCHAR AS finding WHERE false"
    ),
    "stored_minutes": (
        "SELECT NULL::INTEGER AS segment, NULL::BIGINT AS number, NULL::BIGINT AS began, NULL::REAL AS seconds, "
        f"NULL::INTEGER AS stream, {_EMPTY_WHOSE}, NULL::VARCHAR AS runtime, NULL::VARCHAR AS provider, "
        "NULL::BIGINT AS pid, NULL::UINTEGER AS inferences, NULL::UINTEGER AS failed, "
        'NULL::INTEGER AS "schema", NULL::VARCHAR AS signals, NULL::BLOB AS record WHERE false'
    ),
    "stored_signals": (
        "SELECT NULL::INTEGER AS segment, NULL::BIGINT AS number, NULL::USMALLINT AS place, NULL::UINTEGER AS count, "
        "NULL::REAL AS mean WHERE false"
    ),
}


def insert_summaries(alias: str, count: int) -> str:
    """Statement that appends so many summaries."""
    return f"INSERT INTO {alias}.summaries VALUES {', '.join([_SUMMARY_VALUES] * count)}"


def views(segments: list[Source]) -> dict[str, str]:
    """Return, for each of VIEWS and STORED, what it selects, over segments that have the tables."""
    parts = {name: [empty] for name, empty in _EMPTY.items()}
    for segment in segments:
        number = int(segment.alias.rpartition("_")[2])  # stays, whichever others come and go
        summaries = segment.of("summaries", "time")
        known = f"({summaries}) AS summaries JOIN {segment.alias}.streams USING (stream)"
        parts["summaries"].append(
            f"SELECT time, seconds, {_WHOSE}, inferences, failed, {', '.join(_LATENCIES)} FROM {known}"
        )
        parts["signal_summaries"].append(
            f"SELECT time, seconds, {_WHOSE}, (signals->>'$[*].name')[place + 1] AS signal, count, mean, variance, "
            f'"min", "max" FROM {known} JOIN {segment.alias}.summary_signals USING (number) '
            f'JOIN {segment.alias}.schemas AS schemas ON "schema" = schemas.id'
        )
        parts["stored_minutes"].append(
            f"SELECT {number} AS segment, number, epoch_ns(time) AS began, seconds, stream, {_WHOSE}, "
            f'runtime, provider, pid, inferences, failed, "schema", signals, record FROM {known} '
            f'JOIN {segment.alias}.schemas AS schemas ON "schema" = schemas.id'
        )
        parts["stored_signals"].append(
            f"SELECT {number} AS segment, number, place, count, mean FROM {segment.alias}.summary_signals"
        )
        windows = segment.of("windows", "opened", "since", '"until"')
        parts["windows"].append(f'SELECT opened, since, "until", finding FROM ({windows})')
    return {name: " UNION ALL BY NAME ".join(selects) for name, selects in parts.items()}
