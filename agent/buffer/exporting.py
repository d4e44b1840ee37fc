"""Gives answers out as files, one at a time, to clients of the event loop.

A process that reads for an export takes as much memory as a question does, and there is room for one beside it. When
its client has left, it is killed from the event loop: the thread that reads from it may be waiting for it.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec

from agent.buffer.ending import Ending
from agent.frames import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from agent.buffer.asking import Asking
    from agent.extract_api import ExtractRequest

TURN_S = 10.0  # tables of two exports take turns; nobody waits long without knowing for what


class Exporting:
    """Exports from the running agent's buffer."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="export")

    async def extract(self, request: ExtractRequest) -> AsyncGenerator[bytes | Verdict, None]:
        """Give an answer piece by piece, and last its verdict. Closed or cancelled, it ends the process at once."""
        try:
            async with asyncio.timeout(TURN_S):
                await self._turn.acquire()
        except TimeoutError:
            yield Verdict(error="another export is running, and there is one at a time; try again when it has ended")
            return
        try:
            loop, ending = asyncio.get_running_loop(), Ending()
            pieces = self._asking.stream(**msgspec.structs.asdict(request), ending=ending)
            try:
                while (piece := await loop.run_in_executor(self._thread, next, pieces, None)) is not None:
                    yield piece
            finally:
                ending.end()
                await loop.run_in_executor(self._thread, pieces.close)  # behind the `next` that has been ended
        finally:
            self._turn.release()

    def close(self) -> None:
        """Wait for the thread; whatever is being answered has been ended by `Asking.close`."""
        self._thread.shutdown(cancel_futures=True)
