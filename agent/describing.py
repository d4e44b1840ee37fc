"""Makes the status record: what the agent says of itself, its streams and its device, at one moment."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

import psutil

from agent import __version__
from agent.clock import utc
from agent.status import AgentStatus, Status

if TYPE_CHECKING:
    from agent.wiring import Parts
    from exporters.bundle.making import Bundler
    from exporters.forwarding.forwarding import Forwarding

COST_NS = 5_000_000_000  # over which the processor's share is told: the kernel counts in hundredths of a second
MOST_MARKS = 32


class Describer:
    """Describes the agent that is made of `parts`; called in the pipeline's thread.

    Parameters
    ----------
    parts
        What `agent.wiring.build` made.
    started_monotonic_ns
        When the process began.

    """

    def __init__(self, parts: Parts, started_monotonic_ns: int) -> None:
        self._parts = parts
        self._started_ns = started_monotonic_ns
        ago_ns = parts.clock.monotonic_ns() - started_monotonic_ns
        self._started_boot_ns = parts.clock.since_boot_ns() - ago_ns  # counts sleep, as wall time does
        self._process = psutil.Process()
        self._marks: deque[tuple[int, float]] = deque([self._mark()], maxlen=MOST_MARKS)
        self.ready_s = 0.0
        self.scrape_url: str | None = None
        self.forwarding: Forwarding | None = None
        self.bundler: Bundler | None = None

    def describe(self) -> Status:
        """Describe everything as it is now."""
        parts, pipeline, clock = self._parts, self._parts.pipeline, self._parts.clock
        streams, forwarding = pipeline.streams(), self.forwarding
        destinations = forwarding.status() if forwarding else ()
        return Status(
            time=utc(clock.wall_ns()),
            state=pipeline.state(streams),
            agent=AgentStatus(
                version=__version__,
                pid=os.getpid(),
                started=utc(clock.wall_ns() - clock.since_boot_ns() + self._started_boot_ns),
                uptime_s=(clock.monotonic_ns() - self._started_ns) / 1e9,
                rss_bytes=self._process.memory_info().rss,
                cpu_percent=self._cpu_percent(),
                ready_s=self.ready_s,
                run_dir=str(parts.run_dir),
                state_dir=str(parts.state_dir.absolute()),
                config_path=str(parts.config_path.absolute()) if parts.config_path else None,
                scrape_url=self.scrape_url,
                site=parts.site,
                device=parts.device,
                parts=(*pipeline.health(), *parts.nightly.health(), *(forwarding.health() if forwarding else ())),
            ),
            buffer=parts.store.status(),
            streams=streams,
            host=pipeline.host(),
            judged=pipeline.judged(),
            findings=pipeline.findings(),
            known=pipeline.known(),
            events=pipeline.events(),
            series=pipeline.series(),
            labels=pipeline.labels.status(),
            destinations=destinations,
            unsent=self.bundler.waiting() if self.bundler and not destinations else None,
        )

    def _mark(self) -> tuple[int, float]:
        spent = self._process.cpu_times()
        return self._parts.clock.monotonic_ns(), spent.user + spent.system

    def _cpu_percent(self) -> float:
        """Return the share of one core since the last look that is long enough ago, or since the first."""
        now, spent = self._mark()
        while len(self._marks) > 1 and now - self._marks[1][0] >= COST_NS:
            self._marks.popleft()
        began, before = self._marks[0]
        self._marks.append((now, spent))
        return 100 * (spent - before) / ((now - began) / 1e9) if now > began else 0.0
