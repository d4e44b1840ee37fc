"""A bad link between a device and real stores: whatever it does, nothing is lost, and nothing counts twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import cramjam
import pytest

from exporters.forwarding.config import DestinationConfig
from tests.faults.bad_link import (
    BadLink,
    Fault,
    answer,
    cut_in_answer,
    cut_in_body,
    drip,
    drop_answer,
    half_open,
    never_answer,
    refuse,
    well,
)
from tests.faults.sending_device import SendingDevice
from tests.faults.sent_minutes import DESTINATION, SLOT_NS
from tests.servers.certificates import Authority
from tests.servers.collector import Collector, running_collector
from tests.servers.prometheus import Prometheus, receiving_prometheus
from tests.servers.series import Series, differences
from tests.servers.victoria import TOLERANCE, Victoria, running_victoria
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.faults

BACKLOG = 24  # slots: two hours
INTERVAL_S = 300.0
DEADLINE_S, SHORT_S = 20.0, 0.4  # the shorter one where nobody answers
FEW = 3  # of what takes a deadline each
FAULTS: dict[str, tuple[Fault, int]] = {  # and how many requests it meets
    "cut-in-body": (cut_in_body, 12),
    "cut-in-answer": (cut_in_answer, 12),
    "lost-answer": (drop_answer, 12),
    "no-answer": (never_answer, FEW),
    "drip": (drip, FEW),
    "half-open": (half_open, FEW),
    "busy": (answer(429, "slow down", "Retry-After: 200\r\n"), 12),
    "away": (answer(503, "later", "Retry-After: 30\r\n"), 12),
    "broken": (answer(500, "out of memory"), 12),
    "portal": (answer(302, "", "Location: http://127.0.0.1:1/login\r\n"), 6),
}


@dataclass(frozen=True)
class Stores:
    """Both stores: what is sent goes to each of them."""

    prometheus: Prometheus
    victoria: Victoria

    @property
    def ports(self) -> list[int]:
        """Where they listen."""
        return [int(server.url.rpartition(":")[2]) for server in (self.prometheus, self.victoria)]

    def check(self, device: SendingDevice, expected: Series | None = None) -> None:
        """Fail where one does not hold exactly what it should of a device."""
        expected = device.expected() if expected is None else expected
        match = f'{{device="{device.origin.device}"}}'
        span = device.start_ns, device.time_ns + SLOT_NS
        assert differences(self.prometheus.series(*span, match), expected) == []
        assert differences(self.victoria.series(*span, match), expected, TOLERANCE) == []


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Run both stores for all tests here: each has a device of its own."""
    one, other = tmp_path_factory.mktemp("prometheus"), tmp_path_factory.mktemp("victoria")
    with receiving_prometheus(one) as prometheus, running_victoria(other) as victoria:
        yield Stores(prometheus, victoria)


def to(url: str, deadline_s: float = DEADLINE_S, **more: object) -> DestinationConfig:
    """Return a destination behind the link."""
    return DestinationConfig(
        name=DESTINATION, kind="remote-write", url=f"{url}/api/v1/write", timeout_seconds=deadline_s, **more  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_a_link_does_loses_nothing_and_counts_nothing_twice(name: str, stores: Stores) -> None:
    """While it is bad, fresh windows and a backlog go out; once it is well nothing is later than an interval."""
    fault, often = FAULTS[name]
    lots = Random(name)
    met = [fault if lots.random() < 0.6 else well for _ in range(2 * often)]
    met = met[: len(met) - met[::-1].index(fault)]
    device = SendingDevice(BACKLOG, 6.0, name)

    async def go() -> None:
        async with BadLink(stores.ports, [*met, well]) as link:
            device.connect(to(link.url, SHORT_S if often == FEW else DEADLINE_S))
            await device.work(4.0)
            assert len(link.faults) == 1, "not all faults were met"
            healed_ns = device.clock.wall_ns()
            await device.work(1.0)
            await device.close()
            late = [late_s for end_ns, late_s in device.lateness.items() if end_ns > healed_ns]
            assert len(late) >= 10
            assert max(late) <= device.outbox.settling_s + INTERVAL_S

    asyncio.run(go())
    assert sum(bool(outcome.trouble) for outcome in device.outcomes) >= met.count(fault)
    assert [one.rejected for one in device.outcomes if one.rejected] == []
    stores.check(device)


def test_a_collector_holds_all_whatever_the_link_does(tmp_path: Path) -> None:
    """Over OTLP too: each point is there, and one that came twice came the same."""
    device = SendingDevice(BACKLOG, 6.0, "collected")
    lots = Random(4)
    kinds = (well, drop_answer, cut_in_body, cut_in_answer, answer(503, "later", "Retry-After: 30\r\n"))
    met = lots.choices(kinds, k=30)

    async def go(collector: Collector) -> None:
        async with BadLink([int(collector.url.rpartition(":")[2])], [*met, well]) as link:
            device.connect(DestinationConfig(name=DESTINATION, kind="otlp", url=link.url, timeout_seconds=DEADLINE_S))
            await device.work(5.0)
            await device.close()
            assert len(link.faults) == 1, "not all faults were met"

    with running_collector(tmp_path) as collector:
        asyncio.run(go(collector))
        expected = device.expected()
        wait_until(lambda: len(collector.series()) == len(expected) or None, "all series in the file")
        wait_until(lambda: differences(collector.series(), expected) == [] or None, "all points in the file")


def test_fresh_windows_overtake_a_backlog_that_drains_for_hours(stores: Stores) -> None:
    """The link carries 100 bytes a second and loses half of the answers: no fresh window is later than an interval."""
    device = SendingDevice(40 * BACKLOG, 8.0, "overtaking", each=1)
    device.bytes_per_s = 100.0
    lots = Random(3)
    met = [drop_answer if lots.random() < 0.5 else well for _ in range(40)]
    beside: list[int] = []  # how many fresh windows had arrived, each time that much of the backlog was left

    async def go() -> None:
        async with BadLink(stores.ports, [*met, well]) as link:
            device.connect(to(link.url))
            while (waiting := device.waiting()) > 5:
                if waiting > BACKLOG:
                    beside.append(len(device.lateness))
                await device.work(0.25)
            await device.close()

    asyncio.run(go())
    assert beside[-1] >= 6
    assert max(device.lateness.values()) <= device.outbox.settling_s + INTERVAL_S
    stores.check(device)


def test_a_poisoned_window_is_set_aside_and_can_be_sent_again(stores: Stores) -> None:
    """What a receiver answers 400 to waits with its reason, all else arrives; once it is taken, it arrives too."""
    device = SendingDevice(BACKLOG, 3.0, "poison")
    poison_ns = device.start_ns + 8 * SLOT_NS
    stamp = _varint(poison_ns // 1_000_000)

    def is_poisoned(body: bytes) -> bool:
        return b"\x10" + stamp in bytes(cramjam.snappy.decompress_raw(body))

    async def go(*faults: Fault) -> None:
        async with BadLink(stores.ports, faults) as link:
            device.connect(to(link.url))
            await device.work(1.0)
            await device.close()

    asyncio.run(go(refuse(400, "sample of a bad kind", when=is_poisoned)))
    (letter,) = device.outbox.dead_letters(DESTINATION)
    assert (letter.parcel.content.end_ns, letter.reason) == (poison_ns, "400: sample of a bad kind")
    without = {
        labels: {at: value for at, value in points.items() if at != poison_ns // 1_000_000}
        for labels, points in device.expected().items()
    }
    stores.check(device, without)
    assert device.outbox.retry_dead(DESTINATION) == 1
    asyncio.run(go())
    assert device.outbox.dead_letters(DESTINATION) == []
    stores.check(device)


def test_what_is_too_large_for_a_receiver_is_sent_in_parts(stores: Stores) -> None:
    """A receiver answers 413 above a size that holds two windows: everything arrives."""
    device = SendingDevice(BACKLOG, 1.0, "narrow")

    async def go() -> None:
        async with BadLink(stores.ports, [refuse(413, "too large", when=lambda body: len(body) > 1_700)]) as link:
            device.connect(to(link.url))
            await device.work(1.0)
            await device.close()

    asyncio.run(go())
    assert [one.rejected for one in device.outcomes if one.rejected] == []
    stores.check(device)


@pytest.mark.parametrize(
    ("name", "host", "ends_in_days", "said"),
    [
        ("expired", "127.0.0.1", -1.0, "certificate has expired"),
        ("other-name", "fleet.example", 5.0, "IP address mismatch"),
    ],
)
def test_a_certificate_that_is_not_right_is_refused_until_it_is(
    name: str, host: str, ends_in_days: float, said: str, tmp_path: Path, stores: Stores
) -> None:
    """Nothing is sent meanwhile, one finding says what is wrong, and all arrives once the certificate is right."""
    authority = Authority(tmp_path)
    shown = authority.server(host, ends_in_days)
    device = SendingDevice(BACKLOG, 3.0, name)

    async def go() -> None:
        async with BadLink(stores.ports, tls=shown) as link:
            device.connect(to(link.url, ca_file=str(authority.file)))
            await device.work(1.0)
            assert link.requests == 0
            (finding,) = device.book.open_findings()
            assert (finding.kind, said in finding.sentence) == ("forwarding", True), finding.sentence
            cert, key = authority.issue("127.0.0.1")
            shown.load_cert_chain(cert, key)
            await device.work(1.0)
            assert device.book.open_findings() == ()
            await device.close()

    asyncio.run(go())
    stores.check(device)


def test_an_authority_that_is_not_trusted_is_refused(tmp_path: Path, stores: Stores) -> None:
    """A certificate that somebody else vouches for gets nothing."""
    (tmp_path / "other").mkdir()
    authority, other = Authority(tmp_path), Authority(tmp_path / "other")
    device = SendingDevice(1, 1.0, "stranger")

    async def go() -> None:
        async with BadLink(stores.ports, tls=other.server()) as link:
            device.connect(to(link.url, ca_file=str(authority.file)))
            await device.work(0.2)
            await device.close()
            assert link.requests == 0

    asyncio.run(go())
    assert {outcome.lasting for outcome in device.outcomes} == {True}
    assert device.waiting() > 0


def test_a_name_that_is_not_known_keeps_everything(stores: Stores) -> None:
    """The look-up fails, the backlog stays, and goes once the name is known."""
    device = SendingDevice(BACKLOG, 3.0, "nameless")

    async def go() -> None:
        async with BadLink(stores.ports) as link:
            port = link.url.rpartition(":")[2]
            device.connect(to(f"http://fleet.invalid:{port}", SHORT_S, plaintext=True))
            await device.work(1.0)
            await device.close()
            assert {outcome.accepted for outcome in device.outcomes} == {()}
            device.connect(to(link.url))
            await device.work(1.0)
            await device.close()

    asyncio.run(go())
    stores.check(device)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
