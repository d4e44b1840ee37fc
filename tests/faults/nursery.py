"""The near side of `agent_nursery.py`: agents that start in a fraction of a second, and end at a chosen operation."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from agent.client import SOCKET_NAME, AgentClient
from agent.ports import AgentAwayError
from tests.faults import agent_nursery
from tests.faults.shim import environment, make_rules
from tests.waiting import wait_until

_STARTED_S = 240.0  # on a machine that is busy with other tests, too
ROOT = Path(__file__).parents[2]


class NurseryAgent:
    """One agent after another on the directories below `folder`. Use as a context manager."""

    def __init__(self, folder: Path, config: str) -> None:
        self.run, self.state, self._log = folder / "run", folder / "state", folder / "log"
        self.run.mkdir(mode=0o700)
        self.client = AgentClient(self.run / SOCKET_NAME)
        self._config = folder / "driftline.toml"
        self._config.write_text(config)
        self._rules_path = folder / "rules"
        self.rules = make_rules(self._rules_path)
        self._pid = 0
        around = environment(folder / "nothing") | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, agent_nursery.__file__], stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=around
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._pid:
            self.kill()
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()

    def start(self, kill_at: int = 0) -> None:
        """Start an agent, which dies in the middle of its `kill_at`-th operation on the state directory."""
        self.rules.operations, self.rules.kill_at = 0, kill_at
        arguments = ["agent", "--state", str(self.state), "--run", str(self.run), "--config", str(self._config)]
        watched = {"root": str(self.state), "rules": str(self._rules_path), "log": str(self._log)}
        self._pid = self._order({"start": arguments, **watched})

    @property
    def pid(self) -> int:
        """Of the agent that was started last; 0 once it was waited for."""
        return self._pid

    @property
    def alive(self) -> bool:
        """Whether it runs; what has died is a zombie until it is waited for."""
        return Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"

    def ready(self) -> bool:
        """Wait until it answers; False where it has ended before."""

        def answers() -> str | None:
            try:
                return "ready" if self.client.status() else None
            except AgentAwayError:
                return None if self.alive else "ended"

        return wait_until(answers, "the agent to answer or to end", _STARTED_S) == "ready"

    def shoot(self) -> None:
        """Send it SIGKILL, and do not wait."""
        os.kill(self._pid, signal.SIGKILL)

    def kill(self) -> str:
        """End it with SIGKILL; return how it ended where that was otherwise, with its last words."""
        self.shoot()
        status = self._order({"wait": self._pid})
        self._pid = 0
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            return ""
        return f"wait status {status}: {self.last_words}"

    def end(self) -> str:
        """End it in an orderly way; return what was wrong with its end."""
        os.kill(self._pid, signal.SIGTERM)
        status = self._order({"wait": self._pid})
        self._pid = 0
        return f"wait status {status}: {self.last_words}" if status else ""

    @property
    def last_words(self) -> str:
        """The end of what agents have said."""
        return self._log.read_text()[-2_000:]

    def _order(self, order: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())
