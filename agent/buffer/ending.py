"""Lets another thread end an answer that a process is making."""

from __future__ import annotations

import subprocess
import threading
from contextlib import suppress

_DEATH_S = 1.0


class Ending:
    """The process that makes an answer: `end` kills it, and any that would be started for the same answer later.

    interrupted: whether it was killed so that its files can be opened anew; asking again helps then.
    """

    def __init__(self) -> None:
        self.interrupted = False
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Take note of a process that was started."""
        with self._lock:
            self._process = process
            if self._ended or self.interrupted:
                process.kill()

    def discard(self) -> None:
        """Take note that it has ended."""
        with self._lock:
            self._process = None

    def interrupt(self) -> None:
        """Have the process let go of its files, from any thread."""
        with self._lock:
            self.interrupted = True
            process = self._process
            if process:
                process.kill()
        if process:
            with suppress(subprocess.TimeoutExpired):  # it holds its locks until it is gone
                process.wait(_DEATH_S)

    def end(self) -> None:
        """Kill what there is, from any thread."""
        with self._lock:
            self._ended = True
            if self._process:
                self._process.kill()
