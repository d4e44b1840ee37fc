"""Sending a bundle on, from a machine that has a link. Sending it twice changes nothing at the other end.

What is refused while the destination takes nothing is set aside, and tried once more when all else was sent: it is at
fault itself where others were taken, and the destination is where none was.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import structs

from agent.outbound import FindingChange
from exporters.forwarding.judging import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent.outbound import Origin, Parcel
    from agent.outbound_ports import Exporter
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
    taken: of which kinds it took any: findings (true), windows (false). They may go different ways there.
    aside: by their ids, parcels that it refused and may yet take, with its words.
    """

    accepted: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    trouble: str = ""
    taken: set[bool] = field(default_factory=set)
    aside: dict[str, str] = field(default_factory=dict)


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
                return done
        await _send_aside(exporter, bundle, done, wait)
    finally:
        await exporter.close()
    return done


async def _send(exporter: Exporter, parcels: list[Parcel], done: Sending, wait: Wait) -> None:
    """Send until all is answered for or set aside, or nothing goes any more."""
    failed = 0
    while parcels:
        outcome = await exporter.send(parcels)
        done.accepted += len(outcome.accepted)
        done.taken |= {_is_finding(parcels[place]) for place in outcome.accepted}
        done.rejected.update(outcome.rejected.values())
        done.aside |= {parcels[place].id: reason for place, reason in outcome.doubted.items()}
        failed = 0 if outcome.accepted or outcome.rejected or outcome.doubted else failed + 1
        parcels = [parcels[place] for place in outcome.retry if place not in outcome.doubted]
        if parcels and ((outcome.lasting and not outcome.doubted) or failed >= ATTEMPTS):
            done.trouble = outcome.trouble or SLOW
            return
        if parcels:
            await wait(min(max(outcome.retry_after_s, FIRST_WAIT_S * 2**failed), LONGEST_WAIT_S))


async def _send_aside(exporter: Exporter, bundle: Bundle, done: Sending, wait: Wait) -> None:
    """Send once more what was set aside, where others of its kind were taken; what is refused again stays refused."""
    left, done.aside = done.aside, {}
    untaken = ""
    for parcels in bundle.batches() if left else ():
        own = [one for one in parcels if one.id in left]
        untaken = next((left[one.id] for one in own if _is_finding(one) not in done.taken), untaken)
        await _send(exporter, [one for one in own if _is_finding(one) in done.taken], done, wait)
        if done.trouble:
            return
    done.rejected.update(done.aside.values())
    if untaken:
        done.trouble = f"{EVERYTHING} ({untaken})"


def _is_finding(parcel: Parcel) -> bool:
    return isinstance(parcel.content, FindingChange)
