"""A deadline that can be called off: what an exporter is about ends then, as if its time were over."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Patience:
    """Of one exporter, which does one thing at a time."""

    def __init__(self) -> None:
        self._deadline: asyncio.Timeout | None = None

    @asynccontextmanager
    async def span(self, seconds: float) -> AsyncIterator[None]:
        """Raise TimeoutError where the block takes longer, or `end` is called."""
        try:
            async with asyncio.timeout(seconds) as self._deadline:
                yield
        finally:
            self._deadline = None

    def end(self) -> bool:
        """End what goes on; return whether anything does."""
        if self._deadline is None:
            return False
        if not self._deadline.expired():
            self._deadline.reschedule(asyncio.get_running_loop().time())
        return True
