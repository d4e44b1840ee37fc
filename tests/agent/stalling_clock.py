"""A device so busy that whoever reads its clocks may be stopped after any reading."""

from __future__ import annotations

import random

from agent.clock import ManualClock


class StallingClock(ManualClock):
    """Time goes on while it is read: a little always, `stall_s` every so often. By chance, but with a seed."""

    def __init__(self, wall_ns: int, seed: int, stall_s: float = 0.7) -> None:
        super().__init__(wall_ns)
        self._random, self._stall_s = random.Random(seed), stall_s
        self.stalls = True

    def _pass(self) -> None:
        if self.stalls:
            self.advance(self._stall_s if self._random.random() < 0.2 else 2e-6)

    def monotonic_ns(self) -> int:
        """Read, and be stopped."""
        read = super().monotonic_ns()
        self._pass()
        return read

    def since_boot_ns(self) -> int:
        """Read, and be stopped."""
        read = super().since_boot_ns()
        self._pass()
        return read

    def wall_ns(self) -> int:
        """Read, and be stopped."""
        self.stalls, stalls = False, self.stalls
        read = super().wall_ns()
        self.stalls = stalls
        self._pass()
        return read

    def set_by(self, seconds: float) -> None:
        """Set the wall clock."""
        self._wall_start_ns += round(seconds * 1e9)

    def now_ns(self) -> int:
        """Say what the monotonic clock shows, and let no time go by."""
        return self._elapsed_ns
