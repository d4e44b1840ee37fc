"""Plays the demo: starts agent and service, watches both, and stops them whatever happens.

One event loop does it all; what may block (asking the agent) runs beside it in a thread. Downstream is started first
and stopped last. An agent that somebody kills is started again, an agent or a service that fails ends the demo.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from agent.client import SOCKET_NAME
from agent.commands.demo.child import Child
from agent.commands.demo.cost import AgentCost
from agent.commands.demo.place import REFERENCE_ROWS
from agent.commands.demo.record import Truth
from agent.ports import AgentAwayError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.clock import Clock
    from agent.commands.demo.place import Place
    from agent.commands.demo.record import Record
    from agent.model import Finding
    from agent.screen import ScreenSource
    from agent.status import Status

RATE = 100  # images a second
READY_SECONDS = 20.0  # an agent needs 1.5; a first start on a slow disk with nothing compiled yet needs more
SETTLE_SECONDS = 3.0  # for the agent to read the last records
STATUS_SECONDS = 1.0
ASK_AGAIN_SECONDS = 0.1
MOST_RESTARTS = 5
# Somebody stopped it. Any other end is the agent's own fault.
KILLED = (0, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT)


class DemoError(Exception):
    """The demo cannot go on; the message says why, and shows the log where there is one."""


class StoppedError(DemoError):
    """Somebody stopped the demo with a signal."""


@dataclass(frozen=True)
class Plan:
    """What the demo is to show. `onset` is in seconds after the service's start."""

    seconds: float
    seed: int
    drift: str | None
    onset: float


@dataclass(frozen=True)
class Programs:
    """The commands that the demo starts, and how to ask the agent."""

    agent: Callable[[Place], list[str]]
    service: Callable[[Plan], list[str]]
    connect: Callable[[Path], ScreenSource]


class View(Protocol):
    """Shows a running demo. Everything is called in the event loop and must not block.

    draws: whether it draws on the terminal. Without that there is nothing to put right, and writing to it may block.
    """

    draws: bool

    def starting(self) -> None:
        """Open the show: agent and service are about to start."""
        ...

    def heard(self, truth: Truth) -> None:
        """Take in what the service said."""
        ...

    def saw(self, status: Status, new: list[Finding]) -> None:
        """Take in what the agent said; `new` are findings that were not there before."""
        ...

    def agent_gone(self, ending: str) -> None:
        """Take in that the agent was killed, and is being started again."""
        ...

    async def open(self, source: ScreenSource, over: asyncio.Event) -> None:
        """Stay until `over` is set, or until the person watching has seen enough."""
        ...


class Demo:
    """One run of the demo.

    Parameters
    ----------
    plan, place, programs, clock
        What to show, where, with which processes, and the time.
    record
        Keeps what is seen.
    view
        Shows it.
    """

    def __init__(self, plan: Plan, place: Place, programs: Programs, clock: Clock, record: Record, view: View) -> None:
        self.plan = plan
        self.place = place
        self.record = record
        self.cost = AgentCost(clock)
        self.left_early = False
        self._programs = programs
        self._clock = clock
        self._view = view
        self._source = programs.connect(place.run / SOCKET_NAME)
        self._agent: Child | None = None
        self._service: Child | None = None
        self._over = asyncio.Event()
        self._stopped_by: signal.Signals | None = None
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Play it to the end. Raises DemoError; leaves no process behind."""
        loop = asyncio.get_running_loop()
        signals = [signal.SIGINT, signal.SIGTERM]
        if self._view.draws:  # without its terminal everything ends at once, under nohup as well: the children follow
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
        else:
            signals.append(signal.SIGHUP)
        for number in signals:
            loop.add_signal_handler(number, self._stop_by, number)
        play = asyncio.create_task(self._play())
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({play, stop}, return_when=asyncio.FIRST_COMPLETED)
            if self._stopped_by is not None and not play.done():
                raise StoppedError(f"stopped by {self._stopped_by.name}")
            await play
        finally:
            stop.cancel()
            await _end(play)
            for child in (self._service, self._agent):
                if child is not None:
                    await child.stop()
            for number in signals:
                loop.remove_signal_handler(number)

    def _stop_by(self, number: signal.Signals) -> None:
        self._stopped_by = number
        self._stop.set()

    async def _play(self) -> None:
        self._view.starting()
        await self._start_agent()
        self._service = await Child.start(
            "service", self._programs.service(self.plan), self.place.state / "service.log",
            run=self.place.run, lock=self.place.lock, read=True,
        )  # fmt: skip
        hear = asyncio.create_task(self._hear(self._service))
        keep = asyncio.create_task(self._keep_agent())
        watch = asyncio.create_task(self._watch())
        view = asyncio.create_task(self._view.open(self._source, self._over))
        try:
            waiting: set[asyncio.Task[None]] = {hear, keep, watch, view}
            while not hear.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()  # raises what ended it
                if view in done and not hear.done():
                    self.left_early = True
                    self._service.process.terminate()
            await self._settle()
        finally:
            self._over.set()
            await asyncio.gather(*(_end(task) for task in (hear, keep, watch)))
            while not view.done():  # it ends by itself, and puts the terminal right: nothing may cut that short
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({view})
            await asyncio.gather(view, return_exceptions=True)  # what it raised has been seen, or no longer matters

    async def _start_agent(self) -> None:
        self._agent = await Child.start(
            "agent", self._programs.agent(self.place), self.place.state / "agent.log",
            run=self.place.run, lock=self.place.lock,
        )  # fmt: skip
        deadline = self._clock.monotonic_ns() + READY_SECONDS * 1e9
        while await self._ask() is None:
            if not self._agent.running:
                raise _failed(self._agent)
            if self._clock.monotonic_ns() > deadline:
                raise DemoError(f"the agent did not answer within {READY_SECONDS:.0f} s:\n{self._agent.tail()}")
            await self._pause(ASK_AGAIN_SECONDS)

    async def _ask(self) -> Status | None:
        """Ask the agent for its status and show it; None where it does not answer."""
        try:
            status = await asyncio.to_thread(self._source.status)
        except AgentAwayError:
            return None
        if self._agent is not None:
            self.cost.sample(self._agent.process.pid)
        self.record.look(status)
        self._view.saw(status, self.record.note(status.findings))
        return status

    async def _hear(self, service: Child) -> None:
        """Read the service's lines until it ends."""
        assert service.process.stdout is not None
        while line := await service.process.stdout.readline():
            try:
                truth = msgspec.json.decode(line, type=Truth)
            except msgspec.MsgspecError as error:
                raise DemoError(f"the service said what it should not ({error}): {line!r}") from error
            if truth.event == "ready" and self._agent is not None:
                self.cost.begin(self._agent.process.pid)
            self.record.hear(truth)
            self._view.heard(truth)
        await service.process.wait()
        latest = self.record.latest
        if self.left_early and latest is None:
            return  # stopped before it could say anything
        if service.process.returncode != 0 or latest is None or latest.event != "end":
            raise _failed(service)

    async def _watch(self) -> None:
        while not self._over.is_set():
            await self._pause(STATUS_SECONDS)
            await self._ask()

    async def _keep_agent(self) -> None:
        """Start the agent again when somebody kills it."""
        while True:
            agent = self._agent
            assert agent is not None
            await agent.process.wait()
            if agent.process.returncode not in KILLED:
                raise _failed(agent)
            if self.record.restarts == MOST_RESTARTS:
                raise DemoError(f"the agent was stopped {MOST_RESTARTS + 1} times; that is enough")
            self.record.restarts += 1
            self._view.agent_gone(agent.ending())
            await self._start_agent()

    async def _settle(self) -> None:
        """Let the agent read what the service wrote last, and take down all that it found."""
        wanted = self.record.latest.inferences if self.record.latest else 0
        deadline = self._clock.monotonic_ns() + SETTLE_SECONDS * 1e9
        while self._clock.monotonic_ns() < deadline:
            status = await self._ask()
            lost = sum(stream.lost for stream in status.streams) if status else 0
            if status and sum(stream.inferences for stream in status.streams) + lost >= wanted:
                return
            await self._pause(ASK_AGAIN_SECONDS)

    async def _pause(self, seconds: float) -> None:
        over = asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait({over}, timeout=seconds)  # unlike wait_for in 3.11, never swallows a cancellation
        finally:
            over.cancel()


def _failed(child: Child) -> DemoError:
    return DemoError(f"the {child.name} {child.ending()}. The end of its log ({child.log}):\n{child.tail()}")


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for it; whatever it raised has been seen, or no longer matters."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def agent_command(place: Place) -> list[str]:
    """Return how to start the agent of a demo."""
    directories = ["--state", str(place.state), "--run", str(place.run), "--config", str(place.config)]
    return [sys.executable, "-P", "-m", "agent", "agent", *directories]


def service_command(plan: Plan) -> list[str]:
    """Return how to start its service."""
    what = ["--rate", str(RATE), "--seconds", str(plan.seconds), "--seed", str(plan.seed)]
    what += ["--labelled", str(REFERENCE_ROWS)]
    drift = ["--drift", plan.drift, "--onset", str(plan.onset)] if plan.drift else []
    return [sys.executable, "-P", "-m", "examples.meter_camera.service", *what, *drift]
