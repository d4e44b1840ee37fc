"""A forwarder over a real outbox, with a receiver that can fail in every way; time passes only when it is told to."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, TypeVar

from agent.buffer.outgoing.outbox import Outbox
from agent.clock import ManualClock
from agent.events import Events
from agent.findings import FindingBook
from agent.notices import Notices
from agent.outbound import FindingChange, Outcome, Parcel, Window
from agent.outbound_ports import OutboxAwayError
from exporters.forwarding.config import DestinationConfig
from exporters.forwarding.forwarder import Forwarder, Place
from tests.agent import fakes
from tests.agent.buffer.outgoing.memory_store import MemoryStore
from tests.agent.buffer.outgoing.summaries import MINUTE_NS, START_NS, make_numbered
from tests.exporters.windows import ORIGIN, make_change

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.buffer.outgoing.slots import Numbered

T = TypeVar("T")
SECOND_NS = 1_000_000_000


class DeviceStore(MemoryStore):
    """Keeps what a device keeps: a summary a minute, by its clock. `away` for so many calls more."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock, self.away = clock, 0

    def now_ns(self) -> int:
        if self.away:
            self.away -= 1
            raise OutboxAwayError("the disk is full")
        return self.clock.wall_ns()

    def summaries(self, after: int, most: int) -> list[Numbered]:
        while START_NS + (len(self.minutes) + 1) * MINUTE_NS <= self.clock.wall_ns():
            self.minutes.append(make_numbered(len(self.minutes) + 1, len(self.minutes)))
        return self.minutes[after : after + most]


class Link:
    """The way to a receiver, and the receiver. `fails` is what every batch comes to while it is set."""

    name = "hq"

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.fails: Callable[[int], Outcome] | Exception | None = None
        self.arrived: list[tuple[float, Parcel]] = []  # seconds since the start
        self.tried: list[float] = []
        self.takes_s = 0.5
        self.parcel_bytes, self.bytes = 4_000, 0
        self.finding_came = asyncio.Event()
        self.closed = self.hangs = False  # hangs: says nothing until it is let go of
        self.let_go = asyncio.Event()
        self.spoils: DeviceStore | None = None  # whose disk takes nothing any more once something was sent

    async def send(self, parcels: Sequence[Parcel]) -> Outcome:
        self.tried.append((self.clock.wall_ns() - START_NS) / SECOND_NS)
        self.clock.advance(self.takes_s)
        if self.spoils is not None:
            self.spoils.away = 10**6
        if isinstance(self.fails, Exception):
            raise self.fails
        if self.fails is not None:
            return self.fails(len(parcels))
        if any(isinstance(parcel.content, FindingChange) for parcel in parcels):
            self.finding_came.set()
        if self.hangs:
            await self.let_go.wait()
            return down()(len(parcels))
        now = (self.clock.wall_ns() - START_NS) / SECOND_NS
        self.arrived += [(now, parcel) for parcel in parcels]
        self.bytes += self.parcel_bytes * len(parcels)
        return Outcome(accepted=tuple(range(len(parcels))), sent_bytes=self.parcel_bytes * len(parcels))

    async def close(self) -> None:
        self.closed = True
        self.let_go.set()

    def windows(self) -> list[tuple[float, float]]:
        """Return of each window when it arrived and when it ended, in seconds since the start, in order of arrival."""
        return [(at, (one.end_ns - START_NS) / SECOND_NS) for at, one in self.contents()]

    def contents(self) -> list[tuple[float, Window]]:
        """Return each window with when it arrived."""
        return [(at, parcel.content) for at, parcel in self.arrived if isinstance(parcel.content, Window)]

    def changes(self) -> list[FindingChange]:
        """Return each state of a finding, in order of arrival."""
        return [one.content for _, one in self.arrived if isinstance(one.content, FindingChange)]

    def findings(self) -> list[tuple[float, int]]:
        """Return of each state of a finding when it arrived, and its number."""
        return [(at, one.content.number) for at, one in self.arrived if isinstance(one.content, FindingChange)]


def down(
    trouble: str = "no answer within 30 s", *, wish_s: float = 0.0, lasting: bool = False
) -> Callable[[int], Outcome]:
    """Return what every batch comes to while a link is down."""
    return lambda count: Outcome(
        retry=tuple(range(count)), trouble=trouble, retry_after_s=wish_s, lasting=lasting, sent_bytes=300
    )


class Device:
    """A device that forwards."""

    def __init__(self, **config: object) -> None:
        self.clock = ManualClock(wall_ns=START_NS)
        self.store = DeviceStore(self.clock)
        self.link = Link(self.clock)
        self.told = fakes.MemoryStore()
        self.book = FindingBook(fakes.PlainExplainer(), self.told)
        self.notices = Notices(self.book, Events(self.told, self.clock), self.clock)
        self.believed = True
        usual = {"name": "hq", "kind": "otlp", "url": "https://collector.example:4318"}
        self.config = DestinationConfig(**{**usual, **config})  # type: ignore[arg-type]
        self.start()

    def start(self) -> None:
        """Start, or start again with what is stored."""
        self.outbox = Outbox(self.store)

        async def run(function: Callable[[], T]) -> T:
            return function()

        self.place = Place(
            outbox=self.outbox, run=run, notices=self.notices, clock=self.clock, believed=lambda: self.believed,
            random=Random(7), origin=ORIGIN,
        )  # fmt: skip
        self.forwarder = Forwarder(self.config, self.link, self.place)

    def run(self, seconds: float) -> None:
        """Let time pass, in which it does what is to be done."""
        asyncio.run(self._run(seconds))

    def opens(self) -> None:
        """Have a finding open."""
        self.store.history.append(make_change(len(self.store.history) + 1))
        self.forwarder.wake()

    async def _run(self, seconds: float) -> None:
        end_ns = self.clock.monotonic_ns() + round(seconds * SECOND_NS)
        while (left_s := (end_ns - self.clock.monotonic_ns()) / SECOND_NS) > 0:
            wait_s = await self.forwarder.attempt()
            assert wait_s > 0
            self.clock.advance(min(wait_s, left_s))
