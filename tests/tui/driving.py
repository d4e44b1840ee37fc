"""Driving a dashboard in a test: wait until a condition holds, read the screen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agent.clock import ManualClock
from tests.tui.fake_source import FakeSource
from tui.app import Dashboard
from tui.asking import AskingScreen
from tui.key_line import KeyLine
from tui.lined import Lined

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.pilot import Pilot

    from agent.status import Status

_LOOKS = 1000
NARROW, WIDE = (80, 24), (140, 45)


def dashboard(answer: Status | str, note: str = "") -> Dashboard:
    """Give a dashboard that asks once, and again when told to."""
    return Dashboard(FakeSource(answer), interval_seconds=3600.0, title_note=note, clock=ManualClock())


def drive(app: Dashboard, steps: Callable[[Pilot[None]], Awaitable[None]], size: tuple[int, int] = NARROW) -> Dashboard:
    """Run the dashboard without a terminal, and take the steps once it has drawn its first answer."""

    async def run() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await until_drawn(pilot)
            await steps(pilot)

    asyncio.run(run())
    return app


async def until(pilot: Pilot[None], condition: Callable[[], bool], what: str) -> None:
    """Let the dashboard work until the condition holds; fail, naming it, where it does not come to hold."""
    for _ in range(_LOOKS):
        if condition():
            await pilot.pause()
            return
        await pilot.pause(0.005)
    raise AssertionError(f"did not happen: {what}\n{screen_text(pilot)}")


async def until_drawn(pilot: Pilot[None]) -> None:
    """Wait for the first answer, and until every part of the screen shows it."""
    app = pilot.app
    assert isinstance(app, Dashboard)

    def drawn() -> bool:
        parts = [part for part in app.screen.query(Lined) if part.display and part.size.height]
        footer = any(line.keys for line in app.screen.query(KeyLine)) or app.screen.is_modal
        asking = isinstance(app.screen, AskingScreen) and app.screen.asking
        answered = (app.view.status is not None or bool(app.view.away)) and not asking
        return footer and answered and all(part.view is app.view and len(part.shown) > 0 for part in parts)

    await until(pilot, drawn, "the first answer is drawn")
    await pilot.pause()


def screen_text(pilot: Pilot[None]) -> str:
    """Give the text that is on the screen."""
    return "\n".join(strip.text.rstrip() for strip in pilot.app.screen._compositor.render_strips())


def source_of(app: Dashboard) -> FakeSource:
    """Give the source that the dashboard asks."""
    source = app._source
    assert isinstance(source, FakeSource)
    return source
