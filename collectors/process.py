"""What the watched services use of the machine, one set of readings a process."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import psutil

from collectors.run_queue import RunQueue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MAX_PROCESSES = 128
_MAX_THREADS = 512  # of all of them, that are read, a file each


class Used(NamedTuple):
    """One value of one process."""

    name: str
    unit: str
    value: float
    pid: int
    model: str


class _Watched:
    """One process, and what was counted of it before."""

    def __init__(self, pid: int, proc: Path) -> None:
        """Begin with one that runs. Raises psutil.Error where there is none."""
        self.process = psutil.Process(pid)
        self.run_queue = RunQueue(proc / str(pid) / "task")
        self.marked = False  # the first call of cpu_percent has nothing to compare with, and answers 0


class WatchedProcesses:
    """The processes that serve models, by pid.

    Parameters
    ----------
    proc
        Where the kernel shows their threads.

    """

    def __init__(self, proc: Path) -> None:
        self._proc = proc
        self._models: dict[int, str] = {}
        self._watched: dict[int, _Watched] = {}

    def watch(self, pids: Mapping[int, str]) -> None:
        """Watch these from now on, and no others; each pid with the name of its model, or with nothing."""
        self._models = dict(list(pids.items())[:_MAX_PROCESSES])
        self._watched = {pid: watched for pid, watched in self._watched.items() if pid in self._models}

    def read(self) -> Iterator[Used]:
        """Return what each uses now; what is gone, or not ours to see, has no reading."""
        threads = _MAX_THREADS
        for pid, model in self._models.items():
            try:
                watched = self._watched.get(pid)
                if watched is None or not watched.process.is_running():
                    watched = self._watched[pid] = _Watched(pid, self._proc)
                with watched.process.oneshot():  # what is read of it is read once
                    times = watched.process.cpu_times()
                    slowdown, read = watched.run_queue.slowdown(times.user + times.system, threads)
                    threads -= read
                    if slowdown is not None:
                        yield Used("process.cpu.slowdown", "1", slowdown, pid, model)
                    for name, unit, value in _measure(watched):
                        yield Used(name, unit, value, pid, model)
            except (psutil.Error, OSError, ValueError):
                self._watched.pop(pid, None)


def _measure(watched: _Watched) -> Iterator[tuple[str, str, float]]:
    process = watched.process
    busy = process.cpu_percent()
    if watched.marked:
        yield "process.cpu.utilization", "1", busy / 100
    watched.marked = True
    yield "process.memory.usage", "By", float(process.memory_info().rss)
    yield "process.thread.count", "{thread}", float(process.num_threads())
    with suppress(psutil.AccessDenied):  # another user's files are counted by root alone
        yield "process.open_file_descriptor.count", "{file_descriptor}", float(process.num_fds())
