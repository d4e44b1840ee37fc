"""What the agent costs while a demo runs, as the operating system counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from agent.clock import Clock


class AgentCost:
    """Memory and processor time of the agent, through all its restarts.

    Processor time counts from `begin`, so that the agent's own start is left out; that of a restart is not.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_ns = 0
        self._used: dict[int, float] = {}  # processor seconds per process, when last looked at
        self._at_begin = 0.0
        self._sampled_ns = 0
        self.rss_bytes: int | None = None

    def begin(self, pid: int) -> None:
        """Count from now on."""
        self.sample(pid)
        self._began_ns = self._sampled_ns
        self._at_begin = sum(self._used.values())

    def sample(self, pid: int) -> None:
        """Look at the agent; one that has just ended leaves what was seen before."""
        try:
            process = psutil.Process(pid)
            times = process.cpu_times()
            self._used[pid] = times.user + times.system
            self.rss_bytes = process.memory_info().rss or self.rss_bytes  # a process that ends shows 0
        except psutil.Error:
            return
        self._sampled_ns = self._clock.monotonic_ns()

    def cpu_percent(self) -> float | None:
        """Return the share of one core from `begin` to the last look, in per cent."""
        elapsed = (self._sampled_ns - self._began_ns) / 1e9
        if not self._began_ns or elapsed <= 0:
            return None
        return 100 * (sum(self._used.values()) - self._at_begin) / elapsed
