# ruff: noqa: S608  # every name that is put into a statement here is one of ours
"""What a segment knows besides its rows, read from a long log in a fraction of the time that replaying it takes.

Nearly all of a log are the rows themselves. Without them it is a log of some hundred kilobytes, which says which
batches were committed, how far their sources were read, and who the streams are: all that a start has to know. It is
replayed over a second name of the file, read-only, and what comes of it is kept in memory in the segment's place until
the segment itself is back (`agent.buffer.returning`). The file and its log are not touched.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from agent.buffer import schema
from agent.buffer.config import MIB
from agent.buffer.folders import wal_of
from agent.buffer.halfway import clear_traces
from agent.buffer.wal import skim

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer.engine import Engine
    from agent.buffer.rehearsal import Rehearsal
    from agent.buffer.segment import Segment

_LEAN = "lean"
_USE_TABLE, _INSERT, _DELETE, _UPDATE, _ROW_GROUP = 0x19, 0x1A, 0x1B, 0x1C, 0x1D  # kinds of entries, DuckDB 2.0
_BULKY = re.compile(
    rb"d\0\x19g\0d\0\x02\x04main[\x01-\x7f](?:(?:rows|crates)_\d+|readings|answers|summary_signals)\xff"
)
_MOST_BYTES = 8 * MIB  # what is left of a log that is not one of rows is no faster to read
_EMPTY = re.compile(r"(?:rows|crates)_\d+|readings|answers|summary_signals")
# Of these the newest are all that a start asks for: labels that are learned from again, the number of the last summary.
_MOST_KEPT = {"labels": 50_000, "summaries": 1_000}
_SPAN = "SELECT strftime(min(written), '%Y-%m-%d %H:%M'), strftime(max(written), '%Y-%m-%d %H:%M') FROM {db}.batches"


def stand_in(engine: Engine, segment: Segment, rehearsal: Rehearsal, *, folding: bool) -> None:
    """Attach under the name of `segment` what is known of it without its rows, and load it.

    Its log is sound; `folding`: it tells of a checkpoint that was cut off. Raises duckdb.Error, CorruptError, OSError,
    ValueError where that is not possible; the segment can then only be opened as it is.
    """
    assert segment.path
    link = segment.path.with_name(segment.path.name + ".tmp")
    try:
        # DuckDB follows symbolic links to the file's own log.
        os.link(segment.path, link)
        write_lean(wal_of(segment.path), wal_of(link))
        if folding:
            clear_traces(segment.path, lambda: rehearsal.metadata(link, _LEAN))
        _rehearse(rehearsal, link)
        engine.run(schema.attach(str(link), _LEAN, read_only=True))
        engine.run(schema.attach(":memory:", segment.alias))
        for (table,) in engine.run(schema.READ_TABLES, [_LEAN]):
            engine.run(f"CREATE TABLE {segment.alias}.{table} AS FROM {_LEAN}.{table} {_part(table)}")
        segment.load(engine)
        since, until = engine.run(_SPAN.format(db=segment.alias))[0]
        segment.awaited = (
            f"{since} to {until[-5:] if until[:10] == since[:10] else until} UTC" if since else "an unknown time"
        )
        segment.expected = True
    except BaseException:
        engine.rollback()
        engine.run(schema.detach(segment.alias))
        raise
    finally:
        engine.run(schema.detach(_LEAN))
        for path in (wal_of(link), link):
            path.unlink(missing_ok=True)


def _rehearse(rehearsal: Rehearsal, link: Path) -> None:
    if why := rehearsal.replay(link, _LEAN, read_only=True):
        raise ValueError(why)


def write_lean(wal: Path, target: Path) -> None:
    """Copy a sound log without what it inserts into the tables of rows. Raises OSError, ValueError."""
    with wal.open("rb", 0) as file, target.open("xb") as lean:
        bulky = False
        for at, end, head in skim(file):
            kind = head[2] if head else 0
            if kind == _USE_TABLE:
                bulky = bool(_BULKY.match(head))
            elif bulky and kind in {_DELETE, _UPDATE}:
                raise ValueError(f"{wal.name} changes rows")
            if not (bulky and kind in {_INSERT, _ROW_GROUP}):
                lean.write(os.pread(file.fileno(), end - at, at))
                if lean.tell() > _MOST_BYTES:
                    raise ValueError(f"{wal.name} is not one of rows")


def _part(table: str) -> str:
    if _EMPTY.fullmatch(table):
        return "LIMIT 0"
    if table in _MOST_KEPT:
        return f"WHERE rowid > (SELECT max(rowid) FROM {_LEAN}.{table}) - {_MOST_KEPT[table]}"
    return ""
