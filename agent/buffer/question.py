"""What is asked of a buffer in a process of its own."""

from __future__ import annotations

from typing import Literal

import msgspec

Form = Literal["rows", "parquet", "csv", "tables"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question.

    directory: the buffer's. beside: whether the agent that writes it is running. last_attempt: files that cannot be
    opened are left out rather than tried again. form: `rows` gives a QueryResult as JSON, `parquet` and `csv` a
    file, `tables` what can be exported. awaited: files that are left out, and what to say of each. sql: the SELECT,
    or empty where a `table` is exported from `since_ns` on.
    """

    directory: str
    beside: bool
    form: Form = "rows"
    sql: str = ""
    table: str = ""
    since_ns: int = 0
    row_limit: int = 1_000
    time_limit_s: float = 10.0
    last_attempt: bool = False
    awaited: dict[str, str] = {}
    memory_mib: int = 256
    duckdb_memory_mib: int = 48
