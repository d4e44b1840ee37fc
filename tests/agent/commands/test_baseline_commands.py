"""`driftline baseline` against a real agent whose camera was turned a moment ago."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

from agent.cli import group
from tests.agent_process import AgentProcess, ServiceProcess
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """An agent that knows the camera, and has found that it was turned."""
    with AgentProcess(tmp_path_factory.mktemp("baseline")) as running:
        service = ("--rate", "300", "--seconds", "120", "--drift", "rotate", "--onset", "6")
        with ServiceProcess(running.run, *service):
            wait_until(lambda: (s := running.status()) is not None and bool(s.findings), "a finding", seconds=90)
            yield running


def _baseline(agent: AgentProcess, *arguments: str) -> Result:
    return CliRunner().invoke(group, ["baseline", *arguments, "--run", str(agent.run)])


def test_show_says_what_the_reference_holds(agent: AgentProcess) -> None:
    """For people in a table, for programs in JSON: rows, origin, quantiles, categories."""
    text = _baseline(agent, "show", "meter").output
    assert "from the stream" in text
    assert "rows/block" in text
    (baseline,) = [json.loads(line) for line in _baseline(agent, "show", "--json").output.splitlines()]
    assert baseline["key"].startswith("meter-reader@")
    assert baseline["rows"] >= 500
    by_name = {signal["signal"]["name"]: signal for signal in baseline["signals"]}
    assert [share for share, _ in by_name["brightness"]["quantiles"]] == [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0]
    assert 0.5 < sum(share for _, share in by_name["prediction"]["categories"]) <= 1.001


def test_a_name_that_is_none_is_refused_with_those_there_are(agent: AgentProcess) -> None:
    """Exit 1, one line."""
    result = _baseline(agent, "show", "pump")
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "no stream is called 'pump': meter-reader@" in result.output


def test_an_export_is_accepted_and_imported_again(agent: AgentProcess, tmp_path: Path) -> None:
    """The way of a technician: keep the old reference, accept what is new, and go back when that was wrong."""
    file = tmp_path / "before.baseline"
    result = _baseline(agent, "export", str(file))
    assert (result.exit_code, file.read_bytes()[:19]) == (0, b"driftline-baseline ")
    accepted = wait_until(
        lambda: r if (r := _baseline(agent, "accept", "meter")).exit_code == 0 else None, "enough rows to accept"
    )
    assert "the new reference, from" in accepted.output
    assert "closed: " in accepted.output
    status = agent.status()
    assert status is not None
    assert [finding.state for finding in status.findings] == []
    assert any("accepted: the new reference" in event.text for event in status.events)
    assert "camera has been turned" in CliRunner().invoke(group, ["findings", "--all", "--run", str(agent.run)]).output
    result = _baseline(agent, "import", str(file))
    assert (result.exit_code, "the reference, from" in result.output) == (0, True)
    wait_until(lambda: (s := agent.status()) is not None and bool(s.findings), "the change to be found again")
    (baseline,) = [json.loads(line) for line in _baseline(agent, "show", "--json").output.splitlines()]
    assert (baseline["origin"]["number"], baseline["origin"]["how"]) == (3, "imported: the stream")


def test_a_training_file_is_matched_by_name(agent: AgentProcess, tmp_path: Path) -> None:
    """Columns that do not fit are listed; those that the file lacks may be learned; its own order is not believed."""
    random = np.random.default_rng(0)
    rows = np.column_stack(
        (random.normal(100, 20, 3_000), random.integers(0, 10, 3_000), random.integers(0, 10, 3_000))
    )
    file = tmp_path / "train.csv"
    np.savetxt(file, rows, delimiter=",", header="light,digit,class", comments="")
    result = _baseline(agent, "import", str(file))
    assert result.exit_code == 2
    assert "besides" in result.output
    assert "it lacks brightness" in result.output
    fitting = ("--map", "light=brightness", "--prediction", "digit", "--truth", "class")
    result = _baseline(agent, "import", str(file), *fitting)
    assert (result.exit_code, "--learn-missing" in result.output) == (2, True)
    result = _baseline(agent, "import", str(file), *fitting, "--learn-missing")
    assert result.exit_code == 0, result.output
    assert "train.csv (3,000 rows), put into the order of the newest" in result.output
    (baseline,) = [json.loads(line) for line in _baseline(agent, "show", "--json").output.splitlines()]
    (brightness,) = [signal for signal in baseline["signals"] if signal["signal"]["name"] == "brightness"]
    assert abs(dict(map(tuple, brightness["quantiles"]))[0.5] - 100) < 5


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("brightness\n1\n2\n", ("--map", "nonsense"), "accepted is COLUMN=SIGNAL"),
        ("brightness\n1\n2\n", ("--truth", "label"), "there is no column 'label'; there are brightness"),
        ("brightness\ndark\nlight\n", ("--learn-missing",), "column brightness holds texts"),
        ("brightness,x\n1\n", (), "1 values where the header names 2 columns"),
    ],
)
def test_a_training_file_that_cannot_be_used_is_one_line(
    agent: AgentProcess, tmp_path: Path, text: str, options: tuple[str, ...], why: str
) -> None:
    """Exit 2, and what would be accepted."""
    file = tmp_path / "bad.csv"
    file.write_text(text)
    result = _baseline(agent, "import", str(file), *options)
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert why in result.output


def test_reset_learns_anew_and_the_files_tell_it_offline(agent: AgentProcess) -> None:
    """The last word of this agent: it learns; when it has stopped, --state shows what it had learned."""
    assert "learning anew from now on" in _baseline(agent, "reset").output
    wait_until(lambda: "learning" not in _baseline(agent, "show").output, "the reference to be learned again")
    agent.stop()
    result = CliRunner().invoke(group, ["baseline", "show", "--state", str(agent.state), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["origin"]["how"] == "the stream"
    result = _baseline(agent, "show")
    assert (result.exit_code, "baseline show --state DIR" in result.output) == (1, True)
