"""Has an agent that could not use its state directory, and keeps all in memory, begin anew once it can be used.

A file system that is read-only while a device starts, or a disk that fails for a while, would else cost every row until
somebody starts the agent anew.
"""

from __future__ import annotations

import logging
import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from agent.buffer.patience import pause_ns
from agent.buffer.trying import NEEDED_MIB, Answer, Question
from agent.confine import own_command
from agent.room import lacking

if TYPE_CHECKING:
    from pathlib import Path

    from agent.buffer import BufferConfig
    from agent.clock import Clock
    from agent.status import Repair

_KILLED_S = 1.0  # what a disk holds can take longer to end than anybody should wait

log = logging.getLogger("driftline.comeback")


class Comeback:
    """Tries a directory less and less often, in a process that nobody waits for: a disk that fails can hold it long.

    failures: how often it could not be used so far; 0: it can, and is not tried. repairs: what was repaired by that.
    """

    def __init__(self, config: BufferConfig, state_dir: Path, clock: Clock, failures: int) -> None:
        self._config, self._state_dir, self._clock, self.failures = config, state_dir, clock, failures
        self._failed_ns = clock.monotonic_ns()
        self._trying: subprocess.Popen[bytes] | None = None
        self.repairs: list[Repair] = []

    def look(self) -> bool:
        """Try where it is time; return whether it can be used."""
        if self._trying is None:
            if self.failures and self._clock.monotonic_ns() - self._failed_ns >= pause_ns(self.failures):
                self._begin()
            return False
        if self._trying.poll() is None:
            return False
        answer = self._end()
        self.repairs += answer.repairs
        if answer.why:
            self._put_off(answer.why)
        return not answer.why

    def close(self) -> None:
        """End what is being tried."""
        if self._trying is not None:
            self._trying.kill()
            with suppress(subprocess.TimeoutExpired):
                self._trying.wait(_KILLED_S)

    def _begin(self) -> None:
        if full := lacking(NEEDED_MIB, "opening the state directory", "it is tried again"):
            self._put_off(full)
            return
        command = own_command("agent.buffer.trying", str(os.getpid()))
        question = Question(directory=str(self._state_dir.absolute()), config=self._config)
        try:
            trying = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  # our own
        except OSError as error:
            self._put_off(f"it could not be tried: {error}")
            return
        self._trying = trying
        assert self._trying.stdin
        # One that has ended already shows when its answer is read.
        with suppress(BrokenPipeError), self._trying.stdin:
            self._trying.stdin.write(msgspec.json.encode(question))

    def _end(self) -> Answer:
        trying, self._trying = self._trying, None
        assert trying
        assert trying.stdout
        with trying.stdout:
            said = trying.stdout.read()
        try:
            return msgspec.json.decode(said, type=Answer)
        except msgspec.MsgspecError:
            return Answer(why=f"the process that tried it ended with {trying.returncode}")

    def _put_off(self, why: str) -> None:
        log.warning("%s cannot be used yet: %s", self._state_dir, why)
        self.failures, self._failed_ns = self.failures + 1, self._clock.monotonic_ns()
