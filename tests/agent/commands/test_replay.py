from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner

from agent.cli import group

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ROWS, ONSET = 12_000, 8_000
HEADER = "temperature,pressure,prediction,confidence,latency_s"


def _stream(seed: int = 0) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    return np.column_stack(
        [
            random.normal(20, 2, ROWS),
            random.normal(5, 1, ROWS),
            random.integers(0, 4, ROWS),
            random.uniform(0.8, 1, ROWS),
            random.uniform(0.004, 0.005, ROWS),
        ]
    )


def _save(path: Path, rows: NDArray[np.float64], header: str = HEADER) -> Path:
    np.savetxt(path, rows, delimiter=",", header=header, comments="", fmt="%.6g")
    return path


def _replay(path: Path, *options: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(group, ["replay", str(path), *options])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_calm_file_has_no_finding(tmp_path: Path) -> None:
    """No change, no word."""
    assert _replay(_save(tmp_path / "calm.csv", _stream())) == []


def test_a_shifted_column_is_found_named_and_dated(tmp_path: Path) -> None:
    """One finding, its rows counted as in the file, the onset within a hundred rows of the truth."""
    rows = _stream()
    rows[ONSET:, 0] += 3
    (finding,) = _replay(_save(tmp_path / "shift.csv", rows))
    assert finding["kind"] == "input_shift"
    assert [signal["name"] for signal in finding["signals"]] == ["temperature"]
    assert finding["cause"].startswith("sensor: ")
    assert ONSET <= finding["row"] < ONSET + 200
    assert abs(finding["onset_row"] - ONSET) < 100


def test_slow_inferences_are_a_finding_of_their_own(tmp_path: Path) -> None:
    """latency_s is judged as latency, not as a feature."""
    rows = _stream()
    rows[ONSET:, 4] += 0.05
    (finding,) = _replay(_save(tmp_path / "slow.csv", rows))
    assert (finding["kind"], finding["cause"].split(":")[0]) == ("slow", "device")


def test_a_stuck_column_is_found(tmp_path: Path) -> None:
    """A sensor that repeats one value is named."""
    rows = _stream()
    rows[ONSET:, 1] = rows[ONSET, 1]
    (finding,) = _replay(_save(tmp_path / "stuck.csv", rows))
    assert "pressure" in [signal["name"] for signal in finding["signals"]]
    assert finding["cause"].startswith("sensor: ")


def test_what_is_doubtful_about_the_reference_is_said(tmp_path: Path) -> None:
    """On stderr, once, in words; a reference that is long enough for what it holds has nothing to say."""
    calm = _save(tmp_path / "calm.csv", _stream())
    short = CliRunner().invoke(group, ["replay", str(calm), "--reference", "300"])
    assert "driftline: the reference was learned from only 300 inferences" in short.stderr
    assert "the reference" not in CliRunner().invoke(group, ["replay", str(calm), "--reference", "2000"]).stderr


def test_the_reference_may_be_another_file(tmp_path: Path) -> None:
    """Then every row is judged, from row 0."""
    rows = _stream(1)
    rows[:, 0] += 3
    good, bad = _save(tmp_path / "good.csv", _stream()), _save(tmp_path / "bad.csv", rows)
    (finding,) = _replay(bad, "--reference", str(good))
    assert finding["row"] < 200
    assert finding["onset_row"] < 100


def test_a_larger_budget_needs_more_evidence(tmp_path: Path) -> None:
    """--alarms-per moves the threshold: fewer false alarms, later true ones."""
    rows = _stream()
    rows[ONSET:, 0] += 0.5
    path = _save(tmp_path / "small.csv", rows)
    (early,), (late,) = _replay(path, "--alarms-per", "1e5"), _replay(path, "--alarms-per", "1e12")
    assert early["row"] < late["row"]


def test_parquet_gives_the_same_findings(tmp_path: Path) -> None:
    """The format makes no difference."""
    rows = _stream()
    rows[ONSET:, 0] += 3
    path = _save(tmp_path / "shift.csv", rows)
    duckdb.execute(f"COPY (FROM '{path}') TO '{tmp_path / 'shift.parquet'}'")
    assert _replay(tmp_path / "shift.parquet") == _replay(path)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,b\n1,2\n3,x\n", (), "row 1, column b: 'x' is not a number"),
        ("a,b\n1,2\n3\n", (), "row 1, column 1: 1 values where the header names 2 columns"),
        ("a\n1\n2\n", (), "500 rows of reference leave none of its 2 rows to judge; --reference N takes fewer"),
        ("a\n1\n2\n3\n", ("--reference", "2"), "a reference needs at least 20 rows"),
        ("a\n1\n", ("--reference", "nothing.csv"), "nothing.csv: no such file"),
    ],
)
def test_a_file_that_cannot_be_judged_is_one_clear_line(
    tmp_path: Path, text: str, options: tuple[str, ...], message: str
) -> None:
    """Exit 2, one line on stderr that names the place, nothing on stdout."""
    path = tmp_path / "bad.csv"
    path.write_text(text)
    result = CliRunner().invoke(group, ["replay", str(path), *options])
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert message in result.stderr


def test_a_reference_without_a_column_names_it(tmp_path: Path) -> None:
    """Two files that do not belong together."""
    path = _save(tmp_path / "new.csv", _stream())
    other = _save(tmp_path / "old.csv", _stream()[:, :4], HEADER.removesuffix(",latency_s"))
    result = CliRunner().invoke(group, ["replay", str(path), "--reference", str(other)])
    assert (result.exit_code, "column latency of" in result.stderr) == (2, True)


def test_a_daily_rhythm_is_learned_from_the_time_column(tmp_path: Path) -> None:
    """Four days with times are told as a known rhythm; the same file without times needs a day to be a block."""
    seconds = np.arange(6 * 720) * 120.0 + 1_790_000_000
    heat = 20 + 3 * np.sin(2 * np.pi * seconds / 86_400) + np.random.default_rng(0).normal(size=len(seconds))
    heat[5 * 720 :] += 3
    rows = np.column_stack([seconds, heat])
    dated = tmp_path / "dated.csv"
    np.savetxt(dated, rows, delimiter=",", header="time,heat", comments="", fmt="%.9g,%.6g")
    said = CliRunner().invoke(group, ["replay", str(dated), "--reference", str(4 * 720)])
    assert "the reference knows the daily rhythm of heat from 4 days" in said.stderr
    (finding,) = (json.loads(line) for line in said.stdout.splitlines())
    assert 5 * 720 <= finding["row"] < 6 * 720
    undated = CliRunner().invoke(
        group, ["replay", str(_save(tmp_path / "undated.csv", rows[:, 1:], "heat")), "--reference", str(4 * 720)]
    )
    assert "rhythm" not in undated.stderr
    assert undated.stdout == ""


def _modes(path: Path, parts: tuple[tuple[int, dict[str, float]], ...]) -> Path:
    """A file of one column of text and one of numbers, each part with its own mix of texts."""
    random = np.random.default_rng(5)
    lines = ["mode,heat"]
    for rows, mix in parts:
        texts = random.choice(list(mix), rows, p=list(mix.values()))
        lines += [f"{text},{heat:.4f}" for text, heat in zip(texts, random.normal(size=rows), strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_category_is_told_by_its_text(tmp_path: Path) -> None:
    """The sentence says the word that the file has, not the number that it was given."""
    usual, other = {"idle": 0.7, "run": 0.3}, {"idle": 0.3, "run": 0.3, "jammed": 0.4}
    (finding,) = _replay(_modes(tmp_path / "modes.csv", ((6_000, usual), (3_000, other))), "--reference", "3000")
    assert "jammed" in finding["sentence"]


def test_texts_mean_the_same_in_the_file_of_reference_rows(tmp_path: Path) -> None:
    """Two files whose texts first appear in another order are no change."""
    learned = _modes(tmp_path / "learned.csv", ((1, {"idle": 1.0}), (3_000, {"idle": 0.7, "run": 0.3})))
    judged = _modes(tmp_path / "judged.csv", ((1, {"run": 1.0}), (6_000, {"idle": 0.7, "run": 0.3})))
    assert _replay(judged, "--reference", str(learned)) == []


def test_what_cannot_be_judged_is_said(tmp_path: Path) -> None:
    """An empty column and a clock that runs backwards are named, with how many rows."""
    random = np.random.default_rng(2)
    lines = [f"{1000 + row - 50 * (row == 1500)},,{random.normal():.4f}" for row in range(2_000)]
    path = tmp_path / "doubtful.csv"
    path.write_text("\n".join(["time,gone,heat", *lines]) + "\n")
    result = CliRunner().invoke(group, ["replay", str(path)])
    assert "column gone has no value: all its 2000 rows are empty" in result.stderr
    assert "column time runs backwards at 1 of 2000 rows" in result.stderr
