"""Has an agent that could not use its state directory, and keeps all in memory, go on there once it can be used.

A file system that is read-only while a device starts, or a disk that fails for a while, would else cost every row until
somebody starts the agent anew. Nothing is said to be usable that was not opened: by what opens it at a start, with all
that is repaired then, in a thread of its own beside the agent.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from agent import buffer
from agent.buffer.patience import pause_ns
from agent.steady import SteadyClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agent.clock import DeviceClock
    from agent.model import Finding

log = logging.getLogger("driftline.comeback")


class Opened(NamedTuple):
    """A store with its clock, and the findings that are to go on in it."""

    clock: SteadyClock
    store: buffer.Buffer
    findings: Sequence[Finding] = ()


class Comeback:
    """Tries a state directory again and again, less and less often; used in an event loop.

    Parameters
    ----------
    config, state_dir, run_dir
        As `open_buffer` takes them.
    device
        The device's clock.
    wanted
        Whether there is anything to try: the agent keeps all in memory.

    """

    def __init__(
        self, config: buffer.BufferConfig, state_dir: Path, run_dir: Path, device: DeviceClock, *, wanted: bool
    ) -> None:
        self._config, self._state_dir, self._run_dir, self._device = config, state_dir, run_dir, device
        self._failures = int(wanted)
        self._failed_ns = device.monotonic_ns()
        self._trying: asyncio.Future[Opened | None] | None = None

    def look(self) -> bool:
        """Try where it is time; return whether the directory is open, and waits for `take`."""
        now = self._device.monotonic_ns()
        if self._trying is None:
            if self._failures and now - self._failed_ns >= pause_ns(self._failures):
                self._trying = asyncio.get_running_loop().run_in_executor(None, self._open)
            return False
        if not self._trying.done():
            return False
        error = self._trying.exception()
        if error is None and self._trying.result():
            return True
        if error is not None:
            log.warning("%s could not be tried again: %s", self._state_dir, error)
        self._trying = None
        self._failures, self._failed_ns = self._failures + 1, now
        return False

    async def take(self, *, wanted: bool) -> Opened | None:
        """Wait for what is tried, and return the open store if there is one; where it is not wanted, close it."""
        if self._trying is None:
            return None
        await asyncio.wait({self._trying})
        opened = None if self._trying.exception() else self._trying.result()
        self._trying, self._failures = None, 0
        if opened and not wanted:
            await asyncio.to_thread(opened.store.close)
        return opened if wanted else None

    def _open(self) -> Opened | None:
        clock = SteadyClock(self._device)
        try:
            store = buffer.open_buffer(self._state_dir, clock, self._config, self._run_dir)
        except (buffer.BufferBusyError, buffer.SchemaTooNewError) as error:
            log.warning("%s", error)
            return None
        if store.status().mode == "disk":
            return Opened(clock, store)
        store.close()
        return None
