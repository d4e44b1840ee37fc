"""Kill -9 of an agent at any moment while it sends what waited for days: what arrives is the same as without."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import tempfile
from collections import Counter
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.buffer import BufferConfig
from agent.buffer.outgoing.slots import SLOT_NS
from exporters import naming
from tests.faults.bad_link import BadLink
from tests.faults.counts import KILLS, scaled
from tests.faults.drain_kills import Killer
from tests.faults.nursery import NurseryAgent
from tests.faults.offline_device import DEVICE, SITE, OfflineDevice, comparable
from tests.faults.test_month_offline import size_of
from tests.integration.test_real_stores import read_record
from tests.servers.collector import running_collector
from tests.servers.prometheus import receiving_prometheus
from tests.servers.series import differences
from tests.servers.victoria import running_victoria

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporters.naming import Metric
    from tests.servers.collector import Collector
    from tests.servers.prometheus import Prometheus
    from tests.servers.series import Series
    from tests.servers.victoria import Victoria

pytestmark = pytest.mark.faults
DAYS = 30 if KILLS >= 1_000 else 7 if KILLS else 2
WHOLE_EVERY = 1 if KILLS else 24  # hours
LIMIT_MIB = 64
BYTES_PER_S = 400_000  # of each link
TOLERANCE = 1e-9  # VictoriaMetrics keeps twelve digits of a fraction, and a mean depends on the order of its sum
HOUR_S = 3_600
COMMON = """
site = "{site}"
device = "{device}"
[scrape]
enabled = false
[buffer]
limit_mib = {limit_mib}
reserve_mib = 0.25
{keep_days}
"""
DESTINATION = """
[[destination]]
name = "{name}"
kind = "{kind}"
url = "{url}"
bytes_per_hour = {bytes_per_hour}
"""


@dataclass(frozen=True)
class Way:
    """What makes windows of the backlog wider, and how wide at most."""

    keep_days: float | None = None
    bytes_per_hour: int = 0
    widest_s: int = 300


WAYS = {
    "as it was": Way(),
    "carried over": Way(keep_days=DAYS / 8, widest_s=HOUR_S),
    "merged for the budget": Way(bytes_per_hour=3_000 * DAYS, widest_s=6 * HOUR_S),
}
TRIED = list(WAYS) if KILLS else ["as it was"]


@dataclass(frozen=True)
class Receivers:
    """The servers of one drain."""

    collector: Collector
    stores: tuple[Victoria, Prometheus]

    @property
    def ports(self) -> dict[str, list[int]]:
        """Of those that each destination is sent to."""
        addresses = {"logs": [self.collector.url], "series": [store.url for store in self.stores]}
        return {name: [int(one.rpartition(":")[2]) for one in own] for name, own in addresses.items()}


async def drain(folder: Path, way: Way, receivers: Receivers, kills: int, chance: random.Random) -> Killer:
    """Kill agents until there were so many, or nothing is left to send; then let one end in peace."""
    async with AsyncExitStack() as stack:
        links = {
            name: await stack.enter_async_context(BadLink(ports, bytes_per_s=BYTES_PER_S))
            for name, ports in receivers.ports.items()
        }
        keep_days = f"keep_days = {way.keep_days}" if way.keep_days else ""
        config = COMMON.format(site=SITE, device=DEVICE, limit_mib=LIMIT_MIB, keep_days=keep_days)
        for name, kind, path in (("logs", "otlp", ""), ("series", "remote-write", "/api/v1/write")):
            url = f"{links[name].url}{path}"
            config += DESTINATION.format(name=name, kind=kind, url=url, bytes_per_hour=way.bytes_per_hour)
        agent = stack.enter_context(NurseryAgent(folder, config))
        killer = Killer(agent, links, chance)
        while len(killer.moments) < kills and not killer.drained:
            await killer.live()
            assert size_of(agent.state) < LIMIT_MIB << 20
        await killer.finish()
        assert [(one.dead_letters, one.dropped) for one in killer.last] == [(0, 0)] * len(links)
        return killer


@pytest.mark.parametrize("name", TRIED)
def test_kills_while_a_backlog_drains_change_nothing(name: str, tmp_path: Path) -> None:
    """Each series has the values and times of what is stored, in windows by the declared rule; findings are all there.

    Nothing is lost, nothing counts twice, and no file grows beyond its budget.
    """
    way, kills, chance = WAYS[name], scaled(5, 0.1), random.Random(11)
    config = BufferConfig(limit_mib=LIMIT_MIB, keep_days=way.keep_days, reserve_mib=0.25)
    device = OfflineDevice(tmp_path / "state", DAYS, config, ["logs", "series"], WHOLE_EVERY)
    assert (device.carried_bytes > 0) == (way.keep_days is not None)
    moments: Counter[str] = Counter()
    while moments.total() < kills:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=tmp_path)))
            shutil.copytree(tmp_path / "state", folder / "state")
            receivers = stack.enter_context(running_receivers(folder))
            killer = asyncio.run(drain(folder, way, receivers, kills - moments.total(), chance))
            assert killer.wrong == []
            check(device, way, receivers)
        moments.update(killer.moments)
    print(f"{name}: {DAYS} days, {kills} times kill -9 while they drained: {dict(moments)}")  # noqa: T201  # as above


@contextmanager
def running_receivers(folder: Path) -> Iterator[Receivers]:
    """Run a Collector, a VictoriaMetrics and a Prometheus."""
    for name in ("prometheus", "collector"):
        (folder / name).mkdir()
    with (
        running_collector(folder / "collector") as collector,
        running_victoria(folder) as victoria,
        receiving_prometheus(folder / "prometheus") as prometheus,
    ):
        yield Receivers(collector, (victoria, prometheus))


def check(device: OfflineDevice, way: Way, receivers: Receivers) -> None:
    """See that what the servers hold is what the device stored."""
    held = [store.series(device.start_ns, device.end_ns) for store in receivers.stores]
    held.append(up_to(device.end_ns, receivers.collector.series()))
    for series in held:
        times_ms = {at for own in named(naming.INFERENCES, series).values() for at in own}
        ends_ns = [time_ms * 1_000_000 for time_ms in sorted(times_ms)]
        check_windows(device, way, ends_ns)
        assert differences(comparable(series), device.expected(ends_ns), TOLERANCE) == []
        totals = {dict(labels)["model"]: max(own.values()) for labels, own in named(naming.INFERENCES, series).items()}
        assert totals == device.inferences
        standing = {end_ns // 1_000_000: device.standing(end_ns) for end_ns in ends_ns}
        told: Counter[int] = Counter()
        for own in named(naming.STREAM_FINDINGS, series).values():
            told.update({at: int(value) for at, value in own.items() if at in standing})
        assert {at: told[at] for at in standing} == standing
    arrived = {read_record(record) for record in receivers.collector.records()}
    states = {
        (str(one.time_ns), one.finding.sentence, one.finding.id, one.finding.state, str(one.number))
        for one in device.states
    }
    assert {record for record in arrived if int(record[-1]) <= len(states)} == states
    assert begun(receivers.collector, device) == device.starts()
    assert receivers.collector.instances() == {device.origin.instance}


def begun(collector: Collector, device: OfflineDevice) -> set[tuple[str, int]]:
    """Return when the counters of each model began."""
    found = set()
    for _, kind, point in collector.points():
        own = {one["key"]: one["value"]["stringValue"] for one in point["attributes"]}
        if kind != "gauge" and "model" in own and int(point["timeUnixNano"]) <= device.end_ns:
            found.add((own["model"], int(point["startTimeUnixNano"])))
    return found


def check_windows(device: OfflineDevice, way: Way, ends_ns: list[int]) -> None:
    """See that each window is as wide as the rule says: that of the backlog, or an hour where it was carried over."""
    slots_ns, widest_ns = device.ends(), way.widest_s * 10**9
    if widest_ns == SLOT_NS:
        assert ends_ns == slots_ns
        return
    assert len(ends_ns) < len(slots_ns) / 2
    assert set(ends_ns) <= set(slots_ns)
    assert ends_ns[-1] == slots_ns[-1]
    for before_ns, end_ns in itertools.pairwise([0, *ends_ns]):
        inside = [slot_ns - SLOT_NS for slot_ns in slots_ns if before_ns < slot_ns <= end_ns]
        assert len({start_ns // widest_ns for start_ns in inside}) == 1


def named(metric: Metric, series: Series) -> Series:
    """Return the series of a metric."""
    return {labels: own for labels, own in series.items() if dict(labels)["__name__"] == metric.name}


def up_to(time_ns: int, series: Series) -> Series:
    """Return what is not later."""
    last_ms = time_ns // 1_000_000
    found = {labels: {at: one for at, one in own.items() if at <= last_ms} for labels, own in series.items()}
    return {labels: own for labels, own in found.items() if own}
