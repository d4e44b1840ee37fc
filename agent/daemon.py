"""The running agent: one thread ticks the pipeline, the event loop serves the local API and the scrape endpoint.

Starts downstream first (store, API, then collectors' first tick) and stops upstream first: collectors are drained, then
the store is closed, then the endpoints go. SIGTERM and SIGINT stop it; everything is committed within seconds.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import msgspec
import psutil

from agent import __version__, api
from agent.buffer.exporting import Exporting
from agent.clock import utc
from agent.model import Labels
from agent.saved import REFERENCE
from agent.status import AgentStatus, Status

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from socket import socket

    from agent.baseline_keeper import BaselineKeeper
    from agent.extract_api import ExtractRequest
    from agent.frames import Verdict
    from agent.model import Finding, Label
    from agent.truth import LabelSummary
    from agent.wiring import Parts

POLL_S = 0.25  # how long a record may wait in its ring; a quarter of what a person notices on the dashboard
STATUS_S = 1.0

T = TypeVar("T")


class Daemon:
    """Runs the parts until it is told to stop.

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
        ago_ns = parts.clock.monotonic_ns() - started_monotonic_ns
        self._started_boot_ns = parts.clock.since_boot_ns() - ago_ns  # counts sleep, as wall time does
        self._ready_s = 0.0
        self._scrape_url: str | None = None
        self._status: Status | None = None
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call only sets the mark
        self._stopping = asyncio.Event()
        self._ticks = ThreadPoolExecutor(1, thread_name_prefix="pipeline")
        # Questions wait in a process of their own; a long export keeps nobody from asking a short one.
        self._queries = ThreadPoolExecutor(1, thread_name_prefix="query")
        self._exporting = Exporting(parts.asking)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        runner = await api.serve(self._listener, self)
        scrape = await self._parts.start_scrape(self.status)
        self._scrape_url = scrape.url if scrape else None
        await loop.run_in_executor(self._ticks, self._tick)
        self._ready_s = (self._parts.clock.monotonic_ns() - self._started_ns) / 1e9
        await loop.run_in_executor(self._ticks, self._describe)
        print(self._greeting(), flush=True)  # noqa: T201  # for the journal, and for whoever started it by hand
        try:
            await self._loop()
        finally:
            try:
                await loop.run_in_executor(self._ticks, self._parts.pipeline.close)
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
            self._exporting.close()

    async def _loop(self) -> None:
        loop = asyncio.get_running_loop()
        described_ns = 0
        while not self._stopping.is_set():
            await loop.run_in_executor(self._ticks, self._tick)
            now = self._parts.clock.monotonic_ns()
            if now - described_ns >= STATUS_S * 1e9:
                described_ns = now
                await loop.run_in_executor(self._ticks, self._describe)
            await self._pause()

    async def _pause(self) -> None:
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({stopping}, timeout=POLL_S)
        stopping.cancel()

    def _tick(self) -> None:
        parts = self._parts
        parts.watch_pids(parts.pipeline.pids())
        parts.pipeline.tick()
        parts.nightly.tick()

    def _describe(self) -> None:
        """Make the status record anew; it replaces the old one in one step."""
        pipeline, clock = self._parts.pipeline, self._parts.clock
        streams = pipeline.streams()
        self._status = Status(
            time=utc(clock.wall_ns()),
            state=pipeline.state(streams),
            agent=AgentStatus(
                version=__version__,
                pid=os.getpid(),
                started=utc(clock.wall_ns() - clock.since_boot_ns() + self._started_boot_ns),
                uptime_s=(clock.monotonic_ns() - self._started_ns) / 1e9,
                rss_bytes=self._process.memory_info().rss,
                cpu_percent=self._process.cpu_percent(),
                ready_s=self._ready_s,
                run_dir=str(self._parts.run_dir),
                state_dir=str(self._parts.state_dir.absolute()),
                config_path=str(self._parts.config_path.absolute()) if self._parts.config_path else None,
                scrape_url=self._scrape_url,
                site=self._parts.site,
                device=self._parts.device,
                parts=(*pipeline.health(), *self._parts.nightly.health()),
            ),
            buffer=self._parts.store.status(),
            streams=streams,
            host=pipeline.host(),
            findings=pipeline.findings(),
            events=pipeline.events(),
            series=pipeline.series(),
            labels=pipeline.labels.status(),
        )

    def _greeting(self) -> str:
        parts = self._parts
        scrape = f", metrics at {self._scrape_url}" if self._scrape_url else ""
        return (
            f"driftline agent {__version__} ready in {self._ready_s:.1f} s: "
            f"state in {parts.state_dir}, rings in {parts.run_dir}{scrape}"
        )

    def status(self) -> Status | None:
        """Return the newest status, None before the first."""
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

    async def query(self, sql: str, row_limit: int, time_limit_s: float) -> bytes:
        """Run one reading statement beside the ingest; return its answer as JSON. Raises ValueError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._queries, self._parts.asking.query, sql, row_limit, time_limit_s)

    def extract(self, request: ExtractRequest) -> AsyncGenerator[bytes | Verdict, None]:
        """Give an answer piece by piece, and last its verdict."""
        return self._exporting.extract(request)
