"""Sending a bundle on, from a machine that has a link. Sending it twice changes nothing at the other end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import structs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent.outbound import Exporter, Origin, Parcel
    from exporters.bundle.file import Bundle
    from exporters.forwarding.config import DestinationConfig

    Factory = Callable[[DestinationConfig, Origin], Exporter]
    Wait = Callable[[float], Awaitable[None]]

ATTEMPTS = 5  # in a row, of which nothing was taken
SLOW = "it answers too slowly: nothing was taken in time"
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0


@dataclass
class Sending:
    """How far it is with one destination. trouble: why it was given up; empty where it was not.

    rejected: how many parcels the destination refused for good, by its words.
    """

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    trouble: str = ""


def narrowed(config: DestinationConfig, bundle: Bundle) -> DestinationConfig:
    """Return a destination that gets what both its own allow-list and that of the device name."""
    allowed = tuple(name for name in bundle.header.fields if config.may_leave(name))
    return structs.replace(config, fields=allowed)


async def send_bundle(bundle: Bundle, config: DestinationConfig, factory: Factory, wait: Wait) -> Sending:
    """Send all of a bundle to one destination, in the device's name.

    Raises BundleError where the file changes meanwhile, and ConfigError for a destination that cannot be sent to.
    """
    exporter = factory(narrowed(config, bundle), bundle.header.origin)
    done = Sending()
    try:
        for parcels in bundle.batches():
            await _send(exporter, parcels, done, wait)
            if done.trouble:
                break
    finally:
        await exporter.close()
    return done


async def _send(exporter: Exporter, parcels: list[Parcel], done: Sending, wait: Wait) -> None:
    """Send until all is answered for, or nothing goes any more."""
    failed = 0
    while parcels:
        outcome = await exporter.send(parcels)
        done.accepted += len(outcome.accepted)
        done.rejected.update(outcome.rejected.values())
        failed = 0 if outcome.accepted or outcome.rejected else failed + 1
        parcels = [parcels[place] for place in outcome.retry]
        if parcels and (outcome.lasting or failed >= ATTEMPTS):
            done.trouble = outcome.trouble or SLOW
            return
        if parcels:
            await wait(min(max(outcome.retry_after_s, FIRST_WAIT_S * 2**failed), LONGEST_WAIT_S))
