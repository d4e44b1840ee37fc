"""When rows that wait for their table are shown to questions: at the latest to the one that asks.

That takes milliseconds of a question. While somebody asks now and then, they are shown after each commit, so that the
next question does not have to wait for it; a device that nobody asks spends nothing.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from agent.buffer.engine import insert

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb import DuckDBPyConnection

    from agent.buffer.engine import Engine
    from agent.buffer.segments import Segments

LATELY_S = 30.0  # a dashboard asks more often; of a question that was the last one, that is six commits


class Showing:
    """Shows what waits in `segments`; `now_ns` is any clock that does not jump."""

    def __init__(self, segments: Segments, now_ns: Callable[[], int]) -> None:
        self._segments = segments
        self._now_ns = now_ns
        self._asked_ns: int | None = None

    def to(self, cursor: DuckDBPyConnection) -> None:
        """Let a question read every committed row, in its thread. Raises duckdb.Error."""
        self._asked_ns = self._now_ns()
        self._segments.show(partial(insert, cursor))

    def ahead(self, engine: Engine) -> None:
        """Do so after a commit, in the thread that writes, where somebody asked lately. Raises duckdb.Error."""
        asked_ns = self._asked_ns
        if asked_ns is not None and self._now_ns() - asked_ns <= LATELY_S * 1e9:
            self._segments.show(engine.insert)
