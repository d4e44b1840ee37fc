"""Going back to a state directory: when it is tried, what counts as usable, and who closes what was opened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agent import buffer
from agent.clock import ManualClock
from agent.comeback import Comeback

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from agent.comeback import Opened

MINUTE_S = 60


class Trying:
    """A directory that is tried in an event loop, with a clock that moves when it is told to."""

    def __init__(self, folder: Path, *, wanted: bool = True) -> None:
        self.state, self.clock = folder / "state", ManualClock(1_800_000_000_000_000_000)
        (folder / "run").mkdir(exist_ok=True)
        self.comeback = Comeback(buffer.BufferConfig(), self.state, folder / "run", self.clock, wanted=wanted)

    async def after(self, seconds: float) -> bool:
        """Say whether it is open after so long; what is tried by then has an end."""
        self.clock.advance(seconds)
        self.comeback.look()
        trying = self.comeback._trying
        if trying is not None:
            await asyncio.wait({trying})
        return self.comeback.look()


def test_it_is_tried_after_a_minute_then_ten_and_then_every_hour(tmp_path: Path) -> None:
    """A file in its place keeps a directory from being used; once it has gone, the next try is the last."""
    trying = Trying(tmp_path)
    trying.state.write_text("in the way")

    opened, tried = trying.comeback._open, []

    def counted() -> Opened | None:
        tried.append(1)
        return opened()

    async def run() -> None:
        trying.comeback._open = counted  # type: ignore[method-assign]
        waits = [59, 1, 599, 1, 3_599, 1, 3_599, 1]
        assert [await trying.after(wait) for wait in waits] == [False] * len(waits)
        assert len(tried) == len(waits) // 2
        trying.state.unlink()
        assert not await trying.after(3_599)
        assert await trying.after(1)
        got = await trying.comeback.take(wanted=True)
        assert got is not None
        assert (got.store.status().mode, got.findings) == ("disk", ())
        assert not await trying.after(3_600)  # it is not tried again
        got.store.close()

    asyncio.run(run())


def test_what_is_kept_on_disk_is_never_tried(tmp_path: Path) -> None:
    """Nothing to come back to: however late it is."""
    trying = Trying(tmp_path, wanted=False)

    async def run() -> None:
        assert not await trying.after(86_400)
        assert await trying.comeback.take(wanted=True) is None

    asyncio.run(run())
    assert not trying.state.exists()


def test_what_is_opened_and_not_wanted_any_more_is_closed(tmp_path: Path) -> None:
    """The agent was stopped meanwhile: the directory is free for the next."""
    trying = Trying(tmp_path)

    async def run() -> None:
        assert await trying.after(MINUTE_S)
        assert await trying.comeback.take(wanted=False) is None

    asyncio.run(run())
    buffer.open_buffer(trying.state, trying.clock, buffer.BufferConfig()).close()


def test_a_directory_that_another_agent_has_is_left_to_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and tried again."""
    trying = Trying(tmp_path)
    other = buffer.open_buffer(trying.state, trying.clock, buffer.BufferConfig())

    async def run() -> None:
        assert not await trying.after(MINUTE_S)
        assert str(trying.state) in caplog.text
        other.close()
        assert await trying.after(10 * MINUTE_S)
        await trying.comeback.take(wanted=False)

    asyncio.run(run())


def test_a_try_that_fails_in_an_unknown_way_harms_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The agent goes on as it was, and tries again."""
    trying = Trying(tmp_path)

    def fail() -> None:
        raise RuntimeError("a defect")

    async def run() -> None:
        opened = trying.comeback._open
        trying.comeback._open = fail  # type: ignore[method-assign]
        assert not await trying.after(MINUTE_S)
        assert "a defect" in caplog.text
        trying.comeback._open = opened  # type: ignore[method-assign]
        assert await trying.after(10 * MINUTE_S)
        await trying.comeback.take(wanted=False)

    asyncio.run(run())
