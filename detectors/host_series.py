"""Which host readings are watched as series, and how readings become one point a minute. The table is the choice.

A point is the mean of a minute's readings. A reading that is missing makes no point, never a 0. Left out: voltages and
power (they follow the load), the processor's clock (it falls whenever there is nothing to do), and what is a fault by
itself and needs no statistics: throttling, sensor alarms.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from agent.model import Block, Signal
from detectors.series_watched import SeriesKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from agent.model import Reading
    from detectors.series_watched import Ways

MAX_READINGS = 1_024  # different ones in a minute
MIB = 1024.0**2

Labels = tuple[tuple[str, str], ...]
Point = tuple[str, float]  # what it belongs to (a chip, a model; nothing for the device as a whole), and the value


class Minute:
    """The readings of one minute."""

    def __init__(self, cpus: int) -> None:
        self.cpus = cpus
        self._sums: dict[tuple[str, Labels], tuple[float, int]] = {}

    def add(self, reading: Reading) -> None:
        """Take a reading in."""
        key = (reading.name, reading.labels)
        if key in self._sums or len(self._sums) < MAX_READINGS:
            total, count = self._sums.get(key, (0.0, 0))
            self._sums[key] = (total + reading.value, count + 1)

    def means(self, name: str) -> Iterator[tuple[dict[str, str], float]]:
        """Return the mean of each reading of that name, with its labels."""
        for (known, labels), (total, count) in self._sums.items():
            if known == name:
                yield dict(labels), total / count


def _whole(name: str) -> Callable[[Minute], Iterable[Point]]:
    """Take the one reading of that name."""

    def points(minute: Minute) -> Iterator[Point]:
        for _, value in minute.means(name):
            yield "", value
            break

    return points


def _each(name: str) -> Callable[[Minute], Iterable[Point]]:
    """Take a reading a sensor."""

    def points(minute: Minute) -> Iterator[Point]:
        for labels, value in minute.means(name):
            yield labels.get("sensor", ""), value

    return points


def _of_models(name: str) -> Callable[[Minute], Iterable[Point]]:
    """Add up what the processes of a model use."""

    def points(minute: Minute) -> Iterable[Point]:
        sums: dict[str, float] = {}
        for labels, value in minute.means(name):
            model = labels.get("model", "")
            sums[model] = sums.get(model, 0.0) + value
        return [(model, value) for model, value in sums.items() if model]

    return points


def _hottest(minute: Minute) -> Iterable[Point]:
    """Take the hottest sensor of a chip; a chip's sensors are named by its first word."""
    chips: dict[str, float] = {}
    for labels, value in minute.means("hw.temperature"):
        chip = labels.get("sensor", "").partition(" ")[0]
        chips[chip] = max(value, chips.get(chip, value))
    return chips.items()


def _memory_in_use(minute: Minute) -> Iterator[Point]:
    """Take the share that no program could get any more; what the kernel caches is free."""
    for (_, limit), (_, available) in zip(
        minute.means("system.memory.limit"), minute.means("system.linux.memory.available"), strict=False
    ):
        yield "", 1 - available / limit


def _others(minute: Minute) -> Iterator[Point]:
    """Take what the watched services do not use of the processor."""
    services = sum(value for _, value in minute.means("process.cpu.utilization")) / minute.cpus
    for labels, value in minute.means("system.cpu.utilization"):
        if not labels:
            yield "", max(0.0, value - services)


def _services(minute: Minute) -> Iterable[Point]:
    """Take the share of the whole processor that each model's processes use."""
    return [(model, use / minute.cpus) for model, use in _of_models("process.cpu.utilization")(minute)]


class HostSeries(NamedTuple):
    """One row of the table: what is watched, from which readings, and from which change on anybody cares."""

    name: str
    unit: str
    points: Callable[[Minute], Iterable[Point]]
    ways: Ways
    least: float
    share: float


HOST_SERIES = (
    #          name                     unit    points                                    ways    least  share
    HostSeries("temperature",           "Cel",  _hottest,                                 "up",   8.0,   0.0),
    HostSeries("fan",                   "rpm",  _each("hw.fan.speed"),                    "down", 300.0, 0.3),
    HostSeries("other programs",        "1",    _others,                                  "up",   0.25,  0.5),
    HostSeries("processor of",          "1",    _services,                                "up",   0.15,  0.5),
    HostSeries("gpu",                   "1",    _whole("hw.gpu.utilization"),             "up",   0.25,  0.5),
    HostSeries("memory",                "1",    _memory_in_use,                           "up",   0.05,  0.1),
    HostSeries("memory of",             "By",   _of_models("process.memory.usage"),       "up",   50 * MIB, 0.3),
    HostSeries("swap",                  "1",    _whole("system.paging.utilization"),      "up",   0.1,   0.0),
    HostSeries("disk",                  "1",    _whole("system.filesystem.utilization"),  "up",   0.03,  0.0),
    HostSeries("open files of",         "{file_descriptor}", _of_models("process.open_file_descriptor.count"),
                                                                                          "up",   30.0,  0.5),
    HostSeries("threads of",            "{thread}", _of_models("process.thread.count"),   "up",   10.0,  0.5),
)  # fmt: skip


class HostPoints:
    """Collects readings, and makes a minute's points of them."""

    def __init__(self, cpus: int | None = None) -> None:
        self._cpus = cpus or os.cpu_count() or 1
        self._minute = Minute(self._cpus)

    def take(self, item: Block | Reading) -> None:
        """Take a reading in."""
        if not isinstance(item, Block):
            self._minute.add(item)

    def close(self, lasted_s: float) -> dict[str, tuple[SeriesKind, float]]:  # noqa: ARG002  # means need no duration
        """Return the points of the minute that is over, by their series' names."""
        minute, self._minute = self._minute, Minute(self._cpus)
        points = {}
        for row in HOST_SERIES:
            for owner, value in row.points(minute):
                name = f"{row.name} {owner}".strip()
                signal = Signal(name, "host", "continuous", row.unit)
                points[name] = (SeriesKind(signal, row.ways, row.least, row.share), value)
        return points
