"""The running agent, on a clock that moves when it is told to: when it looks, and what it answers meanwhile."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from agent import daemon as module
from agent import wiring
from agent.api import claim_socket
from agent.clock import ManualClock, utc
from agent.daemon import Daemon
from agent.describing import Describer
from exporters.scrape import ScrapeConfig

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from agent.status import Status

WALL_NS = 1_800_000_000_000_000_000


def running(folder: Path, use: Callable[[Daemon, ManualClock], Awaitable[None]]) -> None:
    """Run `use` while an agent runs."""
    clock = ManualClock(WALL_NS)
    (folder / "run").mkdir()
    config = wiring.Config(scrape=ScrapeConfig(enabled=False))
    listener = claim_socket(folder / "run")

    async def run() -> None:
        daemon = Daemon(wiring.build(config, folder / "state", [folder / "run"], None, clock), listener, 0)
        agent = asyncio.create_task(daemon.run())
        try:
            while await daemon.status() is None:
                await asyncio.wait({agent}, timeout=0.01)
            await use(daemon, clock)
        finally:
            agent.cancel()
            await asyncio.gather(agent, return_exceptions=True)
            listener.close()

    asyncio.run(run())


async def told(daemon: Daemon) -> Status:
    """Ask for the status of an agent that has one."""
    status = await daemon.status()
    assert status is not None
    return status


def test_what_waits_can_be_asked_while_the_agent_starts(tmp_path: Path) -> None:
    """The API is served before the first look is over."""
    (tmp_path / "run").mkdir()
    listener = claim_socket(tmp_path / "run")
    config = wiring.Config(scrape=ScrapeConfig(enabled=False))

    async def run() -> None:
        parts = wiring.build(config, tmp_path / "state", [tmp_path / "run"], None, ManualClock(WALL_NS))
        daemon = Daemon(parts, listener, 0)
        agent = asyncio.create_task(daemon.run())
        assert (await daemon.outbox("")).destinations == ()
        agent.cancel()
        await asyncio.gather(agent, return_exceptions=True)
        parts.store.close()
        listener.close()

    asyncio.run(run())


def test_whoever_asks_is_told_how_it_is_now(tmp_path: Path) -> None:
    """Nothing is described in advance: a status is of the moment at which it was asked for."""

    async def use(daemon: Daemon, clock: ManualClock) -> None:
        before = await told(daemon)
        clock.advance(30)
        after = await told(daemon)
        assert [utc(WALL_NS), utc(WALL_NS + 30_000_000_000)] == [before.time, after.time]

    running(tmp_path, use)


def test_those_who_ask_often_share_a_status(tmp_path: Path) -> None:
    """A question right after another is answered with the same record; it costs nothing more."""

    async def use(daemon: Daemon, clock: ManualClock) -> None:
        clock.advance(30)
        first = await told(daemon)
        clock.advance(0.2)
        assert await told(daemon) is first

    running(tmp_path, use)


def test_a_busy_pipeline_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the pipeline is at work, the status of before is told."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)

    async def use(daemon: Daemon, clock: ManualClock) -> None:
        before, over = await told(daemon), threading.Event()
        work = asyncio.create_task(daemon.baselines(lambda _: over.wait()))
        await asyncio.wait({work}, timeout=0.01)
        clock.advance(30)
        try:
            assert await told(daemon) is before
        finally:
            over.set()
        assert await work

    running(tmp_path, use)


def test_a_status_that_fails_is_told_and_the_agent_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks gets the error; who asks later gets a status."""

    async def use(daemon: Daemon, clock: ManualClock) -> None:
        broken = True

        def describe(_: object) -> Status:
            if broken:
                raise RuntimeError("no status today")
            return old

        old = await told(daemon)
        monkeypatch.setattr(Describer, "describe", describe)
        clock.advance(30)
        with pytest.raises(RuntimeError, match="no status today"):
            await daemon.status()
        broken = False
        assert await told(daemon) is old

    running(tmp_path, use)


def test_an_agent_that_fails_was_not_stopped(tmp_path: Path) -> None:
    """The next start says so; whoever stops it is told apart."""

    async def fail(_: Daemon) -> None:
        raise OSError("a defect")

    async def stop(daemon: Daemon) -> None:
        daemon._stopping.set()  # as SIGTERM does

    assert _history(tmp_path, fail) == ["agent: started: nothing is known of a run before"]
    assert _history(tmp_path, stop) == [
        "agent: stopped: as it was told to",
        "agent: started: it had not been stopped: it was killed, or failed; the machine ran on",
    ]


def _history(folder: Path, end: Callable[[Daemon], Awaitable[None]]) -> list[str]:
    """Run an agent to its end; return what its history then says of it, newest first."""
    (folder / "run").mkdir(exist_ok=True)
    listener = claim_socket(folder / "run")
    config = wiring.Config(scrape=ScrapeConfig(enabled=False))

    async def run() -> list[str]:
        parts = wiring.build(config, folder / "state", [folder / "run"], None, ManualClock(WALL_NS))
        daemon = Daemon(parts, listener, 0)

        async def loop() -> None:
            await end(daemon)

        daemon._loop = loop  # type: ignore[method-assign]  # at once, in place of what waits
        await asyncio.gather(daemon.run(), return_exceptions=True)
        listener.close()
        return [event.text for event in parts.pipeline.events() if event.text.startswith("agent: ")]

    return asyncio.run(run())


@pytest.mark.parametrize("told", [False, True])
def test_an_agent_that_can_use_its_directory_again_hands_over_unless_it_is_to_stop(
    tmp_path: Path, *, told: bool
) -> None:
    """Until its process ends: who stops it meanwhile means the next one, too. Whoever asks meanwhile starts nothing."""
    (tmp_path / "state").write_text("in the way")
    ticks = []

    async def use(daemon: Daemon, clock: ManualClock) -> None:
        assert daemon._status is not None
        assert daemon._status.buffer.mode == "memory"
        (tmp_path / "state").unlink()
        clock.advance(60)
        close = daemon._parts.pipeline.close

        def closing() -> None:
            close()
            daemon._parts.pipeline.tick = lambda: ticks.append(1)  # type: ignore[method-assign]
            if told:
                signal.raise_signal(signal.SIGTERM)

        daemon._parts.pipeline.close = closing  # type: ignore[method-assign]
        await daemon._stopping.wait()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            clock.advance(1)
            await daemon.status()
            await asyncio.wait(others, timeout=0.01)
        assert (daemon.handover is None) == told
        if daemon.handover:
            assert [finding.kind for finding in daemon.handover.findings] == ["disk"]

    running(tmp_path, use)
    assert ticks == []
