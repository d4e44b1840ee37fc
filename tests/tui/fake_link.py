"""The links of a device in the field, and a device with every sensor there is, as an agent would report them."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from agent.forwarded import DeadLetterLine, EgressLine, OutboxView
from agent.model import Reading
from agent.status import DestinationStatus, Status
from tests.tui.fake_cases import host, status
from tests.tui.fake_stream import NOW

REFUSED_AT = 2  # hours ago


def destinations() -> tuple[DestinationStatus, ...]:
    """Give one that is reached, one that is not, and one that needs a person."""
    return (
        DestinationStatus(
            name="central", kind="otlp", url="https://otel.example.net/v1", last_accepted=NOW - timedelta(seconds=41),
            accepted=1_204, sent_bytes=1_840_000,
        ),
        DestinationStatus(
            name="plant", kind="remote_write", url="https://metrics.plant/api/v1/write", accepted=88, sent_bytes=91_000,
            last_accepted=NOW - timedelta(hours=26), trouble="no route to host", trouble_s=26 * 3600.0,
            waiting_summaries=1_560, waiting_findings=3, waiting_since=NOW - timedelta(hours=26), window_s=900,
            waiting_bytes=520_000,
        ),
        DestinationStatus(
            name="lab", kind="mqtt", url="mqtts://lab:8883", trouble="not authorised (check the password file)",
            trouble_s=190.0, lasting=True, waiting_summaries=3, waiting_since=NOW - timedelta(minutes=3),
            dead_letters=2,
        ),
    )  # fmt: skip


def unlinked() -> Status:
    """Give a device that sends nothing to anybody."""
    unsent = DestinationStatus(
        name="bundle", waiting_summaries=1_560, waiting_findings=2, waiting_since=NOW - timedelta(hours=26),
        waiting_bytes=520_000,
    )  # fmt: skip
    return replace(status(), unsent=unsent)


def equipped() -> tuple[Reading, ...]:
    """Give the readings of a device with many sensors, hot and short of power."""
    at = int(NOW.timestamp() * 1e9)
    return (
        *host(84.0, 0.91),
        Reading("system.cpu.logical.count", "{cpu}", 4.0, at),
        Reading("system.cpu.load_average.1m", "{thread}", 3.61, at),
        Reading("system.cpu.frequency", "Hz", 1.1e9, at),
        Reading("system.cpu.frequency.ratio", "1", 0.61, at),
        Reading("system.cpu.throttle.count", "{event}", 14.0, at),
        Reading("system.cpu.throttled", "1", 1.0, at),
        Reading("system.memory.limit", "By", 4.0e9, at),
        Reading("system.paging.utilization", "1", 0.12, at),
        Reading("hw.power", "W", 9.4, at, (("sensor", "ina3221 VDD_IN"),)),
        Reading("hw.power", "W", 3.1, at, (("sensor", "ina3221 VDD_CPU"),)),
        Reading("hw.voltage", "V", 4.72, at, (("sensor", "VDD_IN"),)),
        Reading("hw.fan.speed", "rpm", 2_900.0, at, (("sensor", "fan1"),)),
        Reading("hw.battery.charge", "1", 0.62, at, (("sensor", "ups"),)),
        Reading("hw.status", "1", 1.0, at, (("sensor", "under-voltage"), ("state", "failed"))),
        Reading("hw.physical_disk.endurance_utilization", "1", 0.3, at, (("sensor", "mmcblk0 mlc"),)),
        Reading("vendor.door.open", "1", 1.0, at),
    )


def linked() -> Status:
    """Give a device with three destinations and every sensor."""
    return replace(status(readings=equipped()), destinations=destinations())


def outbox(given: Status, destination: str) -> OutboxView:
    """Give the destinations, and as many parcels as each counts as refused."""
    chosen = tuple(one for one in given.destinations if destination in {"", one.name})
    letters = tuple(
        DeadLetterLine(
            destination=one.name, time=given.time - timedelta(hours=REFUSED_AT), id=f"{one.name}-{at}",
            content=f"5 min of meter-reader until 12:{at:02} UTC", reason="payload too large",
        )
        for one in chosen
        for at in range(one.dead_letters)
    )  # fmt: skip
    return OutboxView(destinations=chosen, dead_letters=letters)


def egress(given: Status) -> list[EgressLine]:
    """Give a delivery an hour to each destination that was ever reached, newest first."""
    return [
        EgressLine(
            time=given.time - timedelta(hours=hours), destination=one.name, address=one.url, parcels=12,
            accepted=12 - (hours == REFUSED_AT), bytes=18_400, fields=("driftline_inferences_total",),
        )
        for hours in range(1, 40)
        for one in given.destinations
        if one.accepted
    ]  # fmt: skip
