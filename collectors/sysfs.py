"""What the kernel says of the hardware under /sys: temperatures, power, voltage, fans, clocks, throttling, alarms.

Every file may be missing, empty, or answer with an error: a sensor that does not answer has no reading, never a 0.
Bounded: at most MAX_SENSORS files of a kind are read.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_SENSORS = 64
_COLDEST, _HOTTEST = -80.0, 250.0  # degrees beyond which a chip reports that it has no sensor there

# hwmon's file prefix: OpenTelemetry name, unit, the kernel's units in one of ours
_HWMON = {
    "temp": ("hw.temperature", "Cel", 1_000),
    "power": ("hw.power", "W", 1_000_000),
    "in": ("hw.voltage", "V", 1_000),
    "fan": ("hw.fan.speed", "rpm", 1),
}
_GPU_LOAD = ("sys/devices/gpu.0/load", "sys/devices/platform/gpu.0/load")  # Jetson, in thousandths


class Measured(NamedTuple):
    """One value of one sensor; for `hw.status`, whether it is in `state`."""

    name: str
    unit: str
    value: float
    sensor: str = ""
    state: str = ""


def read_hardware(root: Path) -> Iterator[Measured]:
    """Return what the sensors under `root`/sys say now."""
    zones = list(_thermal_zones(root))
    yield from zones
    yield from _hwmon(root, {zone.sensor.replace("-", "_") for zone in zones})
    yield from _clocks(root)
    yield from _throttling(root)
    for place in _GPU_LOAD:
        load = read_number(root / place)
        if load is not None:
            yield Measured("hw.gpu.utilization", "1", load / 1_000, "gpu")
            break


def read_number(path: Path) -> float | None:
    """Return the number in a file of one line, or None."""
    text = read_text(path)
    try:
        return float(text) if text else None
    except ValueError:
        return None


def read_text(path: Path) -> str:
    """Return the first line of a file, or nothing."""
    try:
        with path.open("rb") as file:
            return file.read(128).split(b"\n")[0].decode("ascii", "replace").strip()
    except OSError:
        return ""


def _listed(directory: Path, pattern: str) -> list[Path]:
    return list(islice(sorted(directory.glob(pattern)), MAX_SENSORS))


def _thermal_zones(root: Path) -> Iterator[Measured]:
    taken: set[str] = set()
    for zone in _listed(root / "sys/class/thermal", "thermal_zone*"):
        value = read_number(zone / "temp")
        if value is not None and _COLDEST < value / 1_000 < _HOTTEST:
            name = read_text(zone / "type") or zone.name
            name = f"{name} {zone.name.removeprefix('thermal_zone')}" if name in taken else name
            taken.add(name)
            yield Measured("hw.temperature", "Cel", value / 1_000, name)


def _hwmon(root: Path, zones: set[str]) -> Iterator[Measured]:
    for chip in _listed(root / "sys/class/hwmon", "hwmon*"):
        name = read_text(chip / "name") or chip.name
        currents: dict[str, float] = {}
        volts: dict[str, float] = {}
        for path in _listed(chip, "*_input"):
            kind = path.name.removesuffix("_input").rstrip("0123456789")
            index = path.name.removesuffix("_input")[len(kind) :]
            value = read_number(path)
            if value is None:
                continue
            label = read_text(chip / f"{kind}{index}_label")
            if kind == "curr":
                currents[index] = value / 1_000
            if kind == "in":
                volts[index] = value / 1_000
            # The kernel shows every thermal zone as a chip of the same name again.
            if not (kind == "temp" and name in zones):
                yield from _hwmon_value(kind, value, f"{name} {label or kind + index}")
        for index in sorted(currents.keys() & volts.keys()):
            rail = read_text(chip / f"in{index}_label") or f"rail{index}"
            yield Measured("hw.power", "W", currents[index] * volts[index], f"{name} {rail}")
        for path in _listed(chip, "*crit_alarm"):
            raised = read_number(path)
            if raised is not None:
                yield Measured(
                    "hw.status", "1", float(raised > 0), f"{name} {path.name.removesuffix('_alarm')}", "failed"
                )


def _hwmon_value(kind: str, value: float, sensor: str) -> Iterator[Measured]:
    if kind in _HWMON:
        name, unit, scale = _HWMON[kind]
        if kind != "temp" or _COLDEST < value / scale < _HOTTEST:
            yield Measured(name, unit, value / scale, sensor)


def _clocks(root: Path) -> Iterator[Measured]:
    """Return the mean clock of the processors, and the smallest share that one of them runs at of what it can do."""
    cores = _listed(root / "sys/devices/system/cpu", "cpu[0-9]*")
    speeds = [(read_number(c / "cpufreq/scaling_cur_freq"), read_number(c / "cpufreq/cpuinfo_max_freq")) for c in cores]
    now = [current for current, _ in speeds if current]
    shares = [current / most for current, most in speeds if current and most]
    if now:
        yield Measured("system.cpu.frequency", "Hz", 1_000 * sum(now) / len(now))
    if shares:
        yield Measured("system.cpu.frequency.ratio", "1", min(shares))


def _throttling(root: Path) -> Iterator[Measured]:
    cores = _listed(root / "sys/devices/system/cpu", "cpu[0-9]*")
    counts = [read_number(core / "thermal_throttle/core_throttle_count") for core in cores]
    known = [count for count in counts if count is not None]
    if known:
        yield Measured("system.cpu.throttle.count", "{event}", max(known))
    flags = read_text(root / "sys/devices/platform/soc/soc:firmware/get_throttled")  # Raspberry Pi
    try:
        bits = int(flags, 16) if flags else None
    except ValueError:
        bits = None
    if bits is not None:
        yield Measured("hw.status", "1", float(bits & 1), "under-voltage", "failed")
        yield Measured("system.cpu.throttled", "1", float(bits >> 1 & 0b111 > 0))
