# ruff: noqa: S608  # a statement that was looked at, and names that go through `quote`
"""Makes columns such that pandas, Polars and Spark read them from Parquet alike: their types and their names.

Times become UTC microseconds (Spark reads no nanoseconds), unsigned and 128-bit numbers what holds them without loss,
durations seconds, and what only DuckDB knows becomes text. Spark refuses some characters in names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agent.buffer.columns import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_CASTS = {
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_S", "TIMESTAMP_MS"), "{}::TIMESTAMP::TIMESTAMPTZ"),
    "TIMESTAMP WITH TIME ZONE": "{}",
    "UTINYINT": "{}::SMALLINT",
    "USMALLINT": "{}::INTEGER",
    "UINTEGER": "{}::BIGINT",
    "UBIGINT": "{}::DECIMAL(20, 0)",
    **dict.fromkeys(("HUGEINT", "UHUGEINT"), "{}::DECIMAL(38, 0)"),
    "INTERVAL": "epoch({})",
    **dict.fromkeys(("TIME", "TIME_NS", "TIME WITH TIME ZONE"), "{}::TIME"),
    '"NULL"': "{}::INTEGER",
}
_ALIKE = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DATE", "VARCHAR", "BLOB"}
)
_STANDARD = ("DECIMAL(", "STRUCT(", "MAP(")
_REFUSED_BY_SPARK = re.compile(r"[ ,;{}()\n\t=.`]")  # a dot or a backtick is read, and cannot be asked for plainly


def legal_names(names: Iterable[str]) -> list[str]:
    """Give each column a name that can be read everywhere, no two of them alike without case.

    >>> legal_names(["mean score", "Mean_Score", "x"])
    ['mean_score', 'Mean_Score_2', 'x']
    """
    taken: set[str] = set()
    legal = []
    for name in names:
        base = _REFUSED_BY_SPARK.sub("_", name) or "unnamed"
        chosen, number = base, 1
        while chosen.lower() in taken:
            number += 1
            chosen = f"{base}_{number}"
        taken.add(chosen.lower())
        legal.append(chosen)
    return legal


def portable(sql: str, columns: Sequence[tuple[str, str]]) -> str:
    """Return a SELECT of what the SELECT `sql` gives, made portable; `columns` are its names and DuckDB types."""
    inner = legal_names(name for name, _ in columns)
    chosen = ", ".join(
        f"{_cast(kind).format(quote(name))} AS {quote(name)}" for name, (_, kind) in zip(inner, columns, strict=True)
    )
    # The names are given by position: a question may well give two columns the same one.
    return f"SELECT {chosen} FROM (\n{sql}\n) AS answer({', '.join(map(quote, inner))})"


def _cast(kind: str) -> str:
    known = _CASTS.get(kind)
    if known is not None:
        return known
    standard = kind in _ALIKE or kind.startswith(_STANDARD) or kind.endswith("]")
    return "{}" if standard else "{}::VARCHAR"
