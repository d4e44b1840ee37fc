"""A CSV or Parquet file as a stream: one row an inference. For `driftline replay`.

The first row of a CSV names the columns. `prediction`, `confidence`, `latency_s` and `time` are understood, every other
column is a feature: numbers (missing where empty, NA, N/A, null or None), true/false, or text that names a category.
The file is read once into a temporary DuckDB file, so that memory stays bounded whatever its size.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Self

import duckdb
import numpy as np

from agent.model import Block, Signal, Stream
from collectors.table_header import TableError as TableError  # noqa: PLC0414  # it is this module that people use
from collectors.table_header import read_header

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

MISSING = ("", "na", "n/a", "null", "none")
MAX_CATEGORIES = 1_000  # a text column with more is an identifier, not a signal
SECOND_NS = 1_000_000_000
OUTPUTS = ("prediction", "confidence")


class Table:
    """An open file. Use as a context manager.

    Parameters
    ----------
    path
        A file that ends in .parquet or .pq, or else a CSV with a header row.
    categories
        The texts of columns by code, where another file has given them codes; texts that are new here come after.

    Raises
    ------
    TableError
        Where it is not such a file; the first thing that is wrong is named.

    """

    def __init__(self, path: Path, categories: Mapping[str, Sequence[str]] | None = None) -> None:
        self.path = path
        self.left_out: list[str] = []
        if not path.is_file():
            raise TableError(f"{path}: no such file")
        self._folder = tempfile.TemporaryDirectory(prefix="driftline-replay-")
        self._db = duckdb.connect(str(Path(self._folder.name) / "table.duckdb"), config={"memory_limit": "512MB"})
        try:
            self._columns = self._load()
            self.rows = self._count()
            self._codes = {
                name: self._categories(name, (categories or {}).get(name, ())) for name in self._text_columns()
            }
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the temporary copy."""
        self._db.close()
        self._folder.cleanup()

    @property
    def names(self) -> list[str]:
        """Features in the file's order, then `prediction`, `confidence` and `latency` where the file has them."""
        special = (*OUTPUTS, "latency_s", "time")
        features = [name for name in self._columns if name not in special and name not in self.left_out]
        latency = ["latency"] if "latency_s" in self._columns else []
        return features + [name for name in OUTPUTS if name in self._columns] + latency

    @property
    def text_names(self) -> set[str]:
        """Columns that hold text; their values are category codes, by default in the order of first appearance."""
        return set(self._codes)

    @property
    def categories(self) -> dict[str, tuple[str, ...]]:
        """The texts of those columns by code."""
        return {name: tuple(codes) for name, codes in self._codes.items()}

    @property
    def has_times(self) -> bool:
        """Whether the file says when its rows ran."""
        return "time" in self._columns

    def values(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return rows [start, stop) as float32 [n, S], columns as in `names`, NaN where missing."""
        columns = self._numbers(start, stop)
        return np.column_stack([columns["latency_s" if name == "latency" else name] for name in self.names]).astype(
            np.float32
        )

    def times(self, start: int, stop: int) -> NDArray[np.int64] | None:
        """Return when rows [start, stop) ran, in nanoseconds of UTC; None where the file does not say."""
        return self._numbers(start, stop)["time"].astype(np.int64) if self.has_times else None

    def blocks(self, signals: Sequence[Signal], start: int, size: int) -> Iterator[Block]:
        """Yield the rows from `start` on as blocks of `size`; `signals` describe the columns of `names`."""
        stream = Stream(model=self.path.stem, runtime="file")
        for first in range(start, self.rows, size):
            stop = min(first + size, self.rows)
            columns = self._numbers(first, stop)
            rows = np.arange(first, stop, dtype=np.int64)
            yield Block(
                stream=stream,
                signals=tuple(signals),
                time_ns=columns["time"].astype(np.int64) if "time" in columns else rows * SECOND_NS,
                latency_s=columns.get("latency_s", np.full(stop - first, np.nan)),
                status=np.zeros(stop - first, np.uint8),
                values=np.column_stack(
                    [columns["latency_s" if name == "latency" else name] for name in self.names]
                ).astype(np.float32),
            )

    def doubts(self) -> list[str]:
        """Say in sentences what of the file cannot be judged, or hardly."""
        said = [f"column {name} is left out: too many different texts to be a category" for name in self.left_out]
        for at, (name, kind) in enumerate(self._columns.items()):
            if name not in self._codes and name != "time" and not self._ask(f"count({_number(at, kind)})"):
                said.append(f"column {name} has no value: all its {self.rows} rows are empty")
        if self.has_times:
            at = list(self._columns).index("time")
            time = _time(at, self._columns["time"])
            steps = f"SELECT {time} AS now, lag({time}) OVER (ORDER BY rowid) AS before FROM t"  # noqa: S608  # our own names
            back = self._ask("count(*) FILTER (now < before)", steps)
            if back:
                said.append(f"column time runs backwards at {back} of {self.rows} rows; rows are taken as they stand")
        return said

    def _ask(self, what: str, table: str = "FROM t") -> int:
        return int(self._db.execute(f"SELECT {what} FROM ({table})").fetchall()[0][0])  # noqa: S608  # our own names

    def _load(self) -> dict[str, str]:
        """Copy the file into `t`, columns c0, c1, ...; return the columns' names with their SQL types."""
        if self.path.suffix.lower() in {".parquet", ".pq"}:
            source, parameters = "read_parquet(?)", [str(self.path)]
            try:
                described = self._db.execute(f"DESCRIBE SELECT * FROM {source}", parameters).fetchall()  # noqa: S608  # a constant
            except duckdb.Error as error:
                raise TableError(f"{self.path}: not a Parquet file: {_first_line(error)}") from error
            columns = {name: kind for name, kind, *_ in described}
            for name, kind in columns.items():
                if kind.startswith(("STRUCT", "MAP", "UNION", "BLOB")) or kind.endswith("]"):
                    raise TableError(f"{self.path}: column {name}: {kind} is not a number, a time or a text")
        else:
            names, delimiter = read_header(self.path)
            columns = dict.fromkeys(names, "VARCHAR")
            source = (
                "read_csv(?, auto_detect=false, header=true, columns=?, delim=?, quote='\"', escape='\"', nullstr='',"
                " max_line_size=16000000)"
            )
            parameters = [str(self.path), {f"c{i}": "VARCHAR" for i in range(len(names))}, delimiter]  # type: ignore[list-item]
        aliases = ", ".join(f"c{i}" for i in range(len(columns)))
        try:
            self._db.execute(f"CREATE TABLE t AS SELECT * FROM {source} AS s({aliases})", parameters)  # noqa: S608  # our own names
        except duckdb.Error as error:
            raise TableError(self._csv_error(error)) from error
        return columns

    def _csv_error(self, error: duckdb.Error) -> str:
        text = str(error)
        line = re.search(r"Line: (\d+)", text)
        row = f"row {int(line[1]) - 2}" if line else "somewhere"
        if found := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text):
            wanted, got = int(found[1]), int(found[2])
            where = f", column {got}" if got < wanted else ""
            return f"{self.path}: {row}{where}: {got} values where the header names {wanted} columns"
        if "unterminated quote" in text:
            return f"{self.path}: {row}: a quote is opened and not closed"
        return f"{self.path}: {row}: {_first_line(error)}"

    def _count(self) -> int:
        row = self._db.execute("SELECT count(*) FROM t").fetchall()[0]
        if not row[0]:
            raise TableError(f"{self.path}: no data rows below the header")
        return int(row[0])

    def _text_columns(self) -> list[str]:
        """Find the columns of text; a column that is partly numbers is an error at its first other cell."""
        found = []
        for at, (name, kind) in enumerate(self._columns.items()):
            if kind != "VARCHAR" or name == "time":
                continue
            filled = _filled(at)
            query = f"SELECT count(*) FILTER ({filled}), count(*) FILTER ({filled} AND {_number(at, kind)} IS NOT NULL) FROM t"  # noqa: E501, S608  # our own names
            cells, numbers = self._db.execute(query).fetchall()[0]
            if numbers == cells:
                continue
            if numbers or name in {"confidence", "latency_s"}:
                bad = (
                    f"SELECT rowid, c{at} FROM t WHERE {filled} AND {_number(at, kind)} IS NULL ORDER BY rowid LIMIT 1"  # noqa: S608  # our own names
                )
                row, cell = self._db.execute(bad).fetchall()[0]
                raise TableError(f"{self.path}: row {row}, column {name}: {str(cell)[:40]!r} is not a number")
            found.append(name)
        return found

    def _categories(self, name: str, known: Sequence[str]) -> dict[str, int]:
        at = list(self._columns).index(name)
        query = f"SELECT c{at} FROM t WHERE {_filled(at)} GROUP BY c{at} ORDER BY min(rowid) LIMIT {MAX_CATEGORIES + 1}"  # noqa: S608  # our own names
        texts = [row[0] for row in self._db.execute(query).fetchall()]
        if len(texts) > MAX_CATEGORIES:
            self.left_out.append(name)
        return {text: code for code, text in enumerate(dict.fromkeys([*known, *texts]))}

    def _numbers(self, start: int, stop: int) -> dict[str, NDArray[np.float64]]:
        """Return each column of rows [start, stop) as float64, NaN where missing; `time` in ns since the epoch."""
        wanted = [
            (at, name, kind) for at, (name, kind) in enumerate(self._columns.items()) if name not in self.left_out
        ]
        chosen = ", ".join(
            (f"c{at}" if name in self._codes else _time(at, kind) if name == "time" else _number(at, kind))
            + f" AS c{at}"
            for at, name, kind in wanted
        )
        query = f"SELECT {chosen} FROM t WHERE rowid >= {start} AND rowid < {stop} ORDER BY rowid"  # noqa: S608  # our own names
        fetched = self._db.execute(query).fetchnumpy()
        columns = {}
        for at, name, _ in wanted:
            cells = fetched[f"c{at}"]
            if name in self._codes:
                codes = self._codes[name]
                columns[name] = np.array([codes.get(cell, np.nan) for cell in np.ma.filled(cells, "")], np.float64)
            else:
                columns[name] = np.ma.filled(np.ma.asarray(cells, np.float64), np.nan)
        if "time" in columns and np.isnan(columns["time"]).any():
            row = start + int(np.flatnonzero(np.isnan(columns["time"]))[0])
            raise TableError(f"{self.path}: row {row}, column time: neither seconds since 1970 nor an ISO 8601 time")
        return columns


def _filled(at: int) -> str:
    return f"c{at} IS NOT NULL AND lower(trim(c{at})) NOT IN {MISSING}"


def _number(at: int, kind: str) -> str:
    if kind != "VARCHAR":
        return f"TRY_CAST(c{at} AS DOUBLE)"
    return f"TRY_CAST(CASE lower(trim(c{at})) WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE c{at} END AS DOUBLE)"


def _time(at: int, kind: str) -> str:
    """Give SQL for nanoseconds since the epoch, of a number of seconds or of a time."""
    seconds = f"TRY_CAST(c{at} AS DOUBLE)" if not kind.startswith("TIMESTAMP") else "NULL"
    return f"coalesce({seconds} * 1e9, epoch_us(TRY_CAST(c{at} AS TIMESTAMPTZ)) * 1e3)"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
