"""A process that the demo starts: in a group of its own, with a log, and never outliving the demo.

Where the demo is killed outright and can stop nothing, the kernel ends its children (Linux).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STOP_SECONDS = 8.0  # the agent promises to have committed everything within 5
TAIL_LINES = 12
TAIL_BYTES = 8_192

# Asks the kernel for SIGTERM when the parent ends, sees that it has not ended already, and becomes the command. An
# exec of its own because code between fork and exec of a process with threads may hang.
_LEASH = """\
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):
    sys.exit("the demo has ended")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Child:
    """A running process; make one with `start`."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @classmethod
    async def start(
        cls, name: str, command: Sequence[str], log: Path, *, run: Path, lock: int, read: bool = False
    ) -> Child:
        """Start `command`.

        Parameters
        ----------
        name
            What to call it in messages.
        command
            An absolute path to an executable, and its arguments.
        log
            Where its stderr goes, and its stdout unless `read`.
        run
            The run directory, for its environment; it sees no other.
        lock
            A descriptor that it keeps open.
        read
            Whether `process.stdout` is for us.
        """
        leashed = [sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid()), *command]
        with log.open("ab") as sink:
            process = await asyncio.create_subprocess_exec(
                *leashed,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if read else sink,
                stderr=sink,
                env={**os.environ, "DRIFTLINE_RUN": str(run)},
                start_new_session=True,
                pass_fds=(lock,),
            )
        return cls(name, process, log)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    async def stop(self) -> None:
        """End it and whatever it started: politely, then not."""
        if self.running:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), STOP_SECONDS)
        self._signal(signal.SIGKILL)
        await self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def ending(self) -> str:
        """Say how it ended."""
        code = self.process.returncode
        if code is None:
            return "is running"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def tail(self) -> str:
        """Return the last lines of its log, or say that there are none."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:]) or "(its log is empty)"
