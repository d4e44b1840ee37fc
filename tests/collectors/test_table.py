from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pytest

from agent.model import Signal
from collectors.table import Table, TableError

if TYPE_CHECKING:
    from pathlib import Path


def _write(tmp_path: Path, text: str, name: str = "rows.csv") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(TableError) as caught, Table(path) as table:
        list(table.blocks([Signal(name, "input") for name in table.names], 0, 100))
    return str(caught.value).removeprefix(f"{path}: ")


def test_special_columns_stand_last_and_in_order(tmp_path: Path) -> None:
    """Features keep the file's order; outputs and latency follow; time is no signal."""
    path = _write(tmp_path, "time,confidence,a,latency_s,prediction,b\n1.5,.9,1,0.01,3,2\n")
    with Table(path) as table:
        assert table.names == ["a", "b", "prediction", "confidence", "latency"]
        block = next(table.blocks([Signal(name, "input") for name in table.names], 0, 10))
    assert block.values.tolist() == [[1, 2, 3, np.float32(0.9), np.float32(0.01)]]
    assert (block.time_ns.tolist(), block.latency_s.tolist()) == ([1_500_000_000], [0.01])


@pytest.mark.parametrize("empty", ["", "NA", "n/a", "null", "None", "nan"])
def test_missing_values_are_nan(tmp_path: Path, empty: str) -> None:
    """The usual spellings of missing are missing, not errors."""
    with Table(_write(tmp_path, f"a,b\n1,{empty}\n{empty},4\n")) as table:
        assert np.isnan(table.values(0, 2)).tolist() == [[False, True], [True, False]]


def test_text_is_a_category(tmp_path: Path) -> None:
    """Text becomes codes in the order of first appearance; true and false are numbers."""
    with Table(_write(tmp_path, "shape,on\nround,true\nsquare,False\nround,TRUE\n")) as table:
        assert table.text_names == {"shape"}
        assert table.values(0, 3).tolist() == [[0, 1], [1, 0], [0, 1]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_read_off_the_header(tmp_path: Path, delimiter: str) -> None:
    """Spreadsheets of all countries can be read."""
    with Table(_write(tmp_path, f"a{delimiter}b\n1{delimiter}2\n")) as table:
        assert table.values(0, 1).tolist() == [[1, 2]]


def test_parquet_gives_what_csv_gives(tmp_path: Path) -> None:
    """Both formats are read alike, times too."""
    parquet = tmp_path / "rows.parquet"
    row = "SELECT TIMESTAMP '2024-01-01' AS time, 1.5 AS a, 2 AS prediction"
    duckdb.execute(f"COPY ({row}) TO '{parquet}'")
    text = _write(tmp_path, "time,a,prediction\n2024-01-01T00:00:00Z,1.5,2\n")
    with Table(parquet) as one, Table(text) as other:
        signals = [Signal(name, "input") for name in one.names]
        left, right = next(one.blocks(signals, 0, 10)), next(other.blocks(signals, 0, 10))
    assert (left.values.tolist(), left.time_ns.tolist()) == (right.values.tolist(), right.time_ns.tolist())
    assert left.time_ns.tolist() == [1_704_067_200_000_000_000]


def test_blocks_cover_every_row_once(tmp_path: Path) -> None:
    """Blocks are consecutive and complete, from the row that was asked for."""
    path = _write(tmp_path, "a\n" + "".join(f"{i}\n" for i in range(25)))
    with Table(path) as table:
        blocks = [block.values[:, 0].tolist() for block in table.blocks([Signal("a", "input")], 5, 8)]
    assert [value for block in blocks for value in block] == list(range(5, 25))
    assert [len(block) for block in blocks] == [8, 8, 4]


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("a,b\n1,2\n3,x\n", "row 1, column b: 'x' is not a number"),
        ("a,b\n1,2\n3\n", "row 1, column 1: 1 values where the header names 2 columns"),
        ("a,b\n1,2\n3,4,5\n", "row 1: 3 values where the header names 2 columns"),
        ('a,b\n1,"2\n3,4\n', "row 0: a quote is opened and not closed"),
        ("a,a\n1,2\n", "header: two columns are named a"),
        ("a,,b\n1,2,3\n", "header: column 1 has no name"),
        ("a,b\n", "no data rows below the header"),
        ("", "the file is empty; the first row must name the columns"),
        ("time,a\nyesterday,1\n", "row 0, column time: neither seconds since 1970 nor an ISO 8601 time"),
        ("confidence\nhigh\n", "row 0, column confidence: 'high' is not a number"),
    ],
)
def test_a_bad_file_is_refused_with_row_and_column(tmp_path: Path, text: str, refusal: str) -> None:
    """One clear line names what is wrong and where."""
    assert _refusal(_write(tmp_path, text)) == refusal


def test_binary_rubbish_is_refused(tmp_path: Path) -> None:
    """A file that is no text says so."""
    path = tmp_path / "rows.csv"
    path.write_bytes(bytes(range(128, 256)) * 10)
    assert _refusal(path).startswith("row 0: not a text file in UTF-8")


def test_a_file_that_only_claims_to_be_parquet_is_refused(tmp_path: Path) -> None:
    """The suffix is believed, the content is checked."""
    assert _refusal(_write(tmp_path, "a,b\n1,2\n", "rows.parquet")).startswith("not a Parquet file")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """No such file."""
    assert _refusal(tmp_path / "nothing.csv") == "no such file"


def test_a_column_of_identifiers_is_left_out(tmp_path: Path) -> None:
    """Text with a thousand different values is no category; it is left out and named."""
    path = _write(tmp_path, "serial,a\n" + "".join(f"S{i},{i}\n" for i in range(1_500)))
    with Table(path) as table:
        assert (table.left_out, table.names) == (["serial"], ["a"])


def test_a_first_row_of_numbers_is_no_header(tmp_path: Path) -> None:
    """A file without a header would lose its first row, and be reported by columns called 20.5."""
    file = tmp_path / "bare.csv"
    file.write_text("20.5,3,0.9\n20.6,4,0.8\n")
    with pytest.raises(TableError, match="the first row is numbers"):
        Table(file)
    file.write_text("0,1,2\n20.6,4,0.8\n")
    with Table(file) as table:
        assert table.names == ["0", "1", "2"]
