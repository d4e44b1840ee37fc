"""What the watched services use of the machine, one set of readings a process."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAX_PROCESSES = 256


class Used(NamedTuple):
    """One value of one process."""

    name: str
    unit: str
    value: float
    pid: int
    model: str


class WatchedProcesses:
    """The processes that serve models, by pid."""

    def __init__(self) -> None:
        self._processes: dict[int, psutil.Process] = {}
        self._models: dict[int, str] = {}
        self._marked: set[int] = set()

    def watch(self, pids: Mapping[int, str]) -> None:
        """Watch these from now on, and no others; each pid with the name of its model, or with nothing."""
        self._models = dict(list(pids.items())[:_MAX_PROCESSES])
        self._processes = {pid: process for pid, process in self._processes.items() if pid in self._models}
        self._marked &= self._processes.keys()

    def read(self) -> Iterator[Used]:
        """Return what each uses now; a process that is gone, or not ours to see, has no readings."""
        for pid, model in self._models.items():
            try:
                process = self._processes.get(pid)
                if process is None or not process.is_running():
                    process = self._processes[pid] = psutil.Process(pid)
                    self._marked.discard(pid)
                for name, unit, value in self._measure(pid, process):
                    yield Used(name, unit, value, pid, model)
            except (psutil.Error, OSError, ValueError):
                self._processes.pop(pid, None)
                self._marked.discard(pid)

    def _measure(self, pid: int, process: psutil.Process) -> Iterator[tuple[str, str, float]]:
        with process.oneshot():
            busy = process.cpu_percent()
            if pid in self._marked:
                yield "process.cpu.utilization", "1", busy / 100
            self._marked.add(pid)  # the first call has nothing to compare with, and answers 0
            yield "process.memory.usage", "By", float(process.memory_info().rss)
            yield "process.thread.count", "{thread}", float(process.num_threads())
            yield "process.open_file_descriptor.count", "{file_descriptor}", float(process.num_fds())
