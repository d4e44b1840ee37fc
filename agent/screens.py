"""Answers what the dashboard asks: memory is looked at in the pipeline's thread, files are read in one of its own.

The files are read on a connection beside the one that writes, as every question is: ingest waits for none of it.
"""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from driftline.ids import number_of

from agent.buffer.judgeable import around as rows_around
from agent.buffer.judgeable import newest
from agent.buffer.past import PastReader
from agent.buffer.told import stored_events, stored_finding
from agent.model import Label, Labels
from agent.ports import AgentAwayError
from agent.present import present
from agent.screen import Around
from agent.stream_views import SECOND_NS, SPANS, since_ns, stream_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agent.log_ring import LogRing
    from agent.model import Finding, Verdict
    from agent.present import Present
    from agent.screen import Answers, LogLine, StreamView, Zoom
    from agent.status import EventLine
    from agent.summary import Summary
    from agent.truth import LabelSummary
    from agent.wiring import Parts
    from exporters.forwarding.forwarder import Run

    T = TypeVar("T")

DAY_NS = 86_400 * SECOND_NS
# Around a finding rows are shown from half of its delay before its onset, within these bounds, and events from longer.
LEAST_NS, MOST_NS = 10 * SECOND_NS, 300 * SECOND_NS
EVENTS_BEFORE_NS, EVENTS_AFTER_NS = 900 * SECOND_NS, 300 * SECOND_NS
EVENTS_AROUND = 500


class Screens:
    """What a screen shows of the agent that is made of `parts`; `run` runs a function in the pipeline's thread.

    `describe` makes the status anew, so that whoever decided something sees it there.
    """

    def __init__(self, parts: Parts, run: Run, describe: Callable[[], None], log: LogRing) -> None:
        self._parts = parts
        self._run, self._describe = run, describe
        self._log = log
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="screen")
        self._past = PastReader(parts.store)
        self._unpacked: set[str] = set()  # models

    async def stream_view(self, key: str, zoom: Zoom) -> StreamView:
        """Draw a stream over a span. Raises KeyError, AgentAwayError."""
        here, last, waiting = await self._run(functools.partial(self._look_back, key))
        view = await self._read(functools.partial(self._draw, here, zoom, last, waiting))
        self._unpack_more(here, last)
        return view

    async def snooze(self, finding_id: str, seconds: float, note: str) -> None:
        """Let a finding rest for so long. Raises KeyError."""
        await self._run(functools.partial(self._parts.pipeline.snooze, finding_id, seconds, note))
        await self._run(self._describe)

    async def judge(self, finding_id: str, verdict: Verdict, note: str) -> None:
        """Close a finding as what a person found it to be. Raises KeyError."""
        await self._run(functools.partial(self._parts.pipeline.judge, finding_id, verdict, note))
        await self._run(self._describe)

    async def around(self, finding_id: str) -> Around:
        """Tell what is stored around a finding. Raises KeyError, AgentAwayError."""
        findings = await self._run(self._parts.pipeline.findings)
        finding = next((finding for finding in findings if finding.id == finding_id), None)
        if finding is None:
            finding = await self._ask(lambda cursor: stored_finding(cursor, finding_id))
        here = await self._run(functools.partial(self._look, finding.stream.key))
        lines = await self._run(self._parts.pipeline.events)
        return await self._read(functools.partial(self._gather, finding, here, lines))

    async def answers(self, key: str, most: int) -> Answers:
        """Return the newest recorded inferences of a stream. Raises KeyError, AgentAwayError."""
        here = await self._run(functools.partial(self._look, key))
        found = await self._ask(lambda cursor: newest(cursor, here, most))
        if here.stream is None and not found.answers:
            raise KeyError(_nothing(key))
        return found

    async def mark(self, key: str, inference_id: str, *, right: bool) -> LabelSummary:
        """Tell that an answer was right, or wrong. Raises ValueError for what is no id, KeyError, OSError."""
        here = await self._run(functools.partial(self._look, key))
        now = self._parts.clock.wall_ns()
        label = Label(id=number_of(inference_id), right=right, model=here.model, time_ns=now)
        summary = await self._run(functools.partial(self._parts.pipeline.label, Labels((label,))))
        await self._run(self._describe)
        return summary

    async def events(self, most: int) -> list[EventLine]:
        """Return the history, newest first. Raises AgentAwayError."""
        lines = await self._run(self._parts.pipeline.events)
        latest = self._parts.clock.wall_ns() + DAY_NS
        stored = await self._ask(lambda cursor: stored_events(cursor, 0, latest, most))
        return _together(lines, stored)[:most]

    def log(self, after: int) -> list[LogLine]:
        """Return the log's lines after a number."""
        return self._log.after(after)

    def close(self) -> None:
        """Answer no more."""
        self._reading.shutdown(cancel_futures=True)

    def _unpack_more(self, here: Present, last: int) -> None:
        """Have a model's week ready before somebody zooms out: in parts, between which others are answered."""
        if here.model not in self._unpacked:
            self._unpacked.add(here.model)
            for days in range(1, 8):
                self._reading.submit(self._past.unpack, here.model, here.now_ns - days * DAY_NS, last)

    async def _ask(self, question: Callable[..., T]) -> T:
        return await self._read(functools.partial(self._past.ask, question))

    async def _read(self, function: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, function)
        except ValueError as error:
            raise AgentAwayError(f"what is stored cannot be read now: {error}") from error

    def _look(self, key: str) -> Present:
        pipeline = self._parts.pipeline
        return present(key, pipeline.monitor(key), pipeline.labels.names(), self._parts.clock.wall_ns())

    def _look_back(self, key: str) -> tuple[Present, int, list[Summary]]:
        here = self._look(key)
        return here, *self._parts.store.unstored_minutes(here.model)

    def _draw(self, here: Present, zoom: Zoom, last: int, waiting: list[Summary]) -> StreamView:
        past = self._past.read(here, since_ns(zoom, here.now_ns), SPANS[zoom].tile_ns, last, waiting)
        if here.stream is None and not any(stream.key == here.key for stream, _ in past.tallies):
            raise KeyError(_nothing(here.key))
        return stream_view(here, zoom, past)

    def _gather(self, finding: Finding, here: Present, lines: Iterable[EventLine]) -> Around:
        onset, opened, ended = (
            round(one.timestamp() * 1e9) for one in (finding.onset, finding.opened, finding.closed or finding.opened)
        )
        beside = min(max((opened - onset) // 2, LEAST_NS), MOST_NS)
        rows = self._past.ask(lambda cursor: rows_around(cursor, here, onset - beside, opened + beside))
        since, until = onset - EVENTS_BEFORE_NS, ended + EVENTS_AFTER_NS
        stored = self._past.ask(lambda cursor: stored_events(cursor, since, until, EVENTS_AROUND))
        first = finding.onset - timedelta(seconds=EVENTS_BEFORE_NS / 1e9)
        last = (finding.closed or finding.opened) + timedelta(seconds=EVENTS_AFTER_NS / 1e9)
        near = _together((line for line in lines if first <= line.time < last), stored)
        return Around(finding=finding, rows=rows, events=tuple(near[:EVENTS_AROUND][::-1]))


def _together(lines: Iterable[EventLine], stored: Iterable[EventLine]) -> list[EventLine]:
    """Put what is stored and what waits to be into one list, newest first; what is in both is one line."""
    known = dict.fromkeys([*lines, *stored])
    return sorted(known, key=lambda line: line.time, reverse=True)


def _nothing(key: str) -> str:
    return f"no stream is called {key!r}, or none of that time is stored"
