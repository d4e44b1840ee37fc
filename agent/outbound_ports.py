"""The ports of what leaves the device: the outbox that parcels are taken from, and the exporters that carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.outbound import Batch, DeadLetter, Egress, Outcome, Parcel, Waiting


class OutboxAwayError(Exception):
    """The outbox cannot be asked now, as while the disk takes nothing; the same call can be made later."""


class Outbox(Protocol):
    """What waits for each destination, kept over restarts and power cuts. Called by one thread at a time.

    Any call may raise OutboxAwayError; nothing has changed then.

    A batch that was not settled comes again: after a restart, or when `next` is called once more. Only what is durable
    is given out. A destination that was never seen starts with what happens from then on, findings that are open
    included; one that is gone from the configuration is forgotten with `keep_only`.
    """

    @property
    def instance(self) -> str:
        """The random name of the state directory."""
        ...

    @property
    def settling_s(self) -> float:
        """How many seconds after its end a window is given out: until then its last minute may not be durable."""
        ...

    def next(self, destination: str, most_bytes: int, backlog_bytes: int = 0, *, undated: bool = False) -> Batch | None:
        """Return what goes next, of about so many bytes on the wire, at least one parcel; None where nothing waits.

        None, too, while so much was stored since the last call that more have to go through it (`is_behind`).
        A backlog that would take more than `backlog_bytes` is merged to wider windows; 0: never. While the clock is not
        believed `undated` gives findings alone, without a time; once it is they come once more, with theirs.
        """
        ...

    @property
    def is_behind(self) -> bool:
        """Whether the last `next` has not gone through all that is stored: another can give what it did not."""
        ...

    def settle(self, destination: str, batch: Batch, outcome: Outcome, address: str) -> None:
        """Take what is answered for out of the queue, dead letters aside, and write the ledger; durable on return."""
        ...

    def latest(self) -> tuple[Parcel, ...]:
        """Return the newest windows, whether they were sent or not; empty where there are none yet."""
        ...

    def enter(self, line: Egress) -> None:
        """Write a line into the ledger of what left beside the queue; durable on return."""
        ...

    def waiting(self) -> tuple[Waiting, ...]:
        """Say what waits, per destination."""
        ...

    def dead_letters(self, destination: str | None = None) -> list[DeadLetter]:
        """Return what was rejected, newest first."""
        ...

    def retry_dead(self, destination: str | None = None) -> int:
        """Queue what was rejected once more; return how many parcels."""
        ...

    def egress(self, since_ns: int, most: int) -> list[Egress]:
        """Return what left since then, newest first."""
        ...

    def keep_only(self, destinations: Sequence[str]) -> None:
        """Forget the destinations that are not among these."""
        ...


class Draft(Protocol):
    """All that waits for one destination, a batch after the other, without its being settled."""

    def next(self, most_bytes: int) -> Batch | None:
        """Return what comes next, of about so many bytes, None after the last."""
        ...


class Drafts(Protocol):
    """Hands out what waits for a destination as a whole. Called as `Outbox` is, and may raise the same."""

    def begin(self, destination: str, *, again: bool = False) -> Draft:
        """Begin behind the last draft that was kept; with `again` where that one began.

        The first for a destination begins with what no other one has got; where there is no other, with all there is.
        """
        ...

    def waiting(self, destination: str) -> Waiting:
        """Say what the next draft would hold."""
        ...

    def keep(self, draft: Any, line: Egress) -> None:
        """Take a draft that came to its end out of the queue, and write the ledger; durable on return."""
        ...


class Exporter(Protocol):
    """Carries parcels to one destination. One `send` at a time, in the event loop of the agent, which it never blocks.

    `send` raises nothing for what a network or a receiver does: that is an outcome. It comes back within the
    destination's deadline, however slow the other side is. Sending the same parcels again is harmless.
    """

    name: str

    async def send(self, parcels: Sequence[Parcel]) -> Outcome:
        """Carry the parcels, at least one."""
        ...

    async def close(self) -> None:
        """Let go of connections; what is being sent comes back soon, to be retried. May be called twice."""
        ...
