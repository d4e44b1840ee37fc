"""What a daemon would draw: the dashboard's fake source, behind the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tui.fake_cases import fouled
from tests.tui.fake_source import FakeSource

if TYPE_CHECKING:
    from agent.screen import StreamView, Zoom


class FakedScreens:
    """Answers as the fake source does."""

    def __init__(self) -> None:
        self.source = FakeSource(fouled())

    async def stream_view(self, key: str, zoom: Zoom) -> StreamView:
        """Draw a stream of the fake."""
        return self.source.stream_view(key, zoom)
