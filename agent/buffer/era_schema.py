# ruff: noqa: S608  # every name that is put into a statement here is one of ours
"""SQL about eras (see `agent.buffer.eras`), and how every other statement gets times as the clock is believed now."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agent.buffer import outgoing_schema, row_schema

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

ERAS_TABLE = "eras"
ERAS = (
    "CREATE TABLE IF NOT EXISTS {db}.eras (era INTEGER, boot VARCHAR, steps BIGINT, began BIGINT, ended BIGINT, "
    "shift BIGINT)"
)
READ_ERAS = "SELECT era, boot, steps, began, ended, shift FROM {db}.eras ORDER BY era"
INSERT_ERA = "INSERT INTO {db}.eras SELECT ?, ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM {db}.eras WHERE era = ?)"
SETTLE_ERAS = (  # of steps, wall time and boot; the present era is open again, any other has ended by now
    "UPDATE {db}.eras SET shift = $1 - steps, "
    "ended = CASE WHEN steps = $1 THEN NULL ELSE coalesce(ended, $2 - $1 + steps) END WHERE boot = $3"
)
_FOLDED = "SELECT era FROM {db}.eras WHERE boot {same} ? AND era <> ?"
_MOVED = (
    "UPDATE {{db}}.{table} AS e SET time = make_timestamp_ns(epoch_ns(e.time) + o.shift) FROM {{db}}.eras AS o "
    "WHERE o.boot {{same}} ? AND o.era <> ? AND e.era = o.era AND o.shift <> 0 "
    "AND epoch_ns(e.time) BETWEEN o.began AND o.ended"
)
_DATED = ("events", *outgoing_schema.DATED)
FOLD_ERAS = (  # of this boot ({same}: =) but one, or of all other boots (<>); {into}: the era in their place
    *(_MOVED.format(table=table) for table in _DATED),
    *(f"UPDATE {{db}}.{table} SET era = {{into}} WHERE era IN ({_FOLDED})" for table in (*_DATED, "finding_history")),
    "DELETE FROM {db}.eras WHERE boot {same} ? AND era <> ?",
)
_FEW = 4  # shifts
# A list of each, whose place is the number less `below`. A join in their place takes memory for each file of a query.
_LISTS = (
    "(SELECT min(era) - 1 AS below, list(began ORDER BY era) AS began, list(ended ORDER BY era) AS ended, "
    "list(shift ORDER BY era) AS shift FROM {db}.eras) AS _eras"
)
_LOOKED_UP = (
    "{time} + CASE WHEN {time} BETWEEN _eras.began[_kept.era - _eras.below] AND _eras.ended[_kept.era - _eras.below] "
    "THEN _eras.shift[_kept.era - _eras.below] ELSE 0 END"
)


class Shift(NamedTuple):
    """Times from `began_ns` to `ended_ns` in rows of an era are off by `shift_ns` (see `agent.buffer.eras`)."""

    era: int
    began_ns: int
    ended_ns: int
    shift_ns: int


class Source(NamedTuple):
    """What the views have to know of a file. `schemas`: the numbers of its tables of rows; `tables`: their names."""

    alias: str
    schemas: Sequence[int]
    tables: Collection[str]
    shifts: tuple[Shift, ...]

    def of(self, table: str, *times: str) -> str:
        """Select everything of a table, its times as the clock is believed now; an older file knows no eras.

        Many shifts are looked up in the file, which takes as long for 250 as for 5: one after the other they would
        take .3 s for a million rows, where two take .01 s.
        """
        return self._dated(f"{self.alias}.{table}", times)

    @property
    def landed(self) -> Source:
        """The same where nothing waits for its tables of rows: to plan a question takes 5 ms for each that might."""
        crates = {row_schema.crates_of(number) for number in self.schemas}
        return self._replace(tables=[table for table in self.tables if table not in crates])

    def rows(self, number: int, *, placed: bool = False) -> str:
        """Select everything of a table of rows, what waits for it too; `placed`: with places, the times as stored."""
        crated = row_schema.crates_of(number) in self.tables
        found = row_schema.all_rows(self.alias, number, crated=crated, placed=placed)
        return found if placed else self._dated(f"({found})", ("time",))

    def _dated(self, relation: str, times: Sequence[str]) -> str:
        if ERAS_TABLE not in self.tables:
            return f"SELECT * FROM {relation}"
        if not (self.shifts and times):
            return f"SELECT * EXCLUDE (era) FROM {relation}"
        source = f"{relation} AS _kept"
        if len(self.shifts) <= _FEW:
            moved = {time: moved_ns(time, self.shifts) for time in times}
        else:
            source += f", {_LISTS.format(db=self.alias)}"
            moved = {time: _LOOKED_UP.format(time=f"epoch_ns(_kept.{time})") for time in times}
        replaced = ", ".join(f"make_timestamp_ns({moment}) AS {time}" for time, moment in moved.items())
        return f"SELECT _kept.* EXCLUDE (era) REPLACE ({replaced}) FROM {source}"


def moved_ns(time: str, shifts: Iterable[Shift]) -> str:
    """Give the nanoseconds of a time that is in a table with eras, as the clock is believed now."""
    cases = "".join(
        f" WHEN era = {era} AND epoch_ns({time}) BETWEEN {began} AND {ended} THEN epoch_ns({time}) + {shift}"
        for era, began, ended, shift in shifts
    )
    return f"CASE{cases} ELSE epoch_ns({time}) END" if cases else f"epoch_ns({time})"
