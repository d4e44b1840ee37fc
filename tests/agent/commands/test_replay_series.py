from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np
from click.testing import CliRunner

from agent.cli import group

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

ROWS, SPIKE = 2_000, 1_500


def _values() -> list[float]:
    values: list[float] = np.random.default_rng(0).normal(10, 1, ROWS).round(4).tolist()
    values[SPIKE] = 60.0
    return values


def _save(path: Path, times: list[str], cells: list[str], header: str = "timestamp,cpu,other") -> Path:
    rows = [f"{time},{cell},anything" for time, cell in zip(times, cells, strict=True)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def _replay(path: Path, *options: str) -> Result:
    return CliRunner().invoke(group, ["replay", str(path), "--as", "series", *options])


def _minutes(unit: int) -> list[str]:
    return [str((1_700_000_000 + 60 * row) * unit) for row in range(ROWS)]


def test_every_row_gets_a_score_and_the_spike_is_told(tmp_path: Path) -> None:
    """The file has a header and a score a row; the terminal names time, row and shape of the episode."""
    path = _save(tmp_path / "cpu.csv", _minutes(1), [str(v) for v in _values()])
    out = tmp_path / "scores.csv"
    result = _replay(path, "--time", "timestamp", "--value", "cpu", "--scores", str(out))
    assert result.exit_code == 0, result.output
    lines = out.read_text().splitlines()
    assert (lines[0], len(lines) - 1) == ("score", ROWS)
    assert all(0.0 <= float(line) <= 1.0 for line in lines[1:])
    assert max(lines[1:], key=float) == lines[1 + SPIKE]
    assert f"2023-11-15T23:13:20Z      {SPIKE}           60" in result.stdout


def test_times_may_come_in_any_unit_and_from_parquet(tmp_path: Path) -> None:
    """ISO text, milliseconds, microseconds, nanoseconds and Parquet timestamps give the scores of seconds."""
    cells = [str(v) for v in _values()]
    files = {
        unit: _save(tmp_path / f"{unit}.csv", _minutes(unit), cells) for unit in (1, 1_000, 1_000_000, 1_000_000_000)
    }
    iso = [str(np.datetime64(1_700_000_000 + 60 * row, "s")) for row in range(ROWS)]
    paths = [*files.values(), _save(tmp_path / "iso.csv", iso, cells), tmp_path / "iso.parquet"]
    duckdb.execute(f"COPY (FROM read_csv('{tmp_path}/iso.csv')) TO '{tmp_path}/iso.parquet'")
    scores = []
    for path in paths:
        out = tmp_path / "scores.csv"
        assert _replay(path, "--time", "timestamp", "--value", "cpu", "--scores", str(out)).exit_code == 0
        scores.append(out.read_text())
    assert [scores[0]] * len(paths) == scores


def test_a_missing_column_is_named_with_what_is_there(tmp_path: Path) -> None:
    """The error names the column asked for and lists the file's columns."""
    path = _save(tmp_path / "cpu.csv", _minutes(1), [str(v) for v in _values()])
    result = _replay(path, "--time", "timestamp", "--value", "gpu")
    assert result.exit_code == 2
    assert "no column gpu; there are timestamp, cpu, other" in result.stderr


def test_missing_values_are_gaps_and_text_is_an_error(tmp_path: Path) -> None:
    """Empty and NA score 0; a cell that is no number is named with its row."""
    cells = [str(v) for v in _values()]
    cells[700], cells[701] = "", "NA"
    out = tmp_path / "scores.csv"
    path = _save(tmp_path / "gaps.csv", _minutes(1), cells)
    options = ("--time", "timestamp", "--value", "cpu", "--scores", str(out))
    assert _replay(path, *options).exit_code == 0
    assert out.read_text().splitlines()[701:703] == ["0", "0"]
    cells[702] = "fast"
    result = _replay(_save(tmp_path / "text.csv", _minutes(1), cells), *options)
    assert result.exit_code == 2
    assert "row 702, column cpu: not a number" in result.stderr


def test_options_of_one_kind_are_refused_with_the_other(tmp_path: Path) -> None:
    """--scores without --as series, and --reference with it, are usage errors that say so."""
    path = _save(tmp_path / "cpu.csv", _minutes(1), [str(v) for v in _values()])
    without = CliRunner().invoke(group, ["replay", str(path), "--scores", "x.csv"])
    assert (without.exit_code, "--scores goes with --as series" in without.stderr) == (2, True)
    with_reference = _replay(path, "--reference", "500")
    assert (with_reference.exit_code, "--reference goes with --as inferences" in with_reference.stderr) == (2, True)
