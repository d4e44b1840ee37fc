"""The host collector: processor, memory, disk, sensors and the watched services, by their OpenTelemetry names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import psutil

from agent.model import Reading
from collectors.emmc import read_cards
from collectors.process import WatchedProcesses
from collectors.sysfs import read_hardware

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from agent.clock import Clock
    from agent.ports import Item


class HostConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often the host is measured. Five seconds see a throttling episode, and cost 0.1 % of a core."""

    interval_seconds: Annotated[float, msgspec.Meta(ge=0.5, le=3600)] = 5.0


class HostCollector:
    """Measures the device every `interval_s` seconds.

    Parameters
    ----------
    clock
        Time.
    root
        Where /sys is found, and the threads of the services in /proc.
    interval_s
        Time between two measurements.
    state_dir
        The file system with the agent's state, whose fill is reported.

    """

    name = "host"

    def __init__(
        self, clock: Clock, root: Path = Path("/"), interval_s: float = 5.0, state_dir: Path | None = None
    ) -> None:
        self._clock = clock
        self._root = root
        self._interval_ns = round(interval_s * 1e9)
        self._state_dir = state_dir
        self._processes = WatchedProcesses(root / "proc")
        self._due_ns = clock.monotonic_ns()
        self._cpu_marked = False

    def watch_pids(self, pids: Mapping[int, str] | AbstractSet[int]) -> None:
        """Measure these processes from now on, and no others; a mapping gives the model that each serves."""
        self._processes.watch(pids if isinstance(pids, Mapping) else dict.fromkeys(pids, ""))

    def collect(self) -> list[Item]:
        """Return the readings that are due."""
        now = self._clock.monotonic_ns()
        if now < self._due_ns:
            return []
        # From now, not from when it was due: after a pause one measurement is enough.
        self._due_ns = now + self._interval_ns
        return list(self._readings(self._clock.wall_ns()))

    def close(self) -> None:
        """Hold nothing."""

    def _readings(self, time_ns: int) -> Iterator[Reading]:
        busy = psutil.cpu_percent()
        if self._cpu_marked:
            yield Reading("system.cpu.utilization", "1", busy / 100, time_ns)
        self._cpu_marked = True  # the first call has nothing to compare with, and answers 0
        # What shares of single cores are compared with the share of all by.
        yield Reading("system.cpu.logical.count", "{cpu}", float(os.cpu_count() or 1), time_ns)
        yield Reading("system.cpu.load_average.1m", "{thread}", os.getloadavg()[0], time_ns)
        memory = psutil.virtual_memory()
        used = (("state", "used"),)
        yield Reading("system.memory.utilization", "1", memory.used / memory.total, time_ns, used)
        yield Reading("system.memory.usage", "By", float(memory.used), time_ns, used)
        yield Reading("system.memory.limit", "By", float(memory.total), time_ns)
        yield Reading("system.linux.memory.available", "By", float(memory.available), time_ns)
        swap = psutil.swap_memory()
        if swap.total:
            yield Reading("system.paging.utilization", "1", swap.used / swap.total, time_ns)
        yield from self._filesystem(time_ns)
        for measured in (*read_hardware(self._root), *read_cards(self._root)):
            named = (("sensor", measured.sensor), ("state", measured.state))
            labels = tuple(label for label in named if label[1])
            yield Reading(measured.name, measured.unit, measured.value, time_ns, labels)
        for use in self._processes.read():
            labels = (("pid", str(use.pid)), *((("model", use.model),) if use.model else ()))
            yield Reading(use.name, use.unit, use.value, time_ns, labels)

    def _filesystem(self, time_ns: int) -> Iterator[Reading]:
        if self._state_dir is None:
            return
        try:
            disk = psutil.disk_usage(str(self._state_dir))
        except OSError:
            return  # not there yet, or taken away: no reading
        labels = (("mountpoint", str(self._state_dir)),)
        yield Reading("system.filesystem.utilization", "1", disk.percent / 100, time_ns, labels)
