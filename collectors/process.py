"""What the watched services use of the machine, one set of readings a process."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import psutil

from collectors.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MAX_PROCESSES = 256


class Used(NamedTuple):
    """One value of one process."""

    name: str
    unit: str
    value: float
    pid: int
    model: str


class WatchedProcesses:
    """The processes that serve models, by pid.

    Parameters
    ----------
    proc
        Where the kernel shows them.

    """

    def __init__(self, proc: Path) -> None:
        self._proc = proc
        self._processes: dict[int, psutil.Process] = {}
        self._models: dict[int, str] = {}
        self._waiting: dict[int, Waiting] = {}  # of those that were measured at least once

    def watch(self, pids: Mapping[int, str]) -> None:
        """Watch these from now on, and no others; each pid with the name of its model, or with nothing."""
        self._models = dict(list(pids.items())[:_MAX_PROCESSES])
        self._processes = {pid: process for pid, process in self._processes.items() if pid in self._models}
        self._waiting = {pid: waiting for pid, waiting in self._waiting.items() if pid in self._processes}

    def read(self, time_ns: int) -> Iterator[Used]:
        """Return what each uses now, at a monotonic time; one that is gone, or not ours to see, has no readings."""
        for pid, model in self._models.items():
            try:
                process = self._processes.get(pid)
                if process is None or not process.is_running():
                    process = self._processes[pid] = psutil.Process(pid)
                    self._waiting.pop(pid, None)
                for name, unit, value in self._measure(pid, process, time_ns):
                    yield Used(name, unit, value, pid, model)
            except (psutil.Error, OSError, ValueError):
                self._processes.pop(pid, None)
                self._waiting.pop(pid, None)

    def _measure(self, pid: int, process: psutil.Process, time_ns: int) -> Iterator[tuple[str, str, float]]:
        with process.oneshot():
            busy = process.cpu_percent()
            if pid in self._waiting:  # the first call has nothing to compare with, and answers 0
                yield "process.cpu.utilization", "1", busy / 100
            else:
                self._waiting[pid] = Waiting(self._proc / str(pid) / "task")
            waited = self._waiting[pid].since(time_ns)
            if waited is not None:
                yield "process.cpu.wait", "1", waited
            yield "process.memory.usage", "By", float(process.memory_info().rss)
            yield "process.thread.count", "{thread}", float(process.num_threads())
            yield "process.open_file_descriptor.count", "{file_descriptor}", float(process.num_fds())
