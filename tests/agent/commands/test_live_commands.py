"""The commands against a real agent that has found something."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from agent.cli import group
from agent.verdicts import JUDGED
from tests.agent_process import AgentProcess, ServiceProcess
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.status import Status


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """An agent whose camera was turned a moment ago."""
    with AgentProcess(tmp_path_factory.mktemp("live")) as running:
        service = ("--rate", "200", "--seconds", "120", "--drift", "rotate", "--onset", "8")
        with ServiceProcess(running.run, *service):
            wait_until(lambda: (s := running.status()) is not None and bool(s.findings), "a finding", seconds=90)
            wait_until(lambda: running.client.query("FROM inferences", 1, 5.0)["rows"], "a commit")
            yield running


def _driftline(agent: AgentProcess, *arguments: str) -> str:
    result = CliRunner().invoke(group, [*arguments, "--run", str(agent.run)])
    assert result.exit_code == 0, result.output
    return result.output


def test_status_says_what_is_wrong_in_eighty_columns(agent: AgentProcess) -> None:
    """State, model, cause and advice in plain text."""
    text = _driftline(agent, "status")
    assert "camera has been turned" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_status_as_json_is_the_whole_record(agent: AgentProcess) -> None:
    """Other programs read the same record as the dashboard."""
    status = json.loads(_driftline(agent, "status", "--json"))
    assert status["streams"][0]["stream"]["model"] == "meter-reader"
    assert status["findings"][0]["causes"][0]["kind"] == "sensor"


def test_findings_are_listed_and_acknowledged(agent: AgentProcess) -> None:
    """The note is kept with the finding, and the finding stays open for the others to see; a busy machine has more."""
    finding, *_ = [json.loads(line) for line in _driftline(agent, "findings", "--json").splitlines()]
    result = CliRunner().invoke(
        group, ["findings", "--run", str(agent.run), "ack", finding["id"], "--note", "turned it back"]
    )
    assert (result.exit_code, result.output) == (0, f"acknowledged {finding['id']}\n")
    told = [json.loads(line) for line in _driftline(agent, "findings", "--json").splitlines()]
    (now,) = [one for one in told if one["id"] == finding["id"]]
    assert (now["state"], now["note"]) == ("acknowledged", "turned it back")


def test_acknowledging_an_unknown_finding_is_one_line(agent: AgentProcess) -> None:
    """Exit 1, and the id is named."""
    result = CliRunner().invoke(group, ["findings", "--run", str(agent.run), "ack", "nonsense"])
    assert (result.exit_code, result.output) == (1, "driftline: no open finding has the id nonsense\n")


def test_a_finding_is_snoozed_and_closed_as_what_it_was(agent: AgentProcess) -> None:
    """Each says what came of it; the verdict is kept, and told on the page for the fleet."""
    finding = _first_finding(agent)
    run = ["findings", "--run", str(agent.run)]

    def said(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(group, [*run, *arguments])
        return result.exit_code, result.output

    assert said("snooze", finding, "--for", "2h") == (0, f"{finding} does not count for 2h\n")
    assert said("snooze", finding, "--wake") == (0, f"{finding} counts again\n")
    assert said("close", finding, "--real", "--note", "turned it") == (0, f"closed {finding}: real\n")
    told = [json.loads(line) for line in _driftline(agent, "findings", "--all", "--json").splitlines()]
    (closed,) = [one for one in told if one["id"] == finding]
    assert (closed["state"], closed["verdict"], closed["note"]) == ("closed", "real", "turned it")
    status = wait_until(lambda: _with_verdicts(agent), "the verdicts among the readings")
    counts = {dict(one.labels)["verdict"]: one.value for one in status.judged if one.name == JUDGED}
    assert counts == {"real": 1.0, "false alarm": 0.0}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("snooze", "nonsense"), 1, "driftline: no finding has the id nonsense\n"),
        (("close", "nonsense", "--false-alarm"), 1, "driftline: no finding has the id nonsense\n"),
        (("close", "nonsense"), 2, "say what it was: --real or --false-alarm"),
        (("snooze", "nonsense", "--for", "soon"), 2, "'soon': accepted is a span such as 90m"),
        (("snooze", "nonsense", "--for", "99d"), 1, "Expected `float` <= 2592000.0"),
    ],
)
def test_a_decision_that_cannot_be_taken_is_said(
    agent: AgentProcess, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """The id is named, or what would be accepted."""
    result = CliRunner().invoke(group, ["findings", "--run", str(agent.run), *arguments])
    assert (result.exit_code, words in result.output) == (code, True), result.output


def test_an_answer_is_marked_right_or_wrong(agent: AgentProcess) -> None:
    """Without a truth, of the one model that runs; an id that is not recorded is named."""
    (key,) = [stream.key for stream in agent.client.status().streams]
    told = [row for row in agent.client.answers(key).answers if row.id and row.said]
    assert _driftline(agent, "label", told[0].id, "--wrong").startswith("1 labelled, ")
    result = CliRunner().invoke(group, ["label", "dl-00000000000000ff", "--right", "--run", str(agent.run)])
    assert (result.exit_code, result.output) == (
        1, "driftline: no inference with the id dl-00000000000000ff is recorded\n",
    )  # fmt: skip


def _first_finding(agent: AgentProcess) -> str:
    finding = agent.client.status().findings[0]
    return finding.id


def _with_verdicts(agent: AgentProcess) -> Status | None:
    status = agent.status()
    return status if status and any(one.name == JUDGED and one.value for one in status.judged) else None


def test_the_buffer_is_asked_in_sql_in_three_formats(agent: AgentProcess) -> None:
    """Table, CSV and JSON hold the same answer."""
    sql = "SELECT model, count(*) > 100 AS many FROM inferences GROUP BY model"
    assert _driftline(agent, "query", sql).splitlines()[2].split() == ["meter-reader", "True"]
    assert list(csv.reader(io.StringIO(_driftline(agent, "query", sql, "--format", "csv"))))[1] == [
        "meter-reader",
        "True",
    ]
    assert json.loads(_driftline(agent, "query", sql, "--format", "json")) == {"model": "meter-reader", "many": True}


def test_a_query_that_would_write_is_refused(agent: AgentProcess) -> None:
    """Reading only, in one sentence."""
    result = CliRunner().invoke(group, ["query", "DELETE FROM inferences", "--run", str(agent.run)])
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "only SELECT" in result.output


def test_a_query_is_cut_at_the_limit_and_says_so(agent: AgentProcess) -> None:
    """Nobody mistakes the first rows for all."""
    result = CliRunner().invoke(group, ["query", "FROM inferences", "--limit", "3", "--run", str(agent.run)])
    assert (len(result.stdout.splitlines()), "only the first 3 rows" in result.stderr) == (5, True)
    result = CliRunner().invoke(group, ["query", "FROM inferences", "--limit", "0", "--run", str(agent.run)])
    assert (result.exit_code, "0 is not in the range x>=1" in result.output) == (2, True)


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_time_limit_that_makes_no_sense_is_refused(seconds: str) -> None:
    """It is said what would be accepted, and nothing is asked."""
    result = CliRunner().invoke(group, ["query", "SELECT 1", "--seconds", seconds, "--state", "nowhere"])
    assert (result.exit_code, "Invalid value for '--seconds'" in result.output) == (2, True)


def test_what_is_asked_into_a_pipe_is_whole(agent: AgentProcess) -> None:
    """Only a terminal has too little room for a long cell."""
    sql = f"SELECT '{'x' * 200}' AS x, 1 AS y"
    result = CliRunner().invoke(group, ["query", sql, "--run", str(agent.run)])
    assert "x" * 200 in result.stdout


def test_an_export_beside_the_running_agent_is_whole(agent: AgentProcess, tmp_path: Path) -> None:
    """Every table is there, rows are as many as the manifest says, and the agent goes on."""
    _driftline(agent, "export", "--to", str(tmp_path / "out"), "--since", "1h")
    files = {
        each["file"]: each["rows"] for each in json.loads((tmp_path / "out" / "manifest.json").read_text())["files"]
    }
    assert {"inferences.parquet", "readings.parquet", "findings.parquet"} <= set(files)
    written = {name: pq.read_metadata(tmp_path / "out" / name).num_rows for name in files}
    assert (written, files["inferences.parquet"] > 100) == (files, True)
    status = agent.status()
    assert status is not None
    assert status.buffer.notes == ()


def test_doctor_finds_nothing_to_mend(agent: AgentProcess) -> None:
    """Every check of a healthy installation passes, and each part is listed."""
    text = _driftline(agent, "doctor", "--state", str(agent.state))
    assert "0 failed" in text
    assert "stream meter-reader@" in text
    assert f"buffer in {agent.state}: disk" in text


def test_the_files_are_not_read_beside_a_running_agent(agent: AgentProcess) -> None:
    """--state is for a stopped agent; the message says what to do instead."""
    result = CliRunner().invoke(group, ["findings", "--state", str(agent.state)])
    assert (result.exit_code, "leave --state out" in result.output) == (1, True)


def test_doctor_looks_where_the_running_agent_is(agent: AgentProcess) -> None:
    """Its configuration and its state directory, without being told them."""
    text = _driftline(agent, "doctor")
    assert f"ok    configuration {agent.config}" in text
    assert f"ok    state directory {agent.state}" in text
