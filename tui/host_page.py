"""All that is known of the device, on a page: each reading with its course, the services, the storage, the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui import format as fmt
from tui.finding_lines import labelled
from tui.graphs import gauge, sparkline
from tui.machine import (
    FAILING,
    amount,
    host_facts,
    label,
    process_facts,
    reports_wear,
    series_facts,
    storage_facts,
)
from tui.spans import clip, fit, heading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agent.model import Reading
    from agent.status import Status
    from tui.spans import Line
    from tui.trends import Trends

_LABEL, _GAUGE, _VALUE = 24, 8, 12
_GAUGED = {
    "system.cpu.utilization", "system.memory.utilization", "system.paging.utilization",
    "system.filesystem.utilization", "system.cpu.frequency.ratio", "hw.gpu.utilization", "hw.battery.charge",
}  # fmt: skip
# Which readings stand under which heading, and what they are called; the rest stands under "more".
_SECTIONS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("processor", (
        ("system.cpu.utilization", "in use"), ("hw.gpu.utilization", "accelerator"),
        ("system.cpu.load_average.1m", "load, last minute"), ("system.cpu.logical.count", "cores"),
        ("system.cpu.frequency", "clock"), ("system.cpu.frequency.ratio", "of its full clock"),
        ("system.cpu.throttled", "slowed down now"), ("system.cpu.throttle.count", "slowed by heat, times"),
    )),
    ("memory", (
        ("system.memory.utilization", "in use"), ("system.memory.usage", ""), ("system.memory.limit", "of"),
        ("system.linux.memory.available", "available"), ("system.paging.utilization", "swap in use"),
    )),
    ("temperature and fans", (("hw.temperature", ""), ("hw.fan.speed", ""))),
    ("power", (("hw.power", ""), ("hw.voltage", ""), ("hw.battery.charge", "battery"))),
)  # fmt: skip
_CONSTANT = {"system.cpu.logical.count", "system.memory.limit"}  # no course to show
_STORAGE = ("system.filesystem.utilization", "hw.physical_disk.endurance_utilization")
_HIDDEN = {
    "hw.status", "process.cpu.utilization", "process.cpu.slowdown", "process.memory.usage", "process.thread.count",
}  # fmt: skip


def host_page_lines(status: Status, trends: Trends, width: int) -> list[Line]:
    """Say all that is known of the device."""
    lines: list[Line] = _alarms(status, width)
    shown = {name for _, rows in _SECTIONS for name, _ in rows} | set(_STORAGE) | _HIDDEN
    for title, rows in _SECTIONS:
        body = [
            _reading(one, said or _sensor(one), trends, width)
            for name, said in rows
            for one in status.host
            if one.name == name
        ]
        lines += [heading(title, width), *body, ()] if body else []
    lines += [heading("storage", width), *_storage(status, trends, width), ()]
    lines += _facts("services", ((f.label, f.text) for f in process_facts(status)), width)
    lines += _facts("watched over the day", ((f.label, f.text) for f in series_facts(status.series)), width)
    more = [one for one in status.host if one.name not in shown]
    if more:
        lines += [heading("more", width), *(_reading(one, _more(one), trends, width) for one in more), ()]
    return [*lines, heading("the agent itself", width), *_agent(status, width)]


def _alarms(status: Status, width: int) -> list[Line]:
    """Say first what the hardware itself reports as failing."""
    raised = [r for r in status.host if r.name == "hw.status" and r.value > 0 and label(r, "state") in FAILING]
    texts = [f"{label(r, 'sensor', 'name') or 'a sensor'}: {label(r, 'state').replace('_', ' ')}" for r in raised]
    return [clip(((" FAILING ", "warning-block"), (f" {text}", "warning")), width) for text in texts]


def _reading(reading: Reading, said: str, trends: Trends, width: int) -> Line:
    share = reading.value if reading.name in _GAUGED else None
    room = width - _LABEL - _GAUGE - _VALUE - 4
    course = [] if reading.name in _CONSTANT else trends.of(reading)
    return clip(
        (
            (f" {fit(said, _LABEL)} ", "quiet"),
            (gauge(share, _GAUGE) if share is not None else " " * _GAUGE, "accent"),
            (f" {fit(_text(reading), _VALUE)} ", "plain"),
            (sparkline(course, min(60, room), 1.0 if share is not None else 0.0).lstrip(), "accent"),
        ),
        width,
    )


def _text(reading: Reading) -> str:
    special: dict[str, Callable[[float], str]] = {
        "system.cpu.throttled": lambda on: "YES" if on else "no",
        "system.cpu.load_average.1m": lambda load: f"{load:.2f}",
        "system.cpu.frequency": lambda hertz: f"{hertz / 1e9:.2f} GHz",
    }
    said = special.get(reading.name)
    return said(reading.value) if said else amount(reading.value, reading.unit)


def _sensor(reading: Reading) -> str:
    return label(reading, "sensor", "name", "id", "system.memory.state", "state") or reading.name


def _more(reading: Reading) -> str:
    values = " ".join(text for _, text in reading.labels)
    return f"{reading.name} {values}".strip()


def _storage(status: Status, trends: Trends, width: int) -> list[Line]:
    lines = [
        _reading(one, label(one, "mountpoint", "system.filesystem.mountpoint") or "disk", trends, width)
        for one in status.host
        if one.name == _STORAGE[0]
    ]
    for fact in storage_facts(status):
        share = gauge(fact.share, _GAUGE) if fact.share is not None else " " * _GAUGE
        lines.append(
            clip(((f" {fit(fact.label, _LABEL)} ", "quiet"), (share, "accent"), (f" {fact.text}", "plain")), width)
        )
    wear = [fact for fact in host_facts(status.host) if fact.label == "storage"]
    lines += [line for fact in wear for line in labelled("card", fact.text, width)]
    if not reports_wear(status.host):
        lines += labelled("card", "this storage does not report how much of its life is left", width, "quiet")
    buffer = status.buffer
    if buffer.wear is not None and buffer.wear.level:
        why = buffer.wear.why
        lines += labelled("rows", why or buffer.wear.level, width, "warning" if why else "plain")
    for note in buffer.notes:
        lines += labelled("buffer", note, width, "warning")
    return lines


def _facts(title: str, facts: Iterable[tuple[str, str]], width: int) -> list[Line]:
    lines: list[Line] = [clip(((f" {fit(name, _LABEL)} ", "strong"), (text, "plain")), width) for name, text in facts]
    return [heading(title, width), *lines, ()] if lines else []


def _agent(status: Status, width: int) -> list[Line]:
    agent = status.agent
    facts = (
        ("version", f"{agent.version}, pid {agent.pid}, up {fmt.age(agent.uptime_s)}"),
        ("uses", f"{fmt.size(agent.rss_bytes)}, {agent.cpu_percent:.1f}% of a core"),
        ("state", agent.state_dir),
        ("socket", agent.run_dir),
        ("config", agent.config_path or "none: all defaults"),
        ("scrape", agent.scrape_url or "not served"),
    )
    lines = [line for name, text in facts for line in labelled(name, text, width)]
    lines += [
        clip(((" FAILING ", "warning-block"), (f" {part.name}: {part.note}", "warning")), width)
        for part in agent.parts
        if not part.ok
    ]
    well = [part.name for part in agent.parts if part.ok]
    return [*lines, *(labelled("well", ", ".join(well), width) if well else [])]
