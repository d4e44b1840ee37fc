"""An outbox over minutes that are known, and the series that a store must hold once all of them were sent."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING

import msgspec

from agent.buffer.outgoing.outbox import Outbox
from agent.buffer.outgoing.slots import SLOT_S, Numbered
from agent.clock import ManualClock
from agent.outbound import Origin, Window
from agent.summary import Summary
from exporters.forwarding.config import PRIVATE
from exporters.window_samples import Sample, samples_of
from tests.agent.buffer.outgoing.memory_store import MemoryStore
from tests.agent.buffer.outgoing.summaries import SECOND_NS, make_numbered
from tests.servers.series import series_of

if TYPE_CHECKING:
    from agent.outbound import Outcome, Rollup
    from agent.outbound_ports import Exporter
    from tests.servers.series import Series

SLOT_NS = SLOT_S * SECOND_NS
DESTINATION = "fleet"


class SentMinutes(MemoryStore):
    """A store that begins empty, so many slots ago.

    Parameters
    ----------
    slots
        Before now.
    each
        Minutes of a slot in which there is something.
    device
        Its name in the fleet.

    """

    def __init__(self, slots: int, each: int = 5, device: str = "press-3") -> None:
        super().__init__()
        self.each = each
        self.origin = Origin(site="plant-7", device=device, version="0.1.0", instance="0f3a")
        self.start_ns = (time.time_ns() - slots * SLOT_NS) // SLOT_NS * SLOT_NS
        self.time_ns = self.start_ns
        self.clock = ManualClock(wall_ns=self.start_ns)
        self.outbox = Outbox(self)
        self.outbox.next(DESTINATION, 1)  # from here on it is to hear of everything

    def let_pass(self, slots: int) -> None:
        """Let slots pass."""
        for _ in range(slots):
            for minute in range(self.each):
                number = len(self.minutes) + 1
                summary = msgspec.structs.replace(
                    make_numbered(number, 0).summary, time_ns=self.time_ns + minute * 60 * SECOND_NS
                )
                self.minutes.append(Numbered(number, number, summary))
            self.time_ns += SLOT_NS

    def summaries(self, after: int, most: int) -> list[Numbered]:
        return self.minutes[after : after + most]

    def rollups(self, start_ns: int, end_ns: int) -> tuple[Rollup, ...]:  # noqa: ARG002  # the port's
        return ()

    def expected(self) -> Series:
        """Return what is to be stored of the slots that passed, worked out from the minutes alone."""
        samples: list[Sample] = []
        total: Summary | None = None
        for first in range(0, len(self.minutes), self.each):
            minutes = [one.summary for one in self.minutes[first : first + self.each]]
            own = functools.reduce(Summary.merge, minutes)
            total = functools.reduce(Summary.merge, minutes if total is None else [total, *minutes])
            start_ns = self.start_ns + first // self.each * SLOT_NS
            own = msgspec.structs.replace(own, time_ns=start_ns, seconds=float(SLOT_S))
            samples += list(samples_of(self.origin, Window(summary=own, total=_until(total, start_ns + SLOT_NS))))
        return series_of(sample for sample in samples if sample.metric.name not in PRIVATE)

    def waiting(self) -> int:
        """How many minutes are not answered for."""
        (waiting,) = self.outbox.waiting()
        return waiting.minutes

    async def send_next(self, exporter: Exporter, most_bytes: int) -> Outcome | None:
        """Send what goes next, once; None where nothing waits."""
        batch = self.outbox.next(DESTINATION, most_bytes)
        if batch is None:
            return None
        outcome = await exporter.send(batch.parcels)
        self.outbox.settle(DESTINATION, batch, outcome, "")
        return outcome


def _until(total: Summary, end_ns: int) -> Summary:
    return msgspec.structs.replace(total, seconds=(end_ns - total.time_ns) / SECOND_NS)
