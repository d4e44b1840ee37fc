"""Two columns of a CSV or Parquet file as a series: a time and a value a row. For `driftline replay --as series`.

Times are ISO 8601 (without an offset they count as UTC), or numbers: seconds, milliseconds, microseconds or nanoseconds
since 1970, told apart by their size. Other columns are not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from collectors.table import MISSING, Table, TableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CHUNK_ROWS = 65_536
# seconds are below this until the year 5138, milliseconds above it from 1973 on, and so on by thousands
LARGEST_SECONDS = 1e11
STEP = 1_000.0


class SeriesFile(Table):
    """An open file of which one column is a time and one a number. Use as a context manager; raises TableError."""

    def points(self, time: str, value: str) -> Iterator[tuple[float, float]]:
        """Yield seconds since 1970 and the value of each row, NaN where it is missing.

        Raises TableError for a column that is not there, and at the first cell that is no time or no number.
        """
        when, what = self._position(time), self._position(value)
        seconds = self._seconds_sql(time, when)
        for start in range(0, self.rows, CHUNK_ROWS):
            filled = f"c{what} IS NOT NULL AND lower(trim(c{what}::VARCHAR)) NOT IN {(*MISSING, 'nan')}"
            query = (
                f"SELECT {seconds} AS t, TRY_CAST(c{what} AS DOUBLE) AS v, {filled} AS filled FROM t"  # noqa: S608  # our own names
                f" WHERE rowid >= {start} AND rowid < {start + CHUNK_ROWS} ORDER BY rowid"
            )
            cells = self._db.execute(query).fetchnumpy()
            times, values = _floats(cells["t"]), _floats(cells["v"])
            self._refuse(np.isnan(times), time, start, "neither a number of seconds nor an ISO 8601 time")
            self._refuse(np.isnan(values) & np.asarray(cells["filled"], bool), value, start, "not a number")
            yield from zip(times.tolist(), values.tolist(), strict=True)

    def _text_columns(self) -> list[str]:
        return []  # columns that are not asked for may hold anything

    def _position(self, name: str) -> int:
        if name not in self._columns:
            raise TableError(f"{self.path}: no column {name}; there are {', '.join(self._columns)}")
        return list(self._columns).index(name)

    def _seconds_sql(self, name: str, at: int) -> str:
        """Give SQL for seconds since the epoch; the unit of numbers follows from the largest."""
        if self._columns[name].startswith(("TIMESTAMP", "DATE")):
            return f"epoch_us(c{at}::TIMESTAMP) / 1e6"
        largest = self._db.execute(f"SELECT max(abs(TRY_CAST(c{at} AS DOUBLE))) FROM t").fetchall()[0][0]  # noqa: S608  # our own names
        unit = 1.0
        while largest is not None and largest / unit > LARGEST_SECONDS and unit < STEP**3:
            unit *= STEP
        if self._columns[name] != "VARCHAR":
            return f"TRY_CAST(c{at} AS DOUBLE) / {unit}"
        return f"coalesce(TRY_CAST(c{at} AS DOUBLE) / {unit}, epoch_us(TRY_CAST(c{at} AS TIMESTAMP)) / 1e6)"

    def _refuse(self, bad: NDArray[np.bool_], name: str, start: int, why: str) -> None:
        if bad.any():
            raise TableError(f"{self.path}: row {start + int(bad.argmax())}, column {name}: {why}")


def _floats(cells: object) -> NDArray[np.float64]:
    return np.ma.filled(np.ma.asarray(cells, np.float64), np.nan)
