"""How much longer a process's work takes because its threads wait for a processor.

The kernel adds up, for each thread, the nanoseconds in which it ran, and those in which it could have run and did not:
for other programs, or for more threads of its own than there are cores (the first two numbers of schedstat,
Documentation/scheduler/sched-stats.rst in Linux). A wait is added when it is over. No privilege is needed to read it.
"""

from __future__ import annotations

from errno import ENOENT, ESRCH
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

LEAST_NS = 20_000_000  # a thread that ran for less says nothing
SEEN = 0.8  # of the process's time, that the threads must have taken which are still there
TICK_S = 0.02  # that the process's time may be out by: the kernel gives it in hundredths of a second, twice


class _Thread(NamedTuple):
    ran_ns: int
    waited_ns: int


class RunQueue:
    """What the threads of one process wait for the processor, from one look to the next.

    Parameters
    ----------
    tasks
        /proc/PID/task.

    """

    def __init__(self, tasks: Path) -> None:
        self._tasks = tasks
        self._threads: dict[str, _Thread] = {}
        self._cpu_s = 0.0

    def slowdown(self, cpu_s: float, most: int) -> tuple[float | None, int]:
        """Return how many times as long as it ran a thread took, waits included, and how many threads were read.

        It is that of the thread which waited most for what it ran, since the last call; 1 is without any wait. `cpu_s`
        is the processor time of the process so far, in seconds. None the first time; where the kernel does not count,
        or does not show it; where there are more than `most` threads, a file each to read; where none ran for LEAST_NS;
        and where threads that have ended since took much of the time, such as with a thread for each request.
        """
        threads = self._read(most)
        before, spent_s = self._threads, cpu_s - self._cpu_s
        self._threads, self._cpu_s = threads, cpu_s
        if not before or not threads:
            return None, len(threads)
        none = _Thread(0, 0)
        since = [
            _Thread(now.ran_ns - then.ran_ns, now.waited_ns - then.waited_ns)
            for now, then in ((now, before.get(name, none)) for name, now in threads.items())
        ]
        if sum(thread.ran_ns for thread in since) < SEEN * (spent_s - TICK_S) * 1e9:
            return None, len(threads)
        long = [1 + thread.waited_ns / thread.ran_ns for thread in since if thread.ran_ns >= LEAST_NS]
        return max(long, default=None), len(threads)

    def _read(self, most: int) -> dict[str, _Thread]:
        try:
            paths = list(islice(self._tasks.iterdir(), most + 1))
        except OSError:
            return {}
        if len(paths) > most:
            return {}
        threads = {}
        for path in paths:
            try:
                ran, waited, _ = (path / "schedstat").read_bytes().split()
            except OSError as error:
                if error.errno in {ENOENT, ESRCH}:
                    continue  # it has ended, or this kernel has no such file
                return {}  # taken for a new thread at the next look, its whole life would count
            except ValueError:
                continue
            if int(ran):  # without the counts, all three are 0
                threads[path.name] = _Thread(int(ran), int(waited))
        return threads
