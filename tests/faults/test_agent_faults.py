"""A real agent process through what a device does to it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from agent.client import SOCKET_NAME
from tests.agent_process import AgentProcess, ServiceProcess
from tests.faults.mounts import mounted
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.status import StreamStatus

ALWAYS = ("--rate", "200", "--seconds", "120")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    """A running agent that learns in two seconds."""
    with AgentProcess(tmp_path) as running:
        yield running


def _stream(agent: AgentProcess, state: str) -> StreamStatus | None:
    status = agent.status()
    return next((s for s in status.streams if s.state == state), None) if status else None


def _rows(agent: AgentProcess) -> int:
    count = agent.client.query("SELECT coalesce(sum(weight), 0)::BIGINT FROM inferences", 1, 10.0)["rows"][0][0]
    assert isinstance(count, int)
    return count


def test_a_killed_agent_goes_on_with_its_reference_and_loses_nothing(agent: AgentProcess) -> None:
    """Kill -9 in mid-stream: no inference fails, the reference is kept, the ring bridges the gap, the log says so."""
    with ServiceProcess(agent.run, *ALWAYS) as service:
        before = wait_until(lambda: _stream(agent, "ok"), "the reference to be learned")
        wait_until(lambda: _rows(agent) > 0, "a first commit")
        agent.stop(signal.SIGKILL)
        agent.start()
        after = wait_until(lambda: _stream(agent, "ok"), "the stream to go on")
        assert after.reference_rows == before.reference_rows
        status = agent.status()
        assert status is not None
        assert any("0 records lost" in event.text for event in status.events)
        assert any("it was killed, or failed; the machine ran on" in event.text for event in status.events)
        truth = service.end()
        wait_until(lambda: _stream(agent, "stopped"), "the ring to be drained")
    assert truth["failures"] == 0
    code, _, err = agent.stop()
    assert (code, err) == (0, "")
    agent.start()
    assert _rows(agent) == truth["inferences"]


def test_sigterm_commits_everything(agent: AgentProcess) -> None:
    """What the service did before SIGTERM is in the buffer after it."""
    with ServiceProcess(agent.run, *ALWAYS) as service:
        wait_until(lambda: _stream(agent, "learning") or _stream(agent, "ok"), "the stream to be seen")
        truth = service.end()
    code, _, err = agent.stop()
    assert (code, err) == (0, "")
    agent.start()
    wait_until(lambda: _rows(agent) == truth["inferences"], "every record to be read")
    status = agent.status()
    assert status is not None
    assert [event.text for event in status.events if event.text.startswith("agent: ")] == [
        "agent: started: it had been stopped"
    ]
    stored = agent.client.query("SELECT kind FROM events WHERE subject = 'agent' ORDER BY time", 10, 10.0)["rows"]
    assert stored == [["started"], ["stopped"], ["started"]]


def test_a_second_agent_on_the_same_directories_exits_with_78(agent: AgentProcess) -> None:
    """The message names the socket; the first agent is unharmed."""
    second = agent.spawn()
    out, err = second.communicate(timeout=30)
    assert (second.returncode, out, err.count("\n")) == (78, "", 1)
    assert str(agent.run / SOCKET_NAME) in err
    assert agent.status() is not None


def test_a_second_agent_on_the_same_state_exits_with_78(agent: AgentProcess, tmp_path: Path) -> None:
    """Another run directory does not help: the buffer has one owner, and the message names it."""
    (tmp_path / "other").mkdir()
    other = AgentProcess(tmp_path / "other", state=agent.state)
    second = other.spawn()
    _, err = second.communicate(timeout=30)
    assert (second.returncode, err.count("\n")) == (78, 1)
    assert str(agent.state) in err


def test_a_read_only_state_directory_runs_in_memory_with_a_finding(tmp_path: Path) -> None:
    """The agent starts, watches, and says that nothing is kept."""
    with (
        mounted(tmp_path / "state", "-t", "tmpfs", "-o", "ro", "none") as state,
        AgentProcess(tmp_path) as agent,
        ServiceProcess(agent.run, *ALWAYS),
    ):
        wait_until(lambda: _stream(agent, "ok"), "the stream to be watched")
        status = agent.status()
        assert status is not None
        assert status.buffer.mode == "memory"
        assert [(f.kind, f.severity) for f in status.findings] == [("disk", "critical")]
        assert str(state) in status.findings[0].advice


def test_a_socket_path_that_is_a_link_exits_with_78(tmp_path: Path) -> None:
    """The message names the path."""
    agent = AgentProcess(tmp_path)
    agent.run.mkdir(mode=0o700)
    (agent.run / SOCKET_NAME).symlink_to(tmp_path / "elsewhere")
    process = agent.spawn()
    _, err = process.communicate(timeout=30)
    link = agent.run / SOCKET_NAME
    reason = "is a symbolic link; remove it: the agent follows no links in its run directory"
    assert (process.returncode, err) == (78, f"driftline: {link} {reason}\n")


def test_a_ring_of_random_bytes_is_named_and_does_no_harm(agent: AgentProcess) -> None:
    """One finding names the file; the other streams are watched."""
    (agent.run / "evil.ring").write_bytes(os.urandom(200_000))
    with ServiceProcess(agent.run, *ALWAYS):
        wait_until(lambda: _stream(agent, "ok"), "the stream to be watched")
        status = agent.status()
        assert status is not None
        assert ["evil.ring" in f.sentence for f in status.findings] == [True]


def test_the_agent_keeps_heavy_libraries_out(agent: AgentProcess) -> None:
    """scipy, pandas, sklearn, pyarrow, river, textual and onnxruntime are in no mapping of the running process."""
    assert agent.process is not None
    with ServiceProcess(agent.run, *ALWAYS):
        wait_until(lambda: _stream(agent, "ok"), "the stream to be watched")
        with open(f"/proc/{agent.process.pid}/maps") as maps:  # noqa: PTH123  # a proc file
            mapped = maps.read()
    heavy = ("scipy", "pandas", "sklearn", "pyarrow", "onnxruntime", "river")
    assert [name for name in heavy if f"site-packages/{name}" in mapped] == []
