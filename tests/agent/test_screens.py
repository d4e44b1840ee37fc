"""What the dashboard asks, of a real agent that watches a real service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.screen import ZOOMS
from tests.agent_process import AgentProcess, ServiceProcess
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.model import Finding
    from agent.screen import Answer, Answers

CONFIG = "[reference]\nrows = 300\nseconds = 1\n[scrape]\nenabled = false\n[buffer]\ncommit_seconds = 0.2\n"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """An agent that has learned what the camera's service looks like."""
    with (
        AgentProcess(tmp_path_factory.mktemp("screens"), CONFIG) as agent,
        ServiceProcess(agent.run, "--rate", "300", "--seconds", "600"),
    ):
        wait_until(lambda: _judged(agent), "the reference to be learned, and rows to be judged by it")
        yield agent


def _judged(agent: AgentProcess) -> bool:
    status = agent.status()
    return bool(status and status.streams and status.streams[0].signals and status.streams[0].inferences > 900)


def _key(agent: AgentProcess) -> str:
    (stream,) = agent.client.status().streams
    return stream.key


def test_a_running_stream_is_drawn_at_each_zoom(agent: AgentProcess) -> None:
    """Moments, latencies, signals beside their reference and the version that runs: the same inferences in each."""
    before = agent.client.status().streams[0].inferences
    for zoom in ZOOMS:
        view = agent.client.stream_view(_key(agent), zoom)
        (version,) = view.versions
        assert version.stream.model == "meter-reader"
        assert before <= version.inferences == sum(moment.inferences for moment in view.moments)
        before = version.inferences
        newest = [moment for moment in view.moments if moment.inferences][-1]
        assert newest.latency_p50_s is not None
        assert newest.latency_p50_s > 0
        assert newest.confidence is not None
        assert 0.5 < newest.confidence <= 1.0
        assert sum(share for _, share in view.latency) == pytest.approx(1.0)
        assert sum(share for _, share in view.latency_before) == pytest.approx(1.0)
        names = {shape.name for shape in view.shapes}
        assert {"confidence", "prediction", "latency"} < names
        for shape in view.shapes:
            assert sum(shape.before) > 0.97, shape.name
            assert sum(shape.now) > 0.97, shape.name


def test_a_stream_that_never_ran_is_none(agent: AgentProcess) -> None:
    """Its key is named."""
    with pytest.raises(KeyError, match="no stream is called 'pump@1'"):
        agent.client.stream_view("pump@1", "7d")


def test_a_finding_is_snoozed_judged_and_shown_to_all(agent: AgentProcess) -> None:
    """The camera is turned: the state of the device follows what a person decides, and the verdict is kept."""
    client = agent.client
    with ServiceProcess(agent.run, "--rate", "300", "--seconds", "600", "--drift", "rotate", "--onset", "4"):
        finding = wait_until(lambda: _serious(agent), "a finding that counts", seconds=60)
        around = client.around(finding.id)
        assert around.finding.id == finding.id
        assert any(": open: " in line.text for line in around.events)
        assert [line.time for line in around.events] == sorted(line.time for line in around.events)
        client.snooze(finding.id, 3_600.0, "on my way")
        (snoozed,) = [one for one in client.findings() if one.id == finding.id]
        assert (snoozed.state, snoozed.note) == ("open", "on my way")
        client.snooze(finding.id, 0.0, "")
        client.judge(finding.id, "real", "turned it back")
        assert finding.id not in {one.id for one in client.findings()}
        (judged,) = [one for one in client.findings(everything=True) if one.id == finding.id]
        assert (judged.state, judged.verdict, judged.note) == ("closed", "real", "turned it back")
        rows = wait_until(lambda: _rows_around(agent, finding.id), "rows around it to be stored")
        assert {"confidence", "prediction"} < set(rows.signals)
        assert {row.said for row in rows.answers if not row.status} <= {str(digit) for digit in range(10)}
        texts = [line.text for line in client.events(50)]
        assert any("judged real" in text for text in texts)


def test_a_recorded_answer_is_marked_and_counts(agent: AgentProcess) -> None:
    """Right is a label with the answer as its truth, wrong one without: true accuracy takes both up."""
    client, key = agent.client, _key(agent)
    told = wait_until(lambda: _with_ids(agent), "recorded answers")
    before = client.status().streams[0].truth
    labels = before.labels if before else 0
    right, wrong = told[0], told[1]
    assert client.mark(key, right.id, right=True).matched == 1
    assert client.mark(key, wrong.id, right=False).matched == 1
    truth = client.status().streams[0].truth
    assert truth is not None
    assert truth.labels == labels + 2
    shown = wait_until(lambda: _shown(agent, right.id, wrong.id), "the labels beside the answers")
    assert (shown[right.id].truth, shown[right.id].right) == (right.said, True)
    assert (shown[wrong.id].truth, shown[wrong.id].right) == ("", False)
    assert client.mark(key, wrong.id, right=True).replaced == 1
    with pytest.raises(KeyError, match="no inference with the id dl-00000000000000ff is recorded"):
        client.mark(key, "dl-00000000000000ff", right=False)


def test_history_and_log_are_told(agent: AgentProcess) -> None:
    """The history has what memory and files have, once; the log begins with the agent's greeting."""
    events = agent.client.events()
    assert len(events) == len(set(events))
    assert [line.time for line in events] == sorted((line.time for line in events), reverse=True)
    assert any("learned" in line.text for line in events)
    log = agent.client.log()
    assert [line.number for line in log] == list(range(1, len(log) + 1))
    assert any(line.text.startswith("driftline agent") and "ready in" in line.text for line in log)
    assert any(line.part == "driftline.history" for line in log)
    assert agent.client.log(after=log[-2].number)[0] == log[-1]


def _serious(agent: AgentProcess) -> Finding | None:
    status = agent.status()
    found = [] if status is None else [one for one in status.findings if one.severity != "info" and one.signals]
    return found[0] if found else None


def _rows_around(agent: AgentProcess, finding_id: str) -> Answers | None:
    rows = agent.client.around(finding_id).rows
    return rows if rows.answers else None


def _with_ids(agent: AgentProcess) -> list[Answer]:
    found = agent.client.answers(_key(agent)).answers
    told = [row for row in found if row.id and row.said and row.right is None]
    return told if len(told) > 1 else []


def _shown(agent: AgentProcess, *ids: str) -> dict[str, Answer] | None:
    rows = {row.id: row for row in agent.client.answers(_key(agent), 1_000).answers}
    return rows if all(one in rows and rows[one].right is not None for one in ids) else None
