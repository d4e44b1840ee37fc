"""How long the threads of a process wait for a processor: the second number of schedstat.

The kernel counts, for each thread, the nanoseconds in which it could have run and others did
(Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat). It is what tells a process that other programs slow down
from one that is slow by itself while they happen to be busy.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOST_THREADS = 256  # a file each is read; of a process with more, nothing is said


class Waiting:
    """How long one process has waited, from reading to reading.

    Parameters
    ----------
    tasks
        /proc/PID/task.

    """

    def __init__(self, tasks: Path) -> None:
        self._tasks = tasks
        self._time_ns = 0
        self._waited: dict[str, int] = {}

    def since(self, time_ns: int) -> float | None:
        """Return the seconds a second that its threads waited since the last call, added up; at most one a thread.

        None the first time, and where the kernel does not count or show them, or there are more than MOST_THREADS.
        Of a thread that has ended since, its last waits are not known.
        """
        waited = self._read()
        passed, before = time_ns - self._time_ns, self._waited
        self._time_ns, self._waited = time_ns, waited
        if not before or not waited or passed <= 0:
            return None
        return sum(max(0, now - before.get(thread, 0)) for thread, now in waited.items()) / passed

    def _read(self) -> dict[str, int]:
        waited = {}
        try:
            threads = list(islice(self._tasks.iterdir(), MOST_THREADS + 1))
        except OSError:
            return {}
        if len(threads) > MOST_THREADS:
            return {}
        for thread in threads:
            try:
                ran, waits, _ = (thread / "schedstat").read_bytes().split()
            except (OSError, ValueError):
                continue  # it has ended, or this kernel has no such file
            if int(ran):  # without the counts, all three are 0
                waited[thread.name] = int(waits)
        return waited
