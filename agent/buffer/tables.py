"""What every file of the buffer begins with: its tables and its version, and the identities that it knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer import schema
from agent.buffer.errors import CorruptError, SchemaTooNewError
from agent.model import Stream

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent.buffer.engine import Engine


def prepare_tables(
    engine: Engine, alias: str, tables: Iterable[str], path: Path | None, rows: Iterable[schema.Statement] = (),
    newest: int = schema.VERSION,
) -> tuple[int, frozenset[str]]:  # fmt: skip
    """Make the tables of a new file and its first `rows`; return the version of the file and the names of its tables.

    It is one transaction: of a file that needs several, a disk that refuses every other one would never take all.
    Raises SchemaTooNewError for one of a later version, CorruptError for one without.
    """
    names = _tables(engine, alias)
    if not names:
        engine.begin()
        for table in tables:
            engine.run(table.format(db=alias))
        engine.run(schema.WRITE_META.format(db=alias), ["schema_version", str(newest)])
        for sql, values in rows:
            engine.run(sql, values)
        engine.commit()
        names = _tables(engine, alias)
    found = engine.run(schema.READ_VERSION.format(db=alias))
    if len(found) != 1 or not str(found[0][0]).isdigit():
        raise CorruptError("it has no schema version")
    if path is not None and int(found[0][0]) > newest:
        raise SchemaTooNewError(path, found[0][0], str(newest))
    return int(found[0][0]), names


def _tables(engine: Engine, alias: str) -> frozenset[str]:
    return frozenset(name for (name,) in engine.run(schema.READ_TABLES, [alias]))


def read_streams(engine: Engine, alias: str) -> dict[Stream, int]:
    """Return the numbers of the identities that a file knows."""
    return {
        Stream(model=model, version=version, sha256=sha256, runtime=runtime, provider=provider, pid=pid): number
        for number, model, version, sha256, runtime, provider, pid in engine.run(schema.READ_STREAMS.format(db=alias))
    }
