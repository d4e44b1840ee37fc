"""Questions so plain that the agent answers them itself, in milliseconds, without starting a process for it.

One view, numbers and times, and functions of which no call can take much memory or long: then the limit of time holds,
and DuckDB's limit of memory. Whatever takes longer than a moment all the same is given up here, and asked again in a
process of its own; so is everything while the agent cannot open the files, as on a disk that takes no writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.buffer.guard import check
from agent.buffer.query import ClosedError, QueryResult, TooLargeError, answer, reading

if TYPE_CHECKING:
    from agent.buffer.query import Source

# A quantile keeps its values outside DuckDB's limit: 40 to 80 MB in that time.
TIME_LIMIT_S = 0.3
MOST_ROWS = 1_000
MOST_CHARACTERS = 2_000  # a longer one may be there to exhaust the parser

_CLASSES = frozenset(
    {"COLUMN_REF", "CONSTANT", "FUNCTION", "COMPARISON", "CONJUNCTION", "OPERATOR", "BETWEEN", "CASE", "CAST", "STAR"}
)
_TYPES = frozenset(
    {
        *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
        *("FLOAT", "REAL", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP_NS", "INTERVAL", "INT"),
    }
)
_FUNCTIONS = frozenset(
    {
        *("+", "-", "*", "/", "//", "%", "abs", "round", "floor", "ceil", "trunc", "sqrt"),
        *("ln", "exp", "least", "greatest", "isnan", "isfinite", "isinf", "list_value"),
        *("count", "count_star", "count_if", "sum", "avg", "mean", "min", "max", "bool_and", "bool_or"),
        *("median", "quantile_cont", "quantile_disc", "stddev", "stddev_samp", "stddev_pop", "variance", "var_samp"),
        *("arg_min", "arg_max", "any_value", "first", "last"),
        *("time_bucket", "date_trunc", "date_part", "epoch", "epoch_ms", "epoch_ns"),
        *("make_timestamp", "make_timestamp_ns", "now", "get_current_timestamp"),
        *("to_years", "to_months", "to_weeks", "to_days", "to_hours", "to_minutes", "to_seconds"),
        *("to_milliseconds", "to_microseconds"),
    }
)
_MOST_ARGUMENTS = {"min": 1, "max": 1, "arg_min": 2, "arg_max": 2}  # with one more they keep many


def answer_quickly(buffer: Source, sql: str, row_limit: int) -> QueryResult | None:
    """Answer a plain SELECT; None where it is not plain, or not quick. Raises QueryError as `run_query`."""
    if len(sql) > MOST_CHARACTERS or not 0 < row_limit <= MOST_ROWS:
        return None
    try:
        with reading(buffer, TIME_LIMIT_S) as cursor:
            return answer(cursor, sql, row_limit) if is_plain(check(cursor, sql, walled=True)) else None
    except (TooLargeError, ClosedError):
        return None


def is_plain(statements: Any) -> bool:
    """Whether a parsed SELECT is plain."""
    node = statements[0]["node"]
    if node["type"] != "SELECT_NODE" or node["cte_map"]["map"] or node["from_table"]["type"] != "BASE_TABLE":
        return False
    left: list[Any] = [value for key, value in node.items() if key not in {"cte_map", "from_table"}]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            if not _is_plain_part(item):
                return False
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)
    return node["from_table"].get("sample") is None and node.get("sample") is None


def _is_plain_part(part: dict[str, Any]) -> bool:
    kind = part.get("class")
    if kind is None:
        return "node" not in part and "from_table" not in part
    if kind == "TYPE":
        return str(part.get("type_name")).upper() in _TYPES
    if kind == "FUNCTION":
        name = str(part["function_name"]).lower()
        few = len(part["arguments"]) <= _MOST_ARGUMENTS.get(name, 100)
        return name in _FUNCTIONS and few and len(part["qualified_name"]["path"]) == 1
    return kind in _CLASSES
