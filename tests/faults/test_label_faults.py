"""Labels that come later, by every way, to a real agent that is killed in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.agent_process import FAST_REFERENCE, ROOT, AgentProcess
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.status import StreamStatus, TruthStatus

SERVICE = """
import sys
import driftline
for line in sys.stdin:
    what, first, last, extra = line.split()
    for number in range(int(first), int(last)):
        if what == "observe":
            driftline.observe(
                "valve", {"pressure": number % 7}, prediction=number % 3, confidence=0.9, latency_s=0.001,
                id=f"part-{number}", classes=["open", "shut", "stuck"],
            )
        else:
            driftline.label(f"part-{number}", (number + int(extra)) % 3)
    print("done", flush=True)
"""


class Service:
    """A service that observes, and labels, as it is told."""

    def __init__(self, run: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVICE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env=os.environ | {"DRIFTLINE_RUN": str(run)},
        )  # fmt: skip

    def do(self, what: str, first: int, last: int, extra: int = 0) -> None:
        """Have it observe or label some parts, and wait for that."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{what} {first} {last} {extra}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    """Start an agent that learns from few labels."""
    config = FAST_REFERENCE + "[labels]\nreference_labels = 100\nwindow = 100\n[buffer]\ncommit_seconds = 1\n"
    with AgentProcess(tmp_path, config) as running:
        yield running


@pytest.fixture
def service(agent: AgentProcess) -> Iterator[Service]:
    """Start a service beside it."""
    running = Service(agent.run)
    yield running
    running.process.kill()
    running.process.communicate()


def _stream(agent: AgentProcess) -> StreamStatus | None:
    status = agent.status()
    return next((s for s in status.streams if s.stream.model == "valve"), None) if status else None


def _labelled(agent: AgentProcess, count: int) -> TruthStatus:
    def enough() -> TruthStatus | None:
        stream = _stream(agent)
        truth = stream.truth if stream else None
        return truth if truth and truth.labels >= count else None

    return wait_until(enough, f"{count} labels")


def _cli(agent: AgentProcess, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", "label", *words, "--run", str(agent.run)],
        cwd=ROOT, text=True, capture_output=True, timeout=60, check=False,
    )  # fmt: skip


def test_labels_come_by_every_way_and_survive_a_kill(agent: AgentProcess, service: Service, tmp_path: Path) -> None:
    """By probe, file, command and API, hours later as far as the agent can tell; kill -9 loses none of them."""
    service.do("observe", 0, 1000)
    wait_until(lambda: (s := _stream(agent)) and s.inferences == 1000, "all inferences")
    service.do("label", 0, 120)
    assert _labelled(agent, 120).accuracy == 1.0

    table = tmp_path / "truth.csv"
    table.write_text("id,truth\n" + "".join(f"part-{n},{['open', 'shut', 'stuck'][n % 3]}\n" for n in range(120, 200)))
    done = _cli(agent, str(table))
    assert (done.returncode, done.stdout.split(",")[0]) == (0, "80 labelled")
    agent.stop(signal.SIGKILL)  # at once: nothing but the commit that answered the command has saved them
    agent.start()

    service.do("observe", 1000, 1001)  # so that the stream is seen again
    assert _labelled(agent, 200).labels == 200
    summary = agent.client.label([("part-199", 0, ""), ("part-200", 2, ""), ("part-no", 1, "")])
    assert (summary.matched, summary.replaced, summary.waiting) == (1, 1, 1)
    truth = _labelled(agent, 201)
    assert (truth.labels, truth.replaced) == (201, 1)
    assert truth.accuracy_total == pytest.approx(200 / 201)
    done = _cli(agent, "part-201", "shut", "--model", "valve")
    assert done.stdout.startswith("1 labelled, 0 ")


def test_a_fall_of_accuracy_is_a_finding(agent: AgentProcess, service: Service) -> None:
    """Once labels say that half of the answers are wrong, a finding says from what to what, and by how many labels."""
    service.do("observe", 0, 1000)
    wait_until(lambda: (s := _stream(agent)) and s.inferences == 1000, "all inferences")
    service.do("label", 0, 300)
    _labelled(agent, 300)
    service.do("label", 300, 500, extra=1)

    def finding() -> str | None:
        status = agent.status()
        found = [f for f in status.findings if f.kind == "accuracy_fall"] if status else []
        return found[0].sentence if found else None

    sentence = wait_until(finding, "the finding")
    assert sentence.startswith("Accuracy has fallen from 100% to ")
    assert " labels)" in sentence


def test_a_label_waits_for_its_inference_through_a_kill(agent: AgentProcess, service: Service) -> None:
    """A label that comes first is matched when the inference comes, though the agent was killed in between."""
    summary = agent.client.label([("part-5", 2, "valve")])
    assert (summary.matched, summary.waiting) == (0, 1)
    agent.stop(signal.SIGKILL)
    agent.start()
    service.do("observe", 0, 10)
    truth = _labelled(agent, 1)
    assert (truth.labels, truth.accuracy_total) == (1, 1.0)
    status = agent.status()
    assert status is not None
    assert status.labels.waiting == 0
