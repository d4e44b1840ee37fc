from __future__ import annotations

import json
from typing import TYPE_CHECKING

import duckdb
import pytest
from click.testing import CliRunner

from agent.commands import label
from agent.label_api import MAX_BYTES
from agent.truth import LabelSummary

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Agent:
    """Knows the inferences p0 to p9, and has labels for p0 and p1."""

    def __init__(self) -> None:
        self.told: list[list[tuple[str | int, str | float, str]]] = []

    def label(self, labels: Sequence[tuple[str | int, str | float, str]]) -> LabelSummary:
        """Sort them."""
        self.told.append(list(labels))
        names = [str(name) for name, _, _ in labels]
        known = [name for name in names if name in {f"p{n}" for n in range(10)}]
        old = [name for name in known if name in {"p0", "p1"}]
        odd = [truth for _, truth, _ in labels if truth == "odd"]
        return LabelSummary(
            matched=len(known) - len(old) - len(odd),
            replaced=len(old),
            waiting=len(names) - len(known),
            refused=len(odd),
            reasons=("'odd' is no class",) * bool(odd),
            warnings=tuple(f"no model {name} is known here" for _, _, name in labels if name == "vlave"),
        )


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Agent:
    """Stand in for the agent that the command would ask."""
    asked = Agent()
    monkeypatch.setattr(label, "client", lambda _run: asked)
    return asked


def _run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(label.command, list(words))
    return done.exit_code, done.output


def test_a_file_is_told_and_summed_up(agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows go out some at once, with the row's model or the one given; the counts are of all of them."""
    monkeypatch.setattr(label, "AT_ONCE", 2)
    path = tmp_path / "truth.csv"
    path.write_text("truth;id;model\n1;p0;\n2;p5;gauge\n3;p99;\n\nodd;p6;\n")
    code, said = _run(str(path), "--model", "valve")
    assert (code, said.splitlines()[0]) == (
        0,
        "1 labelled, 1 labelled before and replaced, 1 not found, 1 refused",
    )
    assert "refused: 'odd' is no class" in said
    assert agent.told == [[("p0", "1", "valve"), ("p5", "2", "gauge")], [("p99", "3", "valve"), ("p6", "odd", "valve")]]


def test_a_request_stays_below_what_the_agent_takes(agent: Agent, tmp_path: Path) -> None:
    """Of 4,000 short labels 2,000 go at once; of long ones so many that their JSON is below a megabyte."""
    path = tmp_path / "truth.csv"
    path.write_text("id,truth\n" + "".join(f"p{number},1\n" for number in range(4_000)))
    _run(str(path))
    assert [len(some) for some in agent.told] == [2_000, 2_000]
    agent.told.clear()
    path.write_text("id,truth\n" + "".join(f"{number:0300},{'é' * 300}\n" for number in range(2_001)), encoding="utf-8")
    _run(str(path))
    assert sum(map(len, agent.told)) == 2_001
    body = {"id": "0" * 300, "truth": "é" * 300, "model": ""}
    assert max(map(len, agent.told)) * len(json.dumps(body)) < MAX_BYTES


def test_what_was_told_before_a_wrong_row_is_said(
    agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows before it are labelled and stay so: their counts come with what is wrong, and it ends with 1."""
    monkeypatch.setattr(label, "AT_ONCE", 2)
    path = tmp_path / "truth.csv"
    path.write_text("id,truth\np2,1\np3,1\np4,1\np5,\n")
    code, said = _run(str(path))
    assert (code, len(agent.told)) == (1, 1)
    assert said.startswith("2 labelled, 0 labelled before")
    assert "row 3: truth is empty" in said


def test_a_model_that_is_not_known_is_told_and_ends_with_1(agent: Agent) -> None:
    """What the agent warns of is shown."""
    code, said = _run("p77", "1", "--model", "vlave")
    assert (code, agent.told) == (1, [[("p77", "1", "vlave")]])
    assert "beware: no model vlave is known here" in said


def test_a_parquet_file_is_read_too(agent: Agent, tmp_path: Path) -> None:
    """Whole numbers are ids as they are written."""
    path = tmp_path / "truth.parquet"
    rows = "SELECT 'p' || i AS id, i AS truth FROM range(3, 5) t(i)"
    duckdb.connect().sql(rows).write_parquet(str(path))
    assert _run(str(path))[0] == 0
    assert agent.told == [[("p3", "3", ""), ("p4", "4", "")]]


def test_one_inference_is_labelled_by_its_id(agent: Agent) -> None:
    """Id and truth on the command line need no file; what is not found ends with 1."""
    assert _run("p7", "open")[0] == 0
    code, said = _run("p77", "open")
    assert code == 1
    assert "1 not found" in said
    assert agent.told == [[("p7", "open", "")], [("p77", "open", "")]]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("name,truth\na,1\n", "no column 'id'; there are name, truth"),
        ("id,label\na,1\n", "no column 'truth'; there are id, label"),
        ("", "no column 'id'; there are none"),
        ("id,truth\na,1\nb\n", "row 1: 1 values in 2 columns"),
        ("id,truth\na,\n", "row 0: truth is empty"),
        ("id,truth\n ,1\n", "row 0: id is empty"),
        (f"id,truth\n{'x' * 400},1\n", "row 0: id has 400 characters, at most 300 are taken"),
        ("id,truth\n\udcff,1\n", "not a CSV file in UTF-8"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(agent: Agent, tmp_path: Path, text: str, wrong: str) -> None:
    """File, row and column are named, and what there is instead."""
    path = tmp_path / "truth.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    code, said = _run(str(path))
    assert code == 1
    assert f"{path}: {wrong}" in said
    assert agent.told == []


def test_a_file_that_is_not_there_is_told(agent: Agent) -> None:
    """A word that is neither a file nor has a truth beside it says both."""
    code, said = _run("nowhere.csv")
    assert code == 1
    assert "nowhere.csv: no such file; to label one inference, give its id and its truth" in said
    assert agent.told == []


def test_a_damaged_parquet_file_is_told(agent: Agent, tmp_path: Path) -> None:
    """It is named."""
    path = tmp_path / "truth.parquet"
    path.write_bytes(b"PAR1 nothing")
    code, said = _run(str(path))
    assert (code, "not a Parquet file" in said) == (1, True)
    assert agent.told == []
