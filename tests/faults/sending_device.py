"""A device that forwards over a real link to real servers; time passes when it is told to, the link takes its own."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, TypeVar

from agent.events import Events
from agent.findings import FindingBook
from agent.notices import Notices
from agent.outbound import Window
from exporters.forwarding.forwarder import Forwarder, Place
from exporters.forwarding.kinds import EXPORTERS
from tests.agent import fakes
from tests.faults.sent_minutes import DESTINATION, SLOT_NS, SentMinutes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.buffer.outgoing.slots import Numbered
    from agent.outbound import Outcome, Parcel
    from exporters.forwarding.config import DestinationConfig

T = TypeVar("T")
SECOND_NS = 1_000_000_000


class SendingDevice(SentMinutes):
    """Starts with a backlog of so many slots, and is to send it and what comes."""

    def __init__(self, backlog: int, hours: float, name: str, each: int = 5) -> None:
        super().__init__(backlog + round(hours * 12), each, name)
        self.clock.advance(backlog * SLOT_NS / SECOND_NS)
        self.catch_up()
        self.began_ns = self.clock.wall_ns()
        told = fakes.MemoryStore()
        self.book = FindingBook(fakes.PlainExplainer(), told)
        self.notices = Notices(self.book, Events(told, self.clock), self.clock)
        self.lateness: dict[int, float] = {}  # seconds, by the end of a window, of those that ended while it sent
        self.outcomes: list[Outcome] = []
        self.bytes_per_s = math.inf  # what the link carries, by the device's clock

    def connect(self, config: DestinationConfig) -> None:
        """Have a way to a destination, with the queue as it is."""

        async def run(function: Callable[[], T]) -> T:
            return function()

        place = Place(
            outbox=self.outbox, run=run, notices=self.notices, clock=self.clock, believed=lambda: True,
            random=Random(7), origin=self.origin,
        )  # fmt: skip
        self._exporter = EXPORTERS[config.kind](config, self.origin)
        self.forwarder = Forwarder(config, self, place)
        self.name = DESTINATION

    def catch_up(self) -> None:
        """Store what happened up to now."""
        while self.time_ns + SLOT_NS <= self.clock.wall_ns():
            self.let_pass(1)

    def now_ns(self) -> int:
        return self.clock.wall_ns()

    def newest(self) -> tuple[int, int]:
        self.catch_up()
        return super().newest()

    def summaries(self, after: int, most: int) -> list[Numbered]:
        self.catch_up()
        return super().summaries(after, most)

    async def send(self, parcels: Sequence[Parcel]) -> Outcome:
        """Send as the exporter does, and note when what arrived."""
        outcome = await self._exporter.send(parcels)
        self.outcomes.append(outcome)
        self.clock.advance(outcome.sent_bytes / self.bytes_per_s)
        for place in outcome.accepted:
            content = parcels[place].content
            if isinstance(content, Window) and content.end_ns > self.began_ns:
                late_s = (self.clock.wall_ns() - content.end_ns) / SECOND_NS
                self.lateness.setdefault(content.end_ns, late_s)
        return outcome

    async def close(self) -> None:
        """Let go of the connection."""
        await self._exporter.close()

    async def work(self, hours: float) -> None:
        """Let time pass, in which it does what is to be done."""
        end_ns = self.clock.monotonic_ns() + round(hours * 3_600 * SECOND_NS)
        while (left_s := (end_ns - self.clock.monotonic_ns()) / SECOND_NS) > 0:
            wait_s = await self.forwarder.attempt()
            self.clock.advance(min(wait_s, left_s))
