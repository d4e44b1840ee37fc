"""`driftline export` and Parquet from `driftline query`, read back with what its users read it with."""

from __future__ import annotations

import json
import stat
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from agent.buffer.asking import Asking
from agent.buffer.sharing import Sharing
from agent.cli import group
from agent.commands import extracting
from tests.agent.buffer.blocks import DAY_NS, NOW_NS, make_block, make_finding, make_reading, opened
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.frames import Verdict

LARGE_ID = 2**64 - 2
# What Spark 3.5 reads: these types, and names without what it refuses.
SPARK_TYPES = {
    "bool", "int8", "int16", "int32", "int64", "float", "double", "string", "binary", "date32[day]",
    "timestamp[us, tz=UTC]", "decimal128(20, 0)",
}  # fmt: skip


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The buffer of a stopped agent: two sets of signals, rows of two days, an id that fits into no double."""
    folder = tmp_path_factory.mktemp("export")
    with opened(folder / "state") as buffer:
        block = make_block(100, names=["mean score", "Mean_Score", "x;y"])
        ids = np.zeros(100, np.uint64)
        ids[7] = LARGE_ID
        object.__setattr__(block, "ids", ids)
        buffer.append([block, make_block(10, time_ns=NOW_NS - 2 * DAY_NS)], [make_reading()])
        buffer.save_finding(make_finding())
        buffer.add_event("repair", "buffer", "a sentence")
        buffer.commit()
    return folder / "state"


def _run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(group, [str(each) for each in arguments])
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def exported(state: Path) -> Path:
    """Everything in it, as Parquet."""
    folder = state.parent / "out"
    code, output = _run("export", "--to", folder, "--state", state)
    assert (code, "inferences-1.parquet" in output) == (0, True), output
    return folder


def test_each_table_is_a_file_that_pandas_reads(exported: Path) -> None:
    """Times are UTC, numbers what they were, and an id keeps all its digits."""
    rows = pd.read_parquet(exported / "inferences-1.parquet")
    assert (len(rows), str(rows["time"].dtype)) == (100, "datetime64[us, UTC]")
    assert rows["mean_score"].tolist() == [float(at) for at in range(100)]
    assert (int(rows["inference_id"][7]), rows["inference_id"].isna().sum()) == (LARGE_ID, 99)
    assert rows[["model", "version", "status"]].drop_duplicates().to_numpy().tolist() == [["meter-reader", "3", 0]]
    assert pd.read_parquet(exported / "inferences-2.parquet")["brightness"].sum() == 45.0
    assert pd.read_parquet(exported / "readings.parquet")["value"].tolist() == [41.5]
    assert pd.read_parquet(exported / "findings.parquet")["sentence"].tolist() == [
        "The images are darker than they were."
    ]
    assert "a sentence" in pd.read_parquet(exported / "events.parquet")["detail"].tolist()


def test_spark_has_a_type_and_a_name_for_every_column(exported: Path) -> None:
    """No nanoseconds, nothing unsigned, nothing that only DuckDB knows, no character that Spark refuses."""
    schemas = [pq.read_schema(path) for path in sorted(exported.glob("*.parquet"))]
    assert {str(field.type) for schema in schemas for field in schema} - SPARK_TYPES == set()
    names = [field.name for schema in schemas for field in schema]
    assert [name for name in names if set(name) & set(" ,;{}()\n\t=.`")] == []
    assert schemas[[p.name for p in sorted(exported.glob("*.parquet"))].index("inferences-1.parquet")].names[4:7] == [
        "mean_score", "Mean_Score_2", "x_y",
    ]  # fmt: skip


def test_the_manifest_names_the_signals_as_the_service_did(exported: Path) -> None:
    """And every file with its rows and bytes."""
    manifest = json.loads((exported / "manifest.json").read_text())
    by_name = {each["file"]: each for each in manifest["files"]}
    assert {name: (exported / name).stat().st_size for name in by_name} == {n: f["bytes"] for n, f in by_name.items()}
    assert [column.get("signal") for column in by_name["inferences-1.parquet"]["columns"][4:7]] == [
        "mean score", "Mean_Score", "x;y",
    ]  # fmt: skip
    assert by_name["inferences-1.parquet"]["rows"] == 100


def test_only_the_group_may_read_what_may_be_about_persons(exported: Path) -> None:
    """Whatever the umask is."""
    assert {stat.S_IMODE(path.stat().st_mode) & ~0o640 for path in exported.iterdir()} == {0}
    assert stat.S_IMODE(exported.stat().st_mode) & ~0o750 == 0


def test_an_earlier_export_is_not_written_over_by_accident(exported: Path, state: Path) -> None:
    """--force does it on purpose."""
    code, output = _run("export", "--to", exported, "--state", state)
    assert (code, "--force to write over it" in output) == (1, True)


def test_since_leaves_out_what_is_older(state: Path, tmp_path: Path) -> None:
    """Rows by their time, findings by their last change; a set of signals without rows has no file."""
    since = "2026-11-18T00:00:00Z"
    assert _run("export", "--to", tmp_path / "new", "--state", state, "--since", since, "--format", "csv")[0] == 0
    rows = pd.read_csv(tmp_path / "new" / "inferences-1.csv", parse_dates=["time"])
    assert (len(rows), str(rows["time"].dt.tz)) == (100, "UTC")
    assert not (tmp_path / "new" / "inferences-2.csv").exists()
    assert json.loads((tmp_path / "new" / "manifest.json").read_text())["since"] == since


def test_a_broken_answer_leaves_nothing_behind(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file has its name only when it is whole; the manifest comes last."""
    whole = extracting.Extractor._pieces

    def cut(self: extracting.Extractor, request: dict[str, Any]) -> Iterator[bytes | Verdict]:
        pieces = whole(self, request)
        yield next(pieces)
        if request.get("table", "").startswith("inferences"):
            return
        yield from pieces

    monkeypatch.setattr(extracting.Extractor, "_pieces", cut)
    code, output = _run("export", "--to", tmp_path / "out", "--state", state)
    assert (code, "cut off" in output) == (1, True)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_directory_without_a_buffer_is_one_line(tmp_path: Path) -> None:
    """Exit 1, and the directory is named."""
    code, output = _run("export", "--to", tmp_path / "out", "--state", tmp_path)
    assert (code, output) == (1, f"driftline: {tmp_path} holds no data of an agent\n")


def test_a_span_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    """It says what is accepted."""
    code, output = _run("export", "--to", tmp_path / "out", "--state", tmp_path, "--since", "yesterday")
    assert (code, "accepted are a span such as 90m" in output) == (2, True)


def test_an_answer_is_written_as_parquet(state: Path, tmp_path: Path) -> None:
    """In its order, within the limit, with types that are read everywhere; two columns of one name stay two."""
    sql = (
        "SELECT brightness, brightness, count(*) AS n, sum(status) FROM inferences GROUP BY ALL ORDER BY 1 DESC; -- end"
    )
    target = tmp_path / "answer.parquet"
    code, output = _run("query", sql, "--state", state, "--format", "parquet", "--output", target, "--limit", 4)
    table = pq.read_table(target)
    assert (code, output) == (0, "driftline: only the first 4 rows; --limit gives more\n")
    assert table.column_names == ["brightness", "brightness_1", "n", "sum_status_"]
    assert table.column("brightness").to_pylist() == [9.0, 8.0, 7.0, 6.0]
    assert table.schema.field("sum_status_").type == pa.decimal128(38, 0)


def test_a_refused_question_writes_no_file(state: Path, tmp_path: Path) -> None:
    """Nor one that is half there."""
    target = tmp_path / "answer.parquet"
    code, output = _run("query", "DELETE FROM labels", "--state", state, "--format", "parquet", "--output", target)
    assert (code, "only SELECT" in output, list(tmp_path.iterdir())) == (1, True, [])


@pytest.mark.skipif(not Sharing.possible(), reason="needs /proc")
def test_rows_that_come_meanwhile_are_neither_torn_nor_doubled(tmp_path: Path) -> None:
    """An export beside the writer holds what had been committed at one moment: every row once, none left out."""
    names = [f"s{at}" for at in range(8)]
    with opened(tmp_path / "state") as buffer:
        asking, done = Asking(buffer), threading.Event()
        buffer.append([make_block(20_000, names=names)], [])
        buffer.commit()

        def write() -> None:
            first = 20_000
            while not done.is_set():
                buffer.append([make_block(500, first=first, names=names)], [])
                buffer.commit()
                first += 500
                done.wait(0.02)  # 25,000 rows a second: what rewrites the file every second cannot be read beside it

        writer = threading.Thread(target=write)
        writer.start()
        try:
            wait_until(lambda: buffer.status().rows > 21_000, "rows are written")
            tables, _ = asking.stream("tables", time_limit_s=60.0)
            assert isinstance(tables, bytes)
            (key,) = [table["key"] for table in json.loads(tables) if table["name"] == "inferences"]
            *pieces, verdict = asking.stream("parquet", table=key, time_limit_s=60.0)
        finally:
            done.set()
            writer.join()
    assert not isinstance(verdict, bytes)
    assert verdict.error == ""
    rows = pq.read_table(pa.BufferReader(b"".join(piece for piece in pieces if isinstance(piece, bytes))))
    seen = rows.column("s0").to_numpy()
    assert (len(seen) % 500, len(seen) > 21_000) == (0, True)
    assert np.array_equal(np.sort(seen), np.arange(len(seen), dtype=np.float32))
