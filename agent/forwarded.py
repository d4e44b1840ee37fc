"""What the agent answers when it is asked what left the device, and what is to leave it. Imports no numpy."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # msgspec resolves the annotations at run time

import msgspec

from agent.status import DestinationStatus  # noqa: TC001


class DeadLetterLine(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel that a destination refused for good: when, what it is, and what the destination said."""

    destination: str
    time: datetime
    id: str
    content: str
    reason: str


class OutboxView(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for each destination, and the newest of what they refused."""

    destinations: tuple[DestinationStatus, ...]
    dead_letters: tuple[DeadLetterLine, ...]


class EgressLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the egress ledger: what left, when and where to. fields: the names of what was in it."""

    time: datetime
    destination: str
    address: str
    parcels: int
    accepted: int
    bytes: int
    fields: tuple[str, ...]


class LinkResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came back from a destination that was sent something to try it; `said` is for people."""

    destination: str
    address: str
    ok: bool
    said: str
    seconds: float
    bytes: int
