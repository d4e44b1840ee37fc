"""How long the threads of a process wait for a processor: the second number of schedstat.

The kernel adds up, for each thread, the nanoseconds in which it could have run and did not, whoever did instead: other
programs, or more threads of its own than there are cores (Documentation/scheduler/sched-stats.rst in Linux).
A wait is added when it is over. No privilege is needed to read it.
"""

from __future__ import annotations

from errno import ENOENT, ESRCH
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


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

    def since(self, time_ns: int, most: int) -> tuple[float | None, int]:
        """Return the seconds a second that its threads waited since the last call, added up, and how many they are.

        None the first time; where the kernel does not count, or does not show it; and where there are more than `most`
        threads, a file each to read. Of a thread that has ended since, its last waits are not known.
        """
        waited = self._read(most)
        passed, before = time_ns - self._time_ns, self._waited
        self._time_ns, self._waited = time_ns, waited
        if not before or not waited or passed <= 0:
            return None, len(waited)
        return sum(max(0, now - before.get(thread, 0)) for thread, now in waited.items()) / passed, len(waited)

    def _read(self, most: int) -> dict[str, int]:
        try:
            threads = list(islice(self._tasks.iterdir(), most + 1))
        except OSError:
            return {}
        if len(threads) > most:
            return {}
        waited = {}
        for thread in threads:
            try:
                ran, waits, _ = (thread / "schedstat").read_bytes().split()
            except OSError as error:
                if error.errno in {ENOENT, ESRCH}:
                    continue  # it has ended, or this kernel has no such file
                return {}  # taken for a new thread at the next look, its whole life would count
            except ValueError:
                continue
            if int(ran):  # without the counts, all three are 0
                waited[thread.name] = int(waits)
        return waited
