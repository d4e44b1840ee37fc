"""A disk that is full, fails or turns read-only under a running agent."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.agent.buffer.blocks import ask, opened
from tests.agent_process import FAST_REFERENCE, AgentProcess, ServiceProcess
from tests.faults import shim
from tests.faults.mounts import Card, fill, make_writable, mounted
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.model import Finding
    from agent.status import Status

CONFIG = FAST_REFERENCE.replace("500", "100") + '[buffer]\ncommit_seconds = 0.2\nreserve_mib = 2\ncapture = "all"\n'
ALWAYS = ("--rate", "200", "--seconds", "120")
COMMITS_ROWS = 200  # a second of inferences: five commits that fail

# The command, but that a directory that cannot be used is tried again after a tenth of a second, not after a minute.
HASTY = "from agent.buffer import patience; patience._PAUSES_NS = (100_000_000,); from agent.cli import main; main()"

# The same, on a device whose Python was taken away under the agent, as an upgrade does.
UPROOTED = "import os; os.execv = lambda path, _: open(path + '.gone'); " + HASTY

Step = tuple["Callable[[], object]", str]  # what breaks the disk, and what that is called
Fault = tuple[AgentProcess, list[Step], "Callable[[], object]"]  # and what heals it


@contextmanager
def full(folder: Path) -> Iterator[Fault]:
    """A file system in memory without a free byte."""
    with mounted(folder / "state", "-t", "tmpfs", "-o", "size=60m", "tmpfs") as disk:
        yield AgentProcess(folder, CONFIG), [(lambda: fill(disk / "hog"), "full")], (disk / "hog").unlink


@contextmanager
def failing(folder: Path) -> Iterator[Fault]:
    """A disk that answers every write and sync with an error, and then takes no writes at all."""
    rules = shim.make_rules(folder / "rules")

    def refuse(number: int) -> None:
        rules.write_error = rules.sync_error = number

    environment = shim.environment(folder / "state", rules=folder / "rules")
    steps: list[Step] = [(partial(refuse, errno.EIO), "failing"), (partial(refuse, errno.EROFS), "read-only")]
    yield AgentProcess(folder, CONFIG, environment=environment), steps, partial(refuse, 0)


FAULTS: dict[str, Callable[[Path], AbstractContextManager[Fault]]] = {"full": full, "failing": failing}


def status_of(agent: AgentProcess) -> Status:
    """What it says of itself."""
    return wait_until(agent.status, "the agent to answer")


def seen(agent: AgentProcess) -> int:
    """How many inferences it has seen."""
    return sum(stream.inferences for stream in status_of(agent).streams)


def see_more(agent: AgentProcess) -> None:
    """Wait while the agent goes on for a while."""
    before = seen(agent)
    wait_until(lambda: seen(agent) > before + COMMITS_ROWS, "the agent to go on")


def open_finding(agent: AgentProcess, name: str) -> Finding:
    """Have the agent meet a ring that nobody can read, and open a finding."""
    (agent.run / f"{name}.ring").write_bytes(os.urandom(9_000))
    return wait_until(
        lambda: next((f for f in status_of(agent).findings if name in f.sentence), None), "a finding of the ring"
    )


def is_called(agent: AgentProcess, kind: str) -> bool:
    """Whether it says that the disk is in this trouble."""
    trouble = status_of(agent).buffer.trouble
    return trouble is not None and trouble.kind == kind


def of_disk(findings: list[Finding]) -> list[tuple[str, str]]:
    """How the findings about the disk stand."""
    return [(finding.state, finding.severity) for finding in findings if finding.kind == "disk"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_disk_that_takes_nothing_is_told_outlived_and_loses_nothing(tmp_path: Path, fault: str) -> None:
    """One finding, no crash, no failed inference; after it rows flow without a restart, and everything is there."""
    with FAULTS[fault](tmp_path) as (agent, steps, heal):
        with agent, ServiceProcess(agent.run, *ALWAYS) as service:
            wait_until(lambda: "ok" in {s.state for s in status_of(agent).streams}, "the reference to be learned")
            agent.client.acknowledge(open_finding(agent, "before").id, "promised before")
            for break_disk, kind in steps:
                break_disk()
                wait_until(partial(is_called, agent, kind), f"the agent to see that the disk is {kind}")
            meanwhile = open_finding(agent, "meanwhile")
            see_more(agent)
            now = status_of(agent)
            severity = "warning" if fault == "full" else "critical"
            assert (now.state, of_disk(list(now.findings))) == (severity, [("open", severity)])
            assert now.buffer.discarded_rows == 0
            if fault == "full":
                shutil.copytree(agent.state, tmp_path / "cut", ignore=shutil.ignore_patterns("hog", "reserve"))
                with opened(tmp_path / "cut") as left:
                    assert {meanwhile.id} <= {finding.id for finding in left.findings()}
            heal()
            wait_until(lambda: status_of(agent).buffer.trouble is None, "the disk to be trusted again")
            wait_until(lambda: not of_disk(list(status_of(agent).findings)), "its finding to be closed")
            truth = service.end()
            wait_until(lambda: "stopped" in {s.state for s in status_of(agent).streams}, "the ring to be drained")
            code, _, err = agent.stop()
            assert (code, err, truth["failures"]) == (0, "", 0)
        with opened(agent.state) as left:
            assert left.status().rows == truth["inferences"]
            assert left.repairs == ()
            findings = left.findings(everything=True)
            assert of_disk(findings) == [("closed", severity)]
            assert {"promised before"} <= {finding.note for finding in findings}
            assert meanwhile.id in {finding.id for finding in findings}


def test_a_file_system_that_turns_read_only_is_told_and_the_next_start_has_what_was_stored(tmp_path: Path) -> None:
    """The kernel meets an error: the agent watches and answers on; mended, it has all that it had."""
    card = Card(tmp_path / "card.img", tmp_path / "state")
    with card.inserted(), AgentProcess(tmp_path, CONFIG) as agent, ServiceProcess(agent.run, *ALWAYS) as service:
        wait_until(lambda: "ok" in {s.state for s in status_of(agent).streams}, "the reference to be learned")
        agent.client.acknowledge(open_finding(agent, "before").id, "promised before")
        wait_until(lambda: status_of(agent).buffer.rows > 0, "rows to be stored")
        card.fail()
        trouble = wait_until(lambda: status_of(agent).buffer.trouble, "the agent to see it")
        assert (trouble.kind, str(agent.state) in trouble.sentence) == ("read-only", True)
        stored = status_of(agent).buffer.rows
        see_more(agent)
        assert status_of(agent).state == "critical"
        (stream,) = status_of(agent).streams
        assert agent.client.query("SELECT count(*) FROM inferences", 10, 60)["rows"] >= [[stored]]
        assert {"promised before"} <= {finding.note for finding in agent.client.findings(everything=True)}
        assert [told.key for told in agent.client.baselines()] == [stream.key]
        code, _, err = agent.stop()
        assert (code, err, service.end()["failures"]) == (0, "", 0)
    card.check()
    with card.inserted(), opened(agent.state) as left:
        assert (left.status().mode, left.repairs) == ("disk", ())
        assert left.status().rows >= stored
        assert "promised before" in {finding.note for finding in left.findings(everything=True)}


@contextmanager
def read_only_at_first(folder: Path) -> Iterator[Fault]:
    """A file system that nobody may write to yet."""
    with mounted(folder / "state", "-t", "tmpfs", "-o", "ro", "none") as state:
        yield AgentProcess(folder, CONFIG), [], partial(make_writable, state)


@contextmanager
def failing_at_first(folder: Path) -> Iterator[Fault]:
    """A disk whose syncs fail for a while."""
    rules = shim.make_rules(folder / "rules")
    rules.sync_error = errno.EIO
    environment = shim.environment(folder / "state", rules=folder / "rules")
    config = CONFIG.replace('capture = "all"\n', "")
    yield AgentProcess(folder, config, environment=environment), [], partial(setattr, rules, "sync_error", 0)


@pytest.mark.parametrize("fault", [read_only_at_first, failing_at_first])
def test_an_agent_that_could_not_use_its_directory_goes_on_there_once_it_can(
    tmp_path: Path, fault: Callable[[Path], AbstractContextManager[Fault]]
) -> None:
    """By itself, in the same process: rows are kept from then on, each once; what was found and learned is there."""
    with fault(tmp_path) as (agent, _, heal):
        agent.entry = ("-c", HASTY)
        with agent, ServiceProcess(agent.run, *ALWAYS) as service:
            wait_until(lambda: "ok" in {s.state for s in status_of(agent).streams}, "the reference to be learned")
            meanwhile = open_finding(agent, "meanwhile")
            see_more(agent)
            (learned,) = agent.client.baselines()
            now = status_of(agent)
            assert (now.buffer.mode, of_disk(list(now.findings))) == ("memory", [("open", "critical")])
            heal()
            wait_until(lambda: status_of(agent).buffer.mode == "disk", "the agent to go on on the disk")
            wait_until(lambda: of_disk(list(status_of(agent).findings)) == [], "its finding to be closed")
            wait_until(lambda: status_of(agent).buffer.rows > 0, "rows to be stored")
            see_more(agent)
            now = status_of(agent)
            assert (meanwhile.id in {finding.id for finding in now.findings}, now.buffer.notes) == (True, ())
            assert [one.origin for one in agent.client.baselines()] == [learned.origin]
            code, _, err = agent.stop()
            assert (code, service.end()["failures"]) == (0, 0)
            assert all("cannot be used yet" in line for line in err.splitlines()), err
        with opened(agent.state) as left:
            assert (left.status().mode, left.repairs) == ("disk", ())
            assert ask(left, "SELECT count(*) > 0, count(*) = count(DISTINCT time) FROM inferences") == [[True, True]]
            findings = left.findings(everything=True)
            assert of_disk(findings) == [("closed", "critical")]
            assert (meanwhile.id, "open") in {(finding.id, finding.state) for finding in findings}


def test_an_agent_that_cannot_begin_anew_ends_as_failed_and_the_next_goes_on(tmp_path: Path) -> None:
    """So whatever keeps it running starts it again, and says why; it left nothing locked."""
    (tmp_path / "state").write_text("in the way")
    agent = AgentProcess(tmp_path, CONFIG)
    agent.entry = ("-c", UPROOTED)
    with agent:
        assert status_of(agent).buffer.mode == "memory"
        agent.state.unlink()
        assert agent.process is not None
        _, err = agent.process.communicate(timeout=60)
        assert (agent.process.returncode, "ended to begin anew, and cannot: [Errno 2]" in err) == (1, True), err
    with AgentProcess(tmp_path, CONFIG) as following:
        assert status_of(following).buffer.mode == "disk"
