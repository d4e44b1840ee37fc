"""What is sent to the terminal at the start."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from tests.tui.driving import NARROW, screen_text, until, until_drawn
from tests.tui.fake_cases import fouled
from tests.tui.fake_source import FakeSource
from tui import app as dashboards

if TYPE_CHECKING:
    import pytest
    from rich.console import RenderableType
    from textual.screen import Screen

    from agent.status import Status


class LateSource(FakeSource):
    """Answers when it is let go."""

    def __init__(self) -> None:
        super().__init__(fouled())
        self.go = threading.Event()

    def status(self) -> Status:
        assert self.go.wait(10)
        return super().status()


class Recording(dashboards.Dashboard):
    """Keeps the kind of each update that goes to the terminal."""

    def __init__(self, source: FakeSource) -> None:
        super().__init__(source, interval_seconds=3600.0)
        self.sent: list[str] = []

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if renderable is not None and not self._batch_count:
            self.sent.append(type(renderable).__name__)
        super()._display(screen, renderable)


def _sent(app: Recording, source: LateSource, *, answered: bool) -> None:
    async def run() -> None:
        async with app.run_test(size=NARROW) as pilot:
            await until(pilot, lambda: app.screen.is_mounted and app.screen.size == NARROW, "the screen is laid out")
            if answered:
                assert app.sent == []
                source.go.set()
                await until_drawn(pilot)
                assert "meter-reader" in screen_text(pilot)
            await until(pilot, lambda: bool(app.sent), "it is drawn")
            source.go.set()

    asyncio.run(run())


def test_nothing_is_sent_before_there_is_something_to_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen without an answer would be drawn over at once, which on a slow line takes a second or more."""
    monkeypatch.setattr(dashboards, "_PATIENCE_S", 3600.0)
    source = LateSource()
    _sent(Recording(source), source, answered=True)


def test_screen_is_drawn_while_the_answer_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the patience it says that the agent is asked."""
    monkeypatch.setattr(dashboards, "_PATIENCE_S", 0.01)
    source = LateSource()
    _sent(Recording(source), source, answered=False)
