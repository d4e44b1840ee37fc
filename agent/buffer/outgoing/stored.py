"""What the outbox needs of the buffer: reading what is durable, and keeping what a delivery changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from agent.outbound import DeadLetter, Egress  # noqa: TC001  # msgspec resolves the annotations at run time

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent.buffer.outgoing.slots import Numbered
    from agent.outbound import FindingChange, Rollup, Standing, Window


class Sent(msgspec.Struct, kw_only=True):
    """What a delivery changed.

    places: (kind, name, bytes); none where there are no bytes. settled: dead letters that arrived after all, if they
    are any: (destination, id of the parcel). passed: the number up to which no destination needs summaries.
    """

    places: list[tuple[str, str, bytes]] = []
    letters: list[DeadLetter] = []
    settled: list[tuple[str, str]] = []
    line: Egress | None = None
    passed: int = 0


class Stored(Protocol):
    """Where summaries, findings and places are stored. Only what is durable is read."""

    def now_ns(self) -> int:
        """Return wall time as it is believed."""
        ...

    def instance(self) -> str:
        """Return the random name of the state directory."""
        ...

    def summaries(self, after: int, most: int) -> list[Numbered]:
        """Return summaries after a number, in order."""
        ...

    def carry_over(self, after: int, upto: int, most: int, marks: Collection[int]) -> bool:
        """Merge some more of the summaries between two numbers to hours, which outlive where they are from.

        From then on these are given out. None goes across one of the numbers `marks`. Some after them, up to `most`,
        may be merged as well. Return whether that is all.
        """
        ...

    @property
    def carried_bytes(self) -> int:
        """What such hours take."""
        ...

    def changes(self, after: int, most: int) -> list[FindingChange]:
        """Return states of findings after a number, in order."""
        ...

    def newest(self) -> tuple[int, int]:
        """Return the numbers of the newest summary, and of the newest state of findings that are all closed."""
        ...

    def standing(self, time_ns: int) -> tuple[Standing, ...]:
        """Return which findings stood at a moment of wall time."""
        ...

    def rollups(self, start_ns: int, end_ns: int) -> tuple[Rollup, ...]:
        """Return the device's readings in a span of wall time."""
        ...

    def idle(self, start_ns: int, end_ns: int) -> list[int]:
        """Return the slots of a span, by their start, in which the device was watched and no model ran."""
        ...

    def completed(self, window: Window) -> Window:
        """Return a window with what is known of its reference."""
        ...

    def place(self, kind: str, name: str) -> bytes | None:
        """Return what was kept under a name."""
        ...

    def places(self, kind: str) -> list[str]:
        """Return the names under which something is kept."""
        ...

    def keep(self, sent: Sent) -> None:
        """Keep what a delivery changed, all of it or nothing; durable on return."""
        ...

    def letters(self, destination: str | None, *, again: bool = False) -> list[DeadLetter]:
        """Return dead letters, newest first; with `again` those that are to be sent once more."""
        ...

    def send_again(self, destination: str | None) -> int:
        """Mark dead letters to be sent once more; return how many."""
        ...

    def egress(self, since_ns: int, most: int) -> list[Egress]:
        """Return lines of the ledger, newest first."""
        ...
