"""From signal names, which are the user's own text, to column names that DuckDB keeps apart.

A column is called what the signal is called wherever that is possible. Names are compared without case, as DuckDB does.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from agent.buffer.text import storable

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 120
RESERVED = frozenset(
    {
        *("time", "stream", "latency_s", "status", "model", "version", "sha256", "runtime", "provider", "pid", "rowid"),
        *("inference_id", "weight", "era"),
    }
)


def column_names(names: Iterable[str]) -> tuple[str, ...]:
    """Give each signal a column name of its own, in order; the same names always give the same columns.

    >>> column_names(["x", "X", "time", ""])
    ('x', 'X_2', 'time_2', 'unnamed')
    """
    taken = set(RESERVED)
    columns = []
    for name in names:
        base = _writable(name)
        column, number = base, 1
        while column.lower() in taken:
            number += 1
            column = f"{base}_{number}"
        taken.add(column.lower())
        columns.append(column)
    return tuple(columns)


def quote(name: str) -> str:
    """Quote an identifier for SQL, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'


def _writable(name: str) -> str:
    text = storable(name).replace("\0", "?")  # a NUL would end the statement
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}~{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return text or "unnamed"
