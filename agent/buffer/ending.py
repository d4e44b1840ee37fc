"""Lets another thread end an answer that a process is making."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess


class Ending:
    """The process that makes an answer: `end` kills it, and any that would be started for the same answer later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Take note of a process that was started."""
        with self._lock:
            self._process = process
            if self._ended:
                process.kill()

    def discard(self) -> None:
        """Take note that it has ended."""
        with self._lock:
            self._process = None

    def end(self) -> None:
        """Kill what there is, from any thread."""
        with self._lock:
            self._ended = True
            if self._process:
                self._process.kill()
