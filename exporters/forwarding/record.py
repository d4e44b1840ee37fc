"""What became of the sending to one destination lately: read by the status, and by who tells of trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.clock import Clock
    from agent.outbound import Outcome

HELD = "the device's clock is not believed; what is recorded goes once it is set and its times are corrected"


class Record:
    """Written in the event loop, read in any thread: each field by itself is right.

    Attributes
    ----------
    trouble, lasting
        What went wrong the last time, in words, and whether it takes a person to mend it; empty where nothing did.
    held
        Whether nothing is sent that has a time, because the clock is not believed.
    accepted_ns
        Wall time at which something was accepted last; 0: never since the start.
    accepted, rejected, sent_bytes
        Parcels, and bytes on the wire, since the start.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.trouble = ""
        self.lasting = False
        self.held = False
        self.broken = ""  # what failed in the agent itself
        self.away = ""  # why the outbox cannot be asked, in words
        self.accepted_ns = self.accepted = self.rejected = self.sent_bytes = 0
        self._since_ns: int | None = None  # monotonic: since when nothing has come through

    def take(self, outcome: Outcome) -> None:
        """Take in how a batch fared."""
        self.accepted += len(outcome.accepted)
        self.rejected += len(outcome.rejected)
        self.sent_bytes += outcome.sent_bytes
        if self.held:  # what went without a time
            return
        self.trouble, self.lasting = outcome.trouble, outcome.lasting
        if not self.trouble and outcome.rejected and not outcome.accepted:
            self.trouble = f"all that is sent is refused ({next(iter(outcome.rejected.values()))})"
        if outcome.accepted:
            self.accepted_ns = self._clock.wall_ns()
        if not self.trouble:
            self._since_ns = None
        elif outcome.accepted or self._since_ns is None:
            self._since_ns = self._clock.monotonic_ns()

    def hold(self, held: bool) -> None:  # noqa: FBT001  # the only thing there is to say
        """Note whether nothing is sent because the device's clock is not believed."""
        if held and not self.held:
            self.trouble, self.lasting = HELD, False
            self._since_ns = self._clock.monotonic_ns() if self._since_ns is None else self._since_ns
        elif self.held and not held:
            self.trouble, self._since_ns = "", None
        self.held = held

    def failed_s(self) -> float:
        """Return for how many seconds nothing has come through; 0 while it does."""
        return 0.0 if self._since_ns is None else (self._clock.monotonic_ns() - self._since_ns) / 1e9

    def broke(self, error: Exception) -> bool:
        """Note what failed in the agent itself; return whether that is news."""
        before, self.broken = self.broken, f"{type(error).__name__}: {error}"
        return self.broken != before

    def shut_out(self, why: str) -> None:
        """Note why nothing can be taken out of the outbox or settled in it: nothing is sent meanwhile."""
        self.trouble, self.lasting, self.away = why, False, why
        self._since_ns = self._clock.monotonic_ns() if self._since_ns is None else self._since_ns

    def mended(self) -> None:
        """Note that nothing fails in the agent itself."""
        if self.away and self.trouble == self.away:  # nothing was sent since, that could have said more
            self.trouble = HELD if self.held else ""
            self._since_ns = self._since_ns if self.held else None
        self.broken = self.away = ""
