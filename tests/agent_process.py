"""A real agent process for tests, and a real watched service beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from agent.client import SOCKET_NAME, AgentClient
from agent.ports import AgentAwayError
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.status import Status

ROOT = Path(__file__).resolve().parents[1]
FAST_REFERENCE = "[reference]\nrows = 500\nseconds = 2\n[scrape]\nport = 19637\n"


class AgentProcess:
    """`driftline agent` on directories below `folder`. Use as a context manager; it stops what it started."""

    def __init__(
        self,
        folder: Path,
        config: str = FAST_REFERENCE,
        state: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.run, self.state = folder / "run", state or folder / "state"
        self.config = folder / "driftline.toml"
        self.config.write_text(config)
        self.client = AgentClient(self.run / SOCKET_NAME)
        self.process: subprocess.Popen[str] | None = None
        self.entry = ("-m", "agent")
        self.environment = environment or {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def start(self) -> Status:
        """Start it, and wait until it answers."""
        self.process = self.spawn()
        return wait_until(self.status, "the agent to answer")

    def spawn(self) -> subprocess.Popen[str]:
        """Start a process on these directories, and do not wait."""
        command = [sys.executable, *self.entry, "agent", "--state", self.state, "--run", self.run]
        return subprocess.Popen(
            [*map(str, command), "--config", str(self.config)],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | self.environment,
        )  # fmt: skip

    def status(self) -> Status | None:
        """Ask it; None where it does not answer. Fails where it has ended by itself."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the agent ended with {self.process.returncode}: {self.process.communicate()}")
        try:
            return self.client.status()
        except AgentAwayError:
            return None

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal; return exit code, stdout and stderr."""
        assert self.process is not None
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


class ServiceProcess:
    """The meter camera as a service, in the agent's run directory."""

    def __init__(self, run: Path, *options: str) -> None:
        command = [sys.executable, "-m", "examples.meter_camera.service", *options]
        self.process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdout=subprocess.PIPE, env=os.environ | {"DRIFTLINE_RUN": str(run)}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def end(self) -> dict[str, Any]:
        """Stop it, and return its last line."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=30)
        last: dict[str, Any] = json.loads(out.splitlines()[-1])
        return last
