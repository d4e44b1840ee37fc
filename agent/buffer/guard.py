"""Decides, on the parsed tree of a query, whether it only reads the buffer's views.

An allow-list for what a query may read from (the views, its own common table expressions, number series), a deny-list
for functions that act or that can fill the memory with one call. The engine has a second lock behind each: a read-only
transaction, locked settings, and no file outside the buffer's directory. A process of its own is the third.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb

from agent.buffer import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

LONGEST_SQL = 65_536
_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
_SHOWN = '"tables"'  # how DuckDB writes SHOW TABLES down
_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_REFUSED_FUNCTIONS = frozenset(
    {
        *("nextval", "currval", "setseed", "write_log", "pg_sleep", "sleep_ms", "error", "getvariable", "getenv"),
        *("json_execute_serialized_sql", "query", "query_table", "current_setting", "stats"),
        # one call of these can ask for gigabytes outside DuckDB's memory limit
        *("repeat", "lpad", "rpad", "range", "generate_series", "list_resize", "array_resize", "bitstring"),
    }
)
# These do so as well, but are of use: they are refused only where the agent's own memory is at stake.
_REFUSED_WITHOUT_WALL = frozenset(
    {
        *("format", "printf", "replace", "regexp_replace", "translate", "string_agg", "group_concat", "listagg"),
        *("list_reduce", "array_reduce", "reduce"),
    }
)


class RefusedQueryError(ValueError):
    """The query is not one that reads the buffer; the message says what about it."""


def check(cursor: DuckDBPyConnection, sql: str, *, walled: bool = False) -> Any:
    """Raise RefusedQueryError unless `sql` is one statement that only reads the views; return it parsed.

    `walled` is set in a process whose memory is limited from outside.
    """
    if len(sql) > LONGEST_SQL:
        raise RefusedQueryError(f"the query has {len(sql)} characters; accepted are {LONGEST_SQL}")
    tree = _parse(cursor, sql)
    refused = _REFUSED_FUNCTIONS if walled else _REFUSED_FUNCTIONS | _REFUSED_WITHOUT_WALL
    nodes = list(_walk(tree))
    own = {entry["key"].lower() for node in nodes for entry in _ctes(node)}
    for name in own:
        # Outside its own scope a name like 'core.duckdb' would be taken for a file.
        if not name.isidentifier():
            raise RefusedQueryError(f"{name!r} is no plain name for a common table expression")
    for node in nodes:
        _check_node(node, own, refused)
    return tree


def plainly(cursor: DuckDBPyConnection, sql: str) -> str:
    """Return a SELECT that was checked without comments and semicolon, so that it can stand within another."""
    return str(cursor.execute(schema.UNPARSE, [sql]).fetchall()[0][0])


def _parse(cursor: DuckDBPyConnection, sql: str) -> Any:
    try:
        statements = cursor.extract_statements(sql)
    except (duckdb.Error, ValueError) as error:
        raise RefusedQueryError(str(error)) from error
    if len(statements) != 1:
        raise RefusedQueryError(f"one SELECT at a time can be asked; this is {len(statements)} statements")
    rows = cursor.execute(schema.PARSE, [statements[0].query]).fetchall()
    tree = json.loads(rows[0][0])
    if tree["error"]:
        name = statements[0].type.name
        raise RefusedQueryError(
            f"only SELECT can be asked here, to read {_listed()}; "
            f"this is {'an' if name[0] in 'AEIOU' else 'a'} {name} statement or one that cannot be looked into"
        )
    return tree["statements"]


def _walk(tree: Any) -> Iterator[dict[str, Any]]:
    # Not recursive: a query can nest deeper than Python's stack.
    left = [tree]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            yield item
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)


def _ctes(node: dict[str, Any]) -> list[dict[str, Any]]:
    found = node.get("cte_map")
    return found["map"] if isinstance(found, dict) else []


def _check_node(node: dict[str, Any], own: set[str], refused: frozenset[str]) -> None:
    kind = node.get("type")
    body = node.get("node")
    if isinstance(body, dict) and body.get("type") not in _NODES:
        raise RefusedQueryError(f"{body.get('type')} is not a way of reading")
    if kind == "BASE_TABLE":
        _check_table(node, own)
    elif kind == "SHOW_REF":
        # With a query in it, it describes that one, which is looked at for itself.
        if not node.get("query") and node.get("table_name") != _SHOWN:
            raise RefusedQueryError(f"of what there is, SHOW TABLES can be asked, or DESCRIBE and one of {_listed()}")
    elif kind == "TABLE_FUNCTION":
        name = str(node["function"]["function_name"]).lower()
        if name not in _TABLE_FUNCTIONS:
            raise RefusedQueryError(
                f"the function {name} reads something other than the buffer; the views are {_listed()}"
            )
        # The same node appears once more below as a function, where a series of numbers is refused as a value.
        node["function"]["function_name"] = ""
    elif node.get("class") == "FUNCTION" and str(node.get("function_name")).lower() in refused:
        raise RefusedQueryError(f"the function {node['function_name']} is not available here")


def _check_table(node: dict[str, Any], own: set[str]) -> None:
    name = str(node["table_name"])
    qualified = node.get("schema_name") or node.get("catalog_name")
    if qualified or not (name.lower() in schema.VIEWS or name.lower() in own):
        full = ".".join(part for part in (node.get("catalog_name"), node.get("schema_name"), name) if part)
        raise RefusedQueryError(f"there is no table {full!r} here; the views are {_listed()}")


def _listed() -> str:
    return ", ".join(schema.VIEWS)
