"""A real agent process through what wall clocks of devices do: 1970, and ten years off, set and restarted in each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent_process import FAST_REFERENCE, ROOT, AgentProcess
from tests.faults.faked_clock import FakedClock
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.status import Status

YEARS = 10 * 365 * 86_400.0
SLACK_S = 5.0
FAST = f"""{FAST_REFERENCE}
[buffer]
capture = "all"
commit_seconds = 0.2
keep_days = 1
segment_mib = 0.5
[host]
interval_seconds = 1
"""
SERVICE = """
import sys, time
import driftline
for line in sys.stdin:
    first, last = map(int, line.split())
    for number in range(first, last):
        driftline.observe("valve", {"number": number}, latency_s=0.001)
        time.sleep(0.002)
    print("done", flush=True)
"""


class Device:
    """A service that counts, an agent with a clock that lies, and when it all began."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakedClock(folder)
        self.agent = AgentProcess(folder, FAST, environment=self.clock.environment)
        self.began = time.time()
        self.rows = 0
        self._service = subprocess.Popen(
            [sys.executable, "-c", SERVICE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env=os.environ | {"DRIFTLINE_RUN": str(self.agent.run)},
        )  # fmt: skip

    def work(self) -> None:
        """Run a hundred inferences, and wait until they are stored."""
        assert self._service.stdin
        assert self._service.stdout
        print(self.rows, self.rows + 100, file=self._service.stdin, flush=True)
        assert self._service.stdout.readline() == "done\n"
        self.rows += 100
        wait_until(
            lambda: self.ask("SELECT count(*) FROM inferences") == [[self.rows]] or None, "the rows to be stored"
        )

    def ask(self, sql: str) -> list[list[Any]]:
        """Ask the agent."""
        rows: list[list[Any]] = self.agent.client.query(sql, 100_000, 10.0)["rows"]
        return rows

    def restart(self, number: int) -> None:
        """End the agent by a signal, and start the next."""
        self.agent.stop(number)
        self.agent.start()

    def wait_for_event(self, words: str) -> None:
        """Wait until the history says so."""
        wait_until(lambda: any(words in event.text for event in self.status().events) or None, words)

    def status(self) -> Status:
        """Return the agent's status."""
        return wait_until(self.agent.status, "the agent to answer")

    def _committed(self) -> Status | None:
        status = self.status()
        return status if status.buffer.last_commit else None

    def check(self) -> None:
        """Every row is there once, in its order and dated within the test; so is all else; no duration is negative."""
        times = self.ask("SELECT number, epoch_ns(time) / 1e9 FROM inferences ORDER BY time")
        assert [number for number, _ in times] == list(range(self.rows))
        others = self.ask(
            "SELECT epoch_ns(time) / 1e9 FROM readings UNION ALL SELECT epoch_ns(time) / 1e9 FROM events UNION ALL "
            "SELECT epoch_us(unnest([onset, opened, updated, closed])) / 1e6 FROM findings"
        )
        end = time.time() + SLACK_S
        moments = [moment for _, moment in times] + [moment for (moment,) in others if moment is not None]
        assert self.began - SLACK_S <= min(moments) <= max(moments) <= end
        status = wait_until(self._committed, "a commit to be told of")
        assert abs(status.time.timestamp() - time.time()) < SLACK_S
        assert 0 <= status.agent.uptime_s < end - self.began
        assert abs(status.agent.started.timestamp() + status.agent.uptime_s - status.time.timestamp()) < SLACK_S
        assert status.buffer.last_commit is None or status.buffer.last_commit <= status.time
        assert all(self.began - SLACK_S <= event.time.timestamp() <= end for event in status.events)
        assert all(part.ok for part in status.agent.parts), status.agent.parts
        for finding in self.agent.client.findings(everything=True):
            assert finding.onset <= finding.opened <= finding.updated <= status.time

    def close(self) -> None:
        """End what was started."""
        self._service.kill()
        self._service.communicate()
        self.agent.__exit__()


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    """A device; its agent is not started."""
    made = Device(tmp_path)
    yield made
    made.close()


def test_a_device_that_boots_in_1970_ends_with_right_times(device: Device) -> None:
    """Two agents in 1970, the first killed, and the clock set under the second: all is dated right, and it is said."""
    device.clock.show(100.0)
    device.agent.start()
    device.work()
    assert device.ask("SELECT max(year(time)) FROM inferences") == [[1970]]
    device.restart(signal.SIGKILL)
    device.work()
    device.clock.shift(0.0)
    device.wait_for_event("The clock was set forward by")
    device.work()
    device.check()
    assert [(f.kind, f.severity) for f in device.agent.client.findings()] == [("clock", "info")]
    device.restart(signal.SIGTERM)
    device.work()
    device.check()


def test_a_clock_that_is_set_while_the_agent_is_down_corrects_what_it_wrote(device: Device) -> None:
    """1970, stop, set, start."""
    device.clock.show(100.0)
    device.agent.start()
    device.work()
    device.agent.stop()
    device.clock.shift(0.0)
    device.agent.start()
    device.work()
    device.check()
    assert [f.kind for f in device.agent.client.findings()] == ["clock"]


def test_jumps_of_ten_years_that_are_taken_back_leave_nothing_behind(device: Device) -> None:
    """Ahead and behind, with a restart in each: rows keep their order and have right times, and none is gone."""
    device.agent.start()
    device.work()
    for jump in (YEARS, -YEARS):
        device.clock.shift(jump)
        device.wait_for_event("The clock was set")
        device.work()
        device.restart(signal.SIGKILL)
        device.work()
        device.clock.shift(0.0)
        wait_until(lambda: abs(device.status().time.timestamp() - time.time()) < SLACK_S or None, "the right time")
        device.work()
    device.check()
