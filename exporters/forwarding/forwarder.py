"""Sends to one destination: takes a batch, sends it, settles it, waits.

Windows go in rounds, at the interval; a round lasts until nothing waits any more, or the budget is spent. Findings go
as soon as they are stored, between rounds as well. The outbox decides what is next, so what is fresh is never behind a
backlog for longer than one batch takes.

The outbox is asked in the pipeline's thread; sending is done in the event loop, which nothing here holds up. What was
answered is settled before anything else is taken, however often the disk refuses that.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from agent.outbound import FindingChange, HostWindow
from agent.outbound_ports import OutboxAwayError
from exporters.forwarding.budget import HOUR_S, Budget, Size
from exporters.forwarding.record import Record
from exporters.forwarding.timing import Pause, Rounds
from exporters.forwarding.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

    from agent.clock import DeviceClock
    from agent.outbound import Batch, Origin, Outcome
    from agent.outbound_ports import Exporter, Outbox
    from exporters.forwarding.config import DestinationConfig
    from exporters.forwarding.watch import Notices

T = TypeVar("T")

DAY_NS = 86_400_000_000_000
MOST_LINES = 10_000  # of the egress ledger, that are counted at a start
LEAST_WAIT_S = 1.0  # for the budget
BETWEEN_S = 0.05  # between two batches, in which the pipeline has its thread to itself
CLOCK_S = 10.0  # how often a clock that is not believed is looked at
STOP_S = 2.0  # within which a stop of the agent ends what is being sent
UNDATED_AFTER_S = 900.0  # for which findings wait for it
BROKEN_S = 30.0  # how long the buffer is left alone that cannot be read
FRESH_SLOTS = 2  # windows that ended so many intervals ago are fresh
UNREAD, UNSETTLED = "what waits cannot be read", "what was sent cannot be written down, and nothing more is sent"
WINDOW_CREDIT_H, FINDING_CREDIT_H = 1.0, 24.0  # by how many hours' worth the budget may be overdrawn for what is fresh

log = logging.getLogger(__name__)


class Run(Protocol):
    """Runs a function in the pipeline's thread."""

    def __call__(self, function: Callable[[], T], /) -> Awaitable[T]:
        """Return what it returns."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """What the ways to all destinations share.

    outbox: where parcels wait; asked through `run` alone. believed: whether the wall time of `clock` can be believed.
    random: for pauses. origin: who sends.
    """

    outbox: Outbox
    run: Run
    notices: Notices
    clock: DeviceClock
    believed: Callable[[], bool]
    random: Random
    origin: Origin


class Forwarder:
    """The way to one destination.

    Parameters
    ----------
    config
        The destination.
    exporter
        Carries parcels there.
    place
        What the ways to all destinations share.

    """

    def __init__(self, config: DestinationConfig, exporter: Exporter, place: Place) -> None:
        clock = place.clock
        self.config = config
        self.record = Record(clock)
        self.budget = Budget(config.bytes_per_hour, clock)
        self._exporter, self._place, self._clock = exporter, place, clock
        self._watch = Watch(config, self.record, place.notices, clock)
        self._size = Size(config.timeout_seconds)
        self._pause = Pause(config.interval_seconds, clock, place.random)
        self._rounds = Rounds(config.interval_seconds, place.outbox.settling_s, f"{place.origin.device} {config.name}")
        self._in_round = False
        self._fresh_per_hour = 0.0  # bytes that windows take on the wire as they come
        self._answered: tuple[Batch, Outcome] | None = None  # that could not be settled yet
        self._is_ready = False
        self._has_news = False  # that there may be findings to send
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for findings now, unless the destination is to be left alone. In the event loop."""
        self._has_news = True
        self._woken.set()

    @property
    def cost(self) -> float:
        """Bytes on the wire of this destination for one that was estimated."""
        return self._size.cost

    async def run(self) -> None:
        """Send until it is cancelled."""
        try:
            while True:
                wait_s = await self.attempt()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._woken.wait()
                self._woken.clear()
        finally:
            await self._exporter.close()

    async def _step(self) -> float:
        """Do what is to be done now; return after how many seconds there may be more, if nothing wakes it before."""
        if not self._is_ready:
            self.budget.take(await self._place.run(self._spent))
            self._is_ready = True
        if self._answered is not None:
            await self._settle(*self._answered)
        self.record.hold(not self._place.believed())
        if self.record.held and (self.record.failed_s() < UNDATED_AFTER_S or not self.config.takes_findings):
            return CLOCK_S
        if pause_s := self._pause.left_s():
            return pause_s
        if self.record.held:
            return await self._tell_undated()
        self._in_round |= self._rounds.is_due(self._clock.wall_ns())
        next_round_s = self._rounds.left_s(self._clock.wall_ns())
        if not (self._in_round or self._has_news):
            return next_round_s
        self._has_news = False
        try:
            batch, is_behind = await self._place.run(self._next)
        except BaseException:
            self._has_news = True  # or the finding would wait for the next round
            raise
        if batch is None:
            self._in_round &= is_behind
            return BETWEEN_S if self._in_round else next_round_s
        return await self._carry(batch, next_round_s)

    async def _tell_undated(self) -> float:
        """Send findings without a time: somebody may have to look at a device that never learns it."""
        batch = await self._place.run(self._next_undated)
        if batch is None:
            return CLOCK_S
        if wait_s := self.budget.wait_s(FINDING_CREDIT_H):
            return max(wait_s, LEAST_WAIT_S)
        outcome = await self._send(batch)
        return self._rest(outcome, outcome.trouble)

    async def _carry(self, batch: Batch, next_round_s: float) -> float:
        """Send a batch, if it is its time."""
        are_findings = any(isinstance(parcel.content, FindingChange) for parcel in batch.parcels)
        self._has_news |= are_findings  # and there may be more of them
        if not (are_findings or self._in_round):
            return next_round_s
        is_fresh = self._is_fresh(batch)
        credit_h = FINDING_CREDIT_H if are_findings else WINDOW_CREDIT_H if is_fresh else 0.0
        if wait_s := self.budget.wait_s(credit_h):
            return min(max(wait_s, LEAST_WAIT_S), next_round_s)
        outcome = await self._send(batch)
        if batch.wire_bytes and outcome.sent_bytes and not outcome.retry:
            self._size.cost_was(outcome.sent_bytes, batch.wire_bytes)
            if is_fresh:
                self._fresh_per_hour = outcome.sent_bytes * HOUR_S / _covered_s(batch)
        return self._rest(outcome, self.record.trouble)

    async def _send(self, batch: Batch) -> Outcome:
        """Send a batch, and settle what came of it."""
        started_ns = self._clock.monotonic_ns()
        sending = asyncio.ensure_future(self._exporter.send(batch.parcels))
        try:
            outcome = await asyncio.shield(sending)
        except asyncio.CancelledError:
            await self._break_off(batch, sending)
            raise
        took_s = (self._clock.monotonic_ns() - started_ns) / 1e9
        self.budget.take(outcome.sent_bytes)
        self._size.took(took_s, whole=not outcome.retry)
        self.record.take(outcome)
        self._answered = batch, outcome
        await self._settle(batch, outcome)
        return outcome

    async def _break_off(self, batch: Batch, sending: asyncio.Future[Outcome]) -> None:
        """End what is being sent, since the agent stops; what left of it stands in the ledger."""
        await self._exporter.close()
        with contextlib.suppress(TimeoutError, OutboxAwayError):
            async with asyncio.timeout(STOP_S):
                await self._settle(batch, await sending)

    def _rest(self, outcome: Outcome, trouble: str) -> float:
        """Return how long to leave the destination alone."""
        if trouble:
            self._pause.failed(outcome.retry_after_s)
            return self._pause.left_s()
        self._pause.worked()
        return BETWEEN_S

    async def _settle(self, batch: Batch, outcome: Outcome) -> None:
        settle = functools.partial(self._place.outbox.settle, self.config.name, batch, outcome, self.config.shown_url)
        await asyncio.shield(self._place.run(settle))  # a stop of the agent waits for it
        self._answered = None

    def _next(self) -> tuple[Batch | None, bool]:
        """Return what goes next, and whether another call can give what this one did not."""
        most, left, cost = float(self._size.bytes), self.budget.left, self._size.cost
        if 0 < left < most:  # no more than is left, but for what is fresh
            most = left
        backlog = self.budget.for_backlog(self._fresh_per_hour)
        outbox = self._place.outbox
        return outbox.next(self.config.name, int(most / cost), int(backlog / cost)), outbox.is_behind

    def _next_undated(self) -> Batch | None:
        return self._place.outbox.next(self.config.name, self._size.bytes, undated=True)

    def _spent(self) -> int:
        """Count what the destination was sent in the last day."""
        lines = self._place.outbox.egress(self._clock.wall_ns() - DAY_NS, MOST_LINES)
        return sum(line.bytes for line in lines if line.destination == self.config.name)

    def _is_fresh(self, batch: Batch) -> bool:
        newest_ns = max(parcel.content.end_ns for parcel in batch.parcels)
        old_s = (self._clock.wall_ns() - newest_ns) / 1e9
        return old_s < FRESH_SLOTS * max(self.config.interval_seconds, 300.0)

    async def attempt(self) -> float:
        """Do a step; what fails in it is this destination's trouble, and the next step tries again."""
        away = False
        try:
            try:
                wait_s = await self._step()
            except OutboxAwayError as error:
                away, wait_s = True, BROKEN_S
                self.record.broke(error)
                self.record.shut_out(f"{UNREAD if self._answered is None else UNSETTLED}: {error}")
            if self._watch.is_due():
                await self._place.run(self._tell)
        except Exception as error:  # whatever the buffer or an encoder does, the agent goes on
            if self.record.broke(error):
                log.exception("forwarding to %s", self.config.name)
            return BROKEN_S
        if not away:
            self.record.mended()
        return wait_s

    def _tell(self) -> None:
        name, waiting = self.config.name, None
        with contextlib.suppress(OutboxAwayError):  # then it is told without what waits
            waiting = next((one for one in self._place.outbox.waiting() if one.destination == name), None)
        self._watch.tell(waiting)


def _covered_s(batch: Batch) -> float:
    """Return how long a time the windows of a batch cover together."""
    contents = (parcel.content for parcel in batch.parcels)
    spans = {
        one.end_ns: one.seconds if isinstance(one, HostWindow) else one.summary.seconds
        for one in contents
        if not isinstance(one, FindingChange)
    }
    return max(sum(spans.values()), 1.0)
