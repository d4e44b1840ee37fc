"""What the host's readings say about the device, picked out by their OpenTelemetry names. Standard library only.

A sensor that gives no reading gives no fact: nothing is shown as 0 because it is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tui.format import percent, size, value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.model import Reading
    from agent.status import SeriesStatus, Status

_AT_REST = {"idle", "iowait", "steal"}  # cpu.mode in which the processor does nothing for this machine
_HELD_UP = 1.5  # times as long, from which it is said that a service waits for a core; a choice of display
_LIFE = "hw.physical_disk.endurance_utilization"
FAILING = {"failed", "degraded", "predicted_failure"}  # states of hw.status

WATCHED = 0.5  # share of the way to an alarm from which a series of the device is named; a choice of display, no alarm


class Fact(NamedTuple):
    """One thing to show: `share` in [0, 1] where a gauge makes sense; `bad` where someone should look."""

    label: str
    text: str
    share: float | None = None
    bad: bool = False


def host_facts(readings: Iterable[Reading]) -> list[Fact]:
    """Pick the device's own facts: processor, memory, temperature, disk, load, and what fails."""
    by_name: dict[str, list[Reading]] = {}
    for reading in readings:
        by_name.setdefault(reading.name, []).append(reading)
    facts = []
    cpu = _busy(by_name.get("system.cpu.utilization", []))
    if cpu is not None:
        facts.append(Fact("cpu", percent(cpu), cpu))
    memory = _memory(by_name)
    if memory is not None:
        facts.append(memory)
    hottest = max(by_name.get("hw.temperature", []), key=lambda r: r.value, default=None)
    if hottest is not None:
        facts.append(Fact("hottest", f"{hottest.value:.0f} °C{_in_brackets(label(hottest, 'name', 'id', 'sensor'))}"))
    disks = by_name.get("system.filesystem.utilization", [])
    if disks:
        fullest = max(disks, key=lambda r: r.value)
        place = label(fullest, "system.filesystem.mountpoint", "mountpoint") if len(disks) > 1 else ""
        facts.append(Fact(f"disk {place}".strip(), percent(fullest.value), fullest.value))
    life = by_name.get(_LIFE)
    if life:
        facts.append(_life(min(life, key=lambda r: r.value)))
    load = by_name.get("system.cpu.load_average.1m") or by_name.get("system.linux.cpu.load_1m")
    if load:
        facts.append(Fact("load", f"{load[0].value:.2f}"))
    facts += _throttling(by_name) + _power(by_name)
    alarms = [r for r in by_name.get("hw.status", []) if label(r, "state") in FAILING and r.value > 0]
    failed = [label(r, "sensor", "name") or "a sensor" for r in alarms]
    if failed:
        facts.append(Fact("failed", ", ".join(failed), bad=True))
    return facts


def _throttling(by_name: dict[str, list[Reading]]) -> list[Fact]:
    """Say that the processor is slowed down, and to what share of its clock."""
    if not any(r.value > 0 for r in by_name.get("system.cpu.throttled", [])):
        return []
    clock = min((r.value for r in by_name.get("system.cpu.frequency.ratio", [])), default=None)
    return [
        Fact(
            "cpu throttled",
            "yes" + _in_brackets(f"{percent(clock)} of its clock" if clock is not None else ""),
            None,
            bad=True,
        )
    ]


def _power(by_name: dict[str, list[Reading]]) -> list[Fact]:
    """Say what is drawn, by the largest rail, which the others are part of, and what a battery has left."""
    drawn = max(by_name.get("hw.power", []), key=lambda r: r.value, default=None)
    facts = [Fact("power", f"{drawn.value:.1f} W{_in_brackets(label(drawn, 'sensor'))}")] if drawn else []
    charge = min((r.value for r in by_name.get("hw.battery.charge", [])), default=None)
    return [*facts, Fact("battery", percent(charge), charge)] if charge is not None else facts


def storage_facts(status: Status) -> list[Fact]:
    """Say how full the buffer is, and what was written to the card in a day, each of how much."""
    buffer = status.buffer
    facts = [
        Fact("buffer", f"{size(buffer.bytes)} of {size(buffer.limit_bytes)}", buffer.bytes / max(1, buffer.limit_bytes))
    ]
    wear = buffer.wear
    if wear is not None:
        limit = max(1, wear.limit_bytes)
        written = wear.written_bytes
        said = "an unknown amount" if written is None else size(written)
        facts.append(
            Fact("written", f"{said} of {size(limit)} in 24 h", None if written is None else min(1.0, written / limit))
        )
    return facts


def reports_wear(host: Iterable[Reading]) -> bool:
    """Whether the storage says how much of its life is left."""
    return any(reading.name == _LIFE for reading in host)


def process_facts(status: Status) -> list[Fact]:
    """Pick what the watched services use, one fact a process, by the name of the model that it runs."""
    models = {str(s.stream.pid): s.stream.model for s in status.streams if s.stream.pid}
    processes: dict[str, dict[str, float]] = {}
    for reading in status.host:
        if reading.name.startswith("process."):
            pid = label(reading, "process.pid", "pid")
            processes.setdefault(pid, {})[reading.name] = reading.value
            models.setdefault(pid, label(reading, "model"))  # of a worker that is not the newest of its model
    facts = []
    for pid, found in processes.items():
        texts = []
        if "process.cpu.utilization" in found:
            texts.append(f"{percent(found['process.cpu.utilization'])} of a core")
        if found.get("process.cpu.slowdown", 1.0) >= _HELD_UP:
            texts.append(f"takes {found['process.cpu.slowdown']:.1f} times as long for want of a free one")
        if "process.memory.usage" in found:
            texts.append(size(found["process.memory.usage"]))
        if "process.thread.count" in found:
            texts.append(f"{found['process.thread.count']:.0f} threads")
        if texts:
            facts.append(Fact(f"{models.get(pid) or 'service'}{_in_brackets(pid and f'pid {pid}')}", ", ".join(texts)))
    return facts


def series_facts(series: Iterable[SeriesStatus], least: float = 0.0) -> list[Fact]:
    """Say how each watched series stands, from a share of `least` of the way to its alarm on."""
    facts = []
    for one in series:
        if one.value is None or one.evidence < least:
            continue
        usual = "" if one.usual is None else f", usually {amount(one.usual, one.signal.unit)}"
        reached = "ALARM" if one.evidence >= 1 else f"{percent(one.evidence)} of the way to an alarm"
        text = f"{amount(one.value, one.signal.unit)}{usual}, {reached}"
        facts.append(Fact(one.signal.name, text, one.evidence))
    return facts


def _life(reading: Reading) -> Fact:
    left = f"{percent(reading.value)} or more" if reading.value > 0 else "less than 10%"
    return Fact("storage", f"{left} of its life left{_in_brackets(label(reading, 'sensor'))}")


def amount(number: float, unit: str) -> str:
    """Give a value with its unit of OpenTelemetry's."""
    if unit == "1":
        return percent(number)
    if unit == "By":
        return size(int(number))
    return value(number, unit) + {"Cel": " °C", "rpm": " rpm", "1/s": "/s", "W": " W", "V": " V"}.get(unit, "")


def label(reading: Reading, *keys: str) -> str:
    """Return the first of these labels that the reading has."""
    labels = dict(reading.labels)
    return next((labels[key] for key in keys if labels.get(key)), "")


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _busy(readings: list[Reading]) -> float | None:
    """Share of the processors at work; readings may be whole, by mode, or by processor."""
    whole = [r.value for r in readings if not r.labels]
    if whole:
        return whole[0]
    by_mode = [r for r in readings if label(r, "cpu.mode", "state")]
    if by_mode:
        cores = len({label(r, "cpu.logical_number", "cpu") for r in by_mode})
        return sum(r.value for r in by_mode if label(r, "cpu.mode", "state") not in _AT_REST) / cores
    return sum(r.value for r in readings) / len(readings) if readings else None


def _memory(by_name: dict[str, list[Reading]]) -> Fact | None:
    used = next((r for r in by_name.get("system.memory.usage", []) if _state(r) in {"", "used"}), None)
    share = next((r for r in by_name.get("system.memory.utilization", []) if _state(r) in {"", "used"}), None)
    if share is not None:
        return Fact("memory", percent(share.value) + (_in_brackets(size(used.value)) if used else ""), share.value)
    limit = by_name.get("system.memory.limit")
    if used is not None and limit and limit[0].value > 0:
        return Fact("memory", f"{size(used.value)} of {size(limit[0].value)}", used.value / limit[0].value)
    return Fact("memory", size(used.value)) if used is not None else None


def _state(reading: Reading) -> str:
    return label(reading, "system.memory.state", "state")
