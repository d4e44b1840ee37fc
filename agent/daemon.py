"""The running agent: one thread ticks the pipeline, the event loop serves the local API and the scrape endpoint.

It looks at its sources a few times a second where something runs, and at once when somebody asks: between two looks it
does nothing, and nothing is described that nobody reads.

Starts downstream first (store, API, then collectors' first tick) and stops upstream first: collectors are drained, then
the store is closed, then the endpoints go. SIGTERM and SIGINT stop it; everything is committed within seconds. One that
could not use its state directory ends by itself once that can be used: another goes on in the same process.
"""

from __future__ import annotations

import asyncio
import functools
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import msgspec

from agent import __version__, api
from agent.buffer.exporting import Exporting
from agent.describing import Describer
from agent.handover import Handover, collect
from agent.log_ring import LogRing, catch
from agent.model import Labels
from agent.saved import REFERENCE
from agent.screens import Screens

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from socket import socket

    from agent.baseline_keeper import BaselineKeeper
    from agent.extract_api import ExtractRequest
    from agent.forwarded import EgressLine, LinkResult, OutboxView
    from agent.frames import Verdict
    from agent.model import Finding, Label
    from agent.status import Status
    from agent.truth import LabelSummary
    from agent.wiring import Parts

# How long a record may wait in its ring: a look costs ten times what it costs to judge one inference more in it, and an
# alarm that waits for the next one is still durable within a second.
POLL_S = 0.5
IDLE_S = 1.0  # where nothing runs; as often as new rings are looked for
FILLING_S = 0.25  # and how often it is seen to that no ring fills up meanwhile
FRESH_NS = 250_000_000  # a status so young is good enough for whoever asks
PATIENCE_S = 0.5  # whoever asks while the pipeline is busy for longer gets the status of before

T = TypeVar("T")


class Daemon:
    """Runs the parts until it is told to stop, or should begin anew.

    Parameters
    ----------
    parts
        What `agent.wiring.build` made.
    listener
        The bound Unix socket for the API.
    started_monotonic_ns
        When the process began, to say how long the start took.

    """

    def __init__(self, parts: Parts, listener: socket, started_monotonic_ns: int) -> None:
        self._parts = parts
        self._listener = listener
        self._started_ns = started_monotonic_ns
        self._describer = Describer(parts, started_monotonic_ns)
        self._status: Status | None = None
        self._runs = False  # whether any watched process does
        self._looked_ns = self._described_ns = 0
        self._looking: asyncio.Future[None] | None = None  # of somebody who asked
        self._stopping = asyncio.Event()
        self._again = False  # whether another agent is to begin in its place
        self._handover = Handover()
        self._ticks = ThreadPoolExecutor(1, thread_name_prefix="pipeline")
        # Questions wait in a process of their own; a long export keeps nobody from asking a short one.
        self._queries = ThreadPoolExecutor(1, thread_name_prefix="query")
        self._exporting = Exporting(parts.asking)
        # Before anybody can ask for it: the API is served while the first look is taken.
        self._forwarding = self._describer.forwarding = parts.make_forwarding(self._in_pipeline)
        self._log = LogRing(parts.clock)
        self.screens = Screens(parts, self._in_pipeline, self._describe, self._log)
        self.bundling = self._describer.bundler = parts.make_bundler(self._in_pipeline)

    @property
    def handover(self) -> Handover | None:
        """What the agent that is to begin in place of this one takes over; None where none is to begin."""
        return self._handover if self._again else None

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, or until the state directory can be used that could not be."""
        loop = asyncio.get_running_loop()
        letting_go = catch(self._log)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        runner = await api.serve(self._listener, self)
        scrape = await self._parts.start_scrape(self.status)
        self._describer.scrape_url = scrape.url if scrape else None
        taken = scrape.taken if scrape else 0
        await loop.run_in_executor(self._ticks, self._parts.starts.begin)
        await loop.run_in_executor(self._ticks, self._tick)
        self._describer.ready_s = (self._parts.clock.monotonic_ns() - self._started_ns) / 1e9
        await loop.run_in_executor(self._ticks, self._describe)
        await self._forwarding.start()
        greeting = self._greeting(taken)
        print(greeting, flush=True)  # noqa: T201  # for the journal, and for whoever started it by hand
        self._log.say("INFO", "driftline", greeting)
        try:
            await self._loop()
        finally:
            self._parts.comeback.close()
            await self._forwarding.close()
            try:
                await loop.run_in_executor(self._ticks, self._parts.pipeline.close)
                if self._again:
                    await loop.run_in_executor(self._ticks, self._parts.pipeline.guarded, "handover", self._collect)
                if self._stopping.is_set():  # and nothing failed
                    await loop.run_in_executor(self._ticks, self._parts.starts.end)
            finally:
                try:
                    self._parts.asking.close()
                    await loop.run_in_executor(self._ticks, self._parts.store.close)
                finally:
                    await loop.run_in_executor(self._ticks, self._parts.nightly.close)
            if scrape:
                await scrape.close()
            await runner.cleanup()
            self._ticks.shutdown()
            self._queries.shutdown(cancel_futures=True)
            self.screens.close()
            letting_go()
            self._exporting.close()

    def _collect(self) -> None:
        comeback = self._parts.comeback
        self._handover = Handover(failures=comeback.failures, repairs=comeback.repairs)
        self._handover = collect(self._parts.store, comeback.failures, comeback.repairs)

    def _stop(self) -> None:
        self._again = False
        self._stopping.set()

    async def _loop(self) -> None:
        loop = asyncio.get_running_loop()
        stopping = asyncio.create_task(self._stopping.wait())
        while not stopping.done():
            if self._is_due():
                await loop.run_in_executor(self._ticks, self._tick)
            self._forwarding.look()
            if self._parts.comeback.look():
                self._again = True
                self._stopping.set()
            await asyncio.wait({stopping}, timeout=FILLING_S)

    def _in_pipeline(self, function: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._ticks, function)

    def _is_due(self) -> bool:
        waited_s = (self._parts.clock.monotonic_ns() - self._looked_ns) / 1e9
        pause_s = min(POLL_S if self._runs else IDLE_S, self._parts.most_pause_s)
        # One that is short by half of a look at the rings is over.
        return waited_s >= pause_s - FILLING_S / 2 or (
            (self._looking is None or self._looking.done()) and self._parts.pipeline.intake.filling
        )

    def _tick(self) -> None:
        parts = self._parts
        self._looked_ns = parts.clock.monotonic_ns()
        pids = parts.pipeline.pids()
        parts.watch_pids(pids)
        parts.pipeline.tick()
        parts.nightly.tick()
        self._runs = bool(pids)

    def _describe(self) -> None:
        """Make the status record anew; it replaces the old one in one step."""
        self._status = self._describer.describe()
        self._described_ns = self._parts.clock.monotonic_ns()

    def _look(self) -> None:
        """Take in what there is, and describe it."""
        self._tick()
        self._describe()

    def _greeting(self, taken: int) -> str:
        parts = self._parts
        url, ready_s = self._describer.scrape_url, self._describer.ready_s
        scrape = f", metrics at {url}" + (f" (port {taken} is taken)" if taken else "") if url else ""
        kept = parts.store.status().mode != "memory"
        state = f"state in {parts.state_dir}" if kept else f"NOTHING KEPT, {parts.state_dir} cannot be used"
        return f"driftline agent {__version__} ready in {ready_s:.1f} s: {state}, rings in {parts.run_dir}{scrape}"

    async def status(self) -> Status | None:
        """Look, and say how things are now; None before the first look. Never waits longer than PATIENCE_S."""
        old_ns = self._parts.clock.monotonic_ns() - self._described_ns
        if self._status is None or old_ns < FRESH_NS or self._stopping.is_set():
            return self._status
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().run_in_executor(self._ticks, self._look)
        looking = self._looking
        await asyncio.wait({looking}, timeout=PATIENCE_S)
        if looking.done():
            looking.result()  # raises what went wrong
        return self._status

    async def findings(self, *, everything: bool) -> list[Finding]:
        """Return the findings that are not closed, or all that are stored, newest first."""
        loop = asyncio.get_running_loop()
        stored = functools.partial(self._parts.store.findings, everything=everything)
        return await loop.run_in_executor(self._ticks, stored)

    async def acknowledge(self, finding_id: str, note: str) -> Finding:
        """Mark a finding as seen. Raises KeyError."""
        loop = asyncio.get_running_loop()
        finding = await loop.run_in_executor(self._ticks, self._parts.pipeline.acknowledge, finding_id, note)
        await loop.run_in_executor(self._ticks, self._describe)
        return finding

    async def reference(self, stream_key: str) -> bytes | None:
        """Return the stored reference of a stream, or None."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._ticks, self._parts.store.get_state, stream_key, REFERENCE)

    async def baselines(self, ask: Callable[[BaselineKeeper], T]) -> T:
        """Have the keeper of the references asked. Raises BaselineError."""
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._ticks, ask, self._parts.pipeline.baselines)
        await loop.run_in_executor(self._ticks, self._describe)
        return answer

    async def label(self, labels: Sequence[Label]) -> LabelSummary:
        """Take labels in, durable when this returns. Raises OSError where the disk cannot take them now."""
        loop = asyncio.get_running_loop()
        now = self._parts.clock.wall_ns()
        told = Labels(tuple(msgspec.structs.replace(label, time_ns=now) for label in labels))
        return await loop.run_in_executor(self._ticks, self._parts.pipeline.label, told)

    async def outbox(self, destination: str) -> OutboxView:
        """Say what waits. Raises KeyError, OutboxAwayError."""
        return await self._in_pipeline(functools.partial(self._forwarding.view, destination))

    async def retry_dead(self, destination: str) -> int:
        """Queue what was refused once more. Raises KeyError, OutboxAwayError."""
        queued = await self._in_pipeline(functools.partial(self._forwarding.retry_dead, destination))
        self._forwarding.wake()
        return queued

    async def egress(self, since_ns: int, most: int) -> list[EgressLine]:
        """Return what left. Raises OutboxAwayError."""
        return await self._in_pipeline(functools.partial(self._forwarding.egress, since_ns, most))

    async def test_link(self, destination: str) -> list[LinkResult]:
        """Try a destination, or all. Raises KeyError, OutboxAwayError."""
        return await self._forwarding.test(destination)

    async def query(self, sql: str, row_limit: int, time_limit_s: float) -> bytes:
        """Run one reading statement beside the ingest; return its answer as JSON. Raises ValueError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._queries, self._parts.asking.query, sql, row_limit, time_limit_s)

    def extract(self, request: ExtractRequest) -> AsyncGenerator[bytes | Verdict, None]:
        """Give an answer piece by piece, and last its verdict."""
        return self._exporting.extract(request)
