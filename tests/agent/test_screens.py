"""What the dashboard asks, of a real agent that watches a real service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.screen import ZOOMS
from tests.agent_process import AgentProcess, ServiceProcess
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

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
