"""All destinations of a device: started and stopped together, described together."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING

import msgspec

from agent.clock import utc
from agent.forwarded import OutboxView
from agent.outbound import Egress
from agent.outbound_ports import OutboxAwayError
from agent.status import DestinationStatus, PartHealth
from exporters.forwarding.forwarder import Forwarder
from exporters.forwarding.lines import egress_line, letter_line, waiting_status
from exporters.forwarding.trial import try_link
from exporters.forwarding.watch import KIND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.forwarded import EgressLine, LinkResult
    from agent.notices import Notices
    from agent.outbound import Parcel, Waiting
    from agent.outbound_ports import Exporter
    from exporters.forwarding.config import DestinationConfig
    from exporters.forwarding.forwarder import Place


class Forwarding:
    """The ways to all destinations.

    Parameters
    ----------
    destinations
        Each with what carries parcels there.
    place
        What they share.
    notices
        Where findings are held.

    """

    def __init__(
        self, destinations: Sequence[tuple[DestinationConfig, Exporter]], place: Place, notices: Notices
    ) -> None:
        self._place, self._notices = place, notices
        self._seen = notices.news
        self._forwarders = [Forwarder(config, exporter, place) for config, exporter in destinations]
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: dict[str, Waiting] = {}

    async def start(self) -> None:
        """Begin to send."""
        with contextlib.suppress(OutboxAwayError):  # then it is done by the next start
            await self._place.run(self._forget)
        self._tasks = [asyncio.create_task(one.run(), name=f"forward {one.config.name}") for one in self._forwarders]

    async def close(self) -> None:
        """Stop sending; what is on its way is sent again after the next start, which changes nothing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def look(self) -> None:
        """Send findings that are new. In the event loop, after each look of the pipeline's."""
        if (news := self._notices.news) != self._seen:
            self._seen = news
            self.wake()

    def wake(self) -> None:
        """Send at once what need not wait for the next round. In the event loop."""
        for one in self._forwarders:
            one.wake()

    async def test(self, destination: str) -> list[LinkResult]:
        """Try a destination, or all at once; what is sent is in the ledger. Raises KeyError, OutboxAwayError."""
        chosen = self._chosen(destination)
        parcels = await self._place.run(self._place.outbox.latest)
        return list(await asyncio.gather(*(self._test(one, parcels) for one in chosen)))

    def status(self) -> tuple[DestinationStatus, ...]:
        """Describe each destination. In the pipeline's thread."""
        with contextlib.suppress(OutboxAwayError):  # then it is as it was
            self._waiting = {one.destination: one for one in self._place.outbox.waiting()}
        return tuple(_describe(one, self._waiting.get(one.config.name)) for one in self._forwarders)

    def health(self) -> list[PartHealth]:
        """Say whether each way works in itself, whatever becomes of what is sent."""
        return [
            PartHealth(name=f"forwarding to {one.config.name}", ok=not one.record.broken, note=one.record.broken)
            for one in self._forwarders
        ]

    def view(self, destination: str) -> OutboxView:
        """Say what waits for a destination, or for all, and what was refused. Raises KeyError, OutboxAwayError."""
        names = [one.config.name for one in self._chosen(destination)]
        letters = self._place.outbox.dead_letters(destination or None)
        return OutboxView(
            destinations=tuple(one for one in self.status() if one.name in names),
            dead_letters=tuple(letter_line(letter) for letter in letters),
        )

    def retry_dead(self, destination: str) -> int:
        """Queue what was refused once more. Raises KeyError, OutboxAwayError."""
        self._chosen(destination)
        return self._place.outbox.retry_dead(destination or None)

    def egress(self, since_ns: int, most: int) -> list[EgressLine]:
        """Return what left since then, newest first. Raises OutboxAwayError."""
        return [egress_line(line) for line in self._place.outbox.egress(since_ns, most)]

    def _chosen(self, destination: str) -> list[Forwarder]:
        chosen = [one for one in self._forwarders if destination in {"", one.config.name}]
        if destination and not chosen:
            known = ", ".join(one.config.name for one in self._forwarders) or "there is none"
            raise KeyError(f"no destination is called {destination!r}: {known}")
        return chosen

    async def _test(self, forwarder: Forwarder, parcels: Sequence[Parcel]) -> LinkResult:
        place, config = self._place, forwarder.config
        result, outcome = await try_link(config, place.origin, parcels, place.clock)
        forwarder.budget.take(outcome.sent_bytes)
        if outcome.sent_bytes:
            line = Egress(
                time_ns=place.clock.wall_ns(), destination=config.name, address=config.shown_url,
                parcels=max(len(parcels), 1), accepted=len(outcome.accepted), bytes=outcome.sent_bytes,
                fields=tuple(sorted(outcome.fields)),
            )  # fmt: skip
            await place.run(functools.partial(place.outbox.enter, line))
        return result

    def _forget(self) -> None:
        """Forget destinations that are not configured any more."""
        names = [one.config.name for one in self._forwarders]
        self._place.outbox.keep_only(names)
        self._notices.end_others(KIND, names, "it is no destination any more")


def _describe(one: Forwarder, waiting: Waiting | None) -> DestinationStatus:
    config, record = one.config, one.record
    return msgspec.structs.replace(
        DestinationStatus(name=config.name) if waiting is None else waiting_status(waiting),
        kind=config.kind,
        url=config.shown_url,
        last_accepted=utc(record.accepted_ns) if record.accepted_ns else None,
        accepted=record.accepted,
        rejected=record.rejected,
        sent_bytes=record.sent_bytes,
        waiting_bytes=round(waiting.wire_bytes * one.cost) if waiting else 0,
        trouble=record.trouble,
        trouble_s=record.failed_s(),
        lasting=record.lasting,
    )
