"""What a daemon would answer a screen: the dashboard's fake source, behind the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.tui.fake_cases import fouled
from tests.tui.fake_source import FakeSource

if TYPE_CHECKING:
    from agent.model import Verdict
    from agent.screen import Answers, Around, LogLine, StreamView, Zoom
    from agent.status import EventLine
    from agent.truth import LabelSummary


class FakedScreens:
    """Answers as the fake source does."""

    def __init__(self) -> None:
        self.source = FakeSource(fouled())

    async def stream_view(self, key: str, zoom: Zoom) -> StreamView:
        """Draw a stream of the fake."""
        return self.source.stream_view(key, zoom)

    async def snooze(self, finding_id: str, seconds: float, note: str) -> None:
        """Keep it."""
        self.source.snooze(finding_id, seconds, note)

    async def judge(self, finding_id: str, verdict: Verdict, note: str) -> None:
        """Keep it."""
        self.source.judge(finding_id, verdict, note)

    async def around(self, finding_id: str) -> Around:
        """Tell what the fake has."""
        return self.source.around(finding_id)

    async def answers(self, key: str, most: int) -> Answers:
        """Tell what the fake has."""
        return self.source.answers(key, most)

    async def mark(self, key: str, inference_id: str, *, right: bool) -> LabelSummary:
        """Keep it."""
        return self.source.mark(key, inference_id, right=right)

    async def events(self, most: int) -> list[EventLine]:
        """Tell what the fake has."""
        return self.source.events(most)

    def log(self, after: int) -> list[LogLine]:
        """Tell what the fake has."""
        return self.source.log(after)
