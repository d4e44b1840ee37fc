"""Answers what the dashboard asks: memory is looked at in the pipeline's thread, files are read in one of its own.

The files are read on a connection beside the one that writes, as every question is: ingest waits for none of it.
"""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from agent.buffer.past import PastReader
from agent.ports import AgentAwayError
from agent.present import present
from agent.stream_views import SECOND_NS, SPANS, since_ns, stream_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.present import Present
    from agent.screen import StreamView, Zoom
    from agent.summary import Summary
    from agent.wiring import Parts
    from exporters.forwarding.forwarder import Run

    T = TypeVar("T")


DAY_NS = 86_400 * SECOND_NS


class Screens:
    """What a screen shows of the agent that is made of `parts`; `run` runs a function in the pipeline's thread."""

    def __init__(self, parts: Parts, run: Run) -> None:
        self._parts = parts
        self._run = run
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="screen")
        self._past = PastReader(parts.store)
        self._unpacked: set[str] = set()  # models

    async def stream_view(self, key: str, zoom: Zoom) -> StreamView:
        """Draw a stream over a span. Raises KeyError, AgentAwayError."""
        here, last, waiting = await self._run(functools.partial(self._look, key))
        view = await self._read(functools.partial(self._draw, here, zoom, last, waiting))
        self._unpack_more(here, last)
        return view

    def close(self) -> None:
        """Answer no more."""
        self._reading.shutdown(cancel_futures=True)

    def _unpack_more(self, here: Present, last: int) -> None:
        """Have a model's week ready before somebody zooms out: in parts, between which others are answered."""
        if here.model not in self._unpacked:
            self._unpacked.add(here.model)
            for days in range(1, 8):
                self._reading.submit(self._past.unpack, here.model, here.now_ns - days * DAY_NS, last)

    async def _read(self, function: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, function)
        except ValueError as error:
            raise AgentAwayError(f"what is stored cannot be read now: {error}") from error

    def _look(self, key: str) -> tuple[Present, int, list[Summary]]:
        pipeline = self._parts.pipeline
        here = present(key, pipeline.monitor(key), pipeline.labels.names(), self._parts.clock.wall_ns())
        return here, *self._parts.store.unstored_minutes(here.model)

    def _draw(self, here: Present, zoom: Zoom, last: int, waiting: list[Summary]) -> StreamView:
        past = self._past.read(here, since_ns(zoom, here.now_ns), SPANS[zoom].tile_ns, last, waiting)
        if here.stream is None and not any(stream.key == here.key for stream, _ in past.tallies):
            raise KeyError(f"no stream is called {here.key!r}, or none of that time is stored")
        return stream_view(here, zoom, past)
