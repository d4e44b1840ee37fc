"""Has an agent that could not use its state directory, and keeps all in memory, begin anew once it can be used.

A file system that is read-only while a device starts, or a disk that fails for a while, would else cost every row until
somebody starts the agent anew.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from agent import buffer
from agent.buffer.patience import pause_ns

if TYPE_CHECKING:
    from pathlib import Path

    from agent.clock import Clock

log = logging.getLogger("driftline.comeback")


class Comeback:
    """Tries a directory less and less often, in a thread that nobody waits for: a disk that fails can hold it for long.

    failures: how often it could not be used so far; 0: it can, and is not tried.
    """

    def __init__(self, state_dir: Path, clock: Clock, failures: int) -> None:
        self._state_dir, self._clock, self.failures = state_dir, clock, failures
        self._failed_ns = clock.monotonic_ns()
        self._trying: threading.Thread | None = None
        self._why = ""

    def look(self) -> bool:
        """Try where it is time; return whether it can be used."""
        now = self._clock.monotonic_ns()
        if self._trying is None and self.failures and now - self._failed_ns >= pause_ns(self.failures):
            self._why = "no thread could be begun"
            self._trying = threading.Thread(target=self._try, name="driftline-comeback", daemon=True)
            try:
                self._trying.start()
            except RuntimeError as error:
                log.warning("%s", error)
        if self._trying is None or self._trying.is_alive():
            return False
        self._trying = None
        if not self._why:
            return True
        log.warning("%s cannot be used yet: %s", self._state_dir, self._why)
        self.failures, self._failed_ns = self.failures + 1, now
        return False

    def _try(self) -> None:
        self._why = buffer.why_unusable(self._state_dir)
