"""Kills an agent again and again while it drains a backlog, at chosen moments of a delivery or at any."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING

from agent.ports import AgentAwayError, AgentRefusedError
from tests.faults.bad_link import well

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Mapping

    from agent.status import DestinationStatus
    from tests.faults.bad_link import BadLink, Exchange
    from tests.faults.nursery import NurseryAgent

ASK_S = 0.25
LONGEST_DRAIN_S = 900.0  # on a machine that is busy with other tests, too
MOST_BEFORE = 3  # deliveries that go well before the one that is cut short
START_OPERATIONS, SETTLING_OPERATIONS = 150, 6  # changes to files in a start, and once a delivery is answered
START_S, BETWEEN_S = 2.0, 0.1  # about what a start takes, and the look-up of the next delivery


class Aim:
    """At the agent that runs now: what a link still carries when it is dead must not hit the next one."""

    def __init__(self, agent: NurseryAgent, chance: random.Random) -> None:
        self.chance = chance
        self._agent, self._pid = agent, agent.pid

    def shoot(self) -> None:
        """Kill it."""
        if self._agent.pid == self._pid:
            self._agent.shoot()

    def shoot_in(self, operations: int) -> None:
        """Kill it so many operations on its files from now."""
        if self._agent.pid == self._pid:
            rules = self._agent.rules
            rules.kill_at = rules.operations + operations


class Killer:
    """Kills one agent after another.

    Parameters
    ----------
    agent
        Whose state has the backlog.
    links
        By the name of their destinations.
    chance
        Chooses when.

    """

    def __init__(self, agent: NurseryAgent, links: Mapping[str, BadLink], chance: random.Random) -> None:
        self.agent, self.links, self.chance = agent, links, chance
        self.moments: list[str] = []  # at which agents were killed
        self.wrong: list[str] = []  # how else they ended
        self.drained = False  # before one was to be killed
        self.last: tuple[DestinationStatus, ...] = ()  # what the last of them said of its destinations

    async def live(self) -> None:
        """Start an agent, and kill it at some moment of its work; where nothing is left to send, then."""
        moment = self.chance.choice([*IN_DELIVERY, "starting", "anywhere"])
        operations = self.chance.randint(1, START_OPERATIONS) if moment == "starting" else 0
        self.agent.start(operations)
        aim = Aim(self.agent, self.chance)
        if cut_short := IN_DELIVERY.get(moment):
            for link in self.links.values():  # whichever comes to it first
                before = self.chance.randint(0, MOST_BEFORE)
                link.faults = [*[well] * before, functools.partial(cut_short, aim), well]
        loop = asyncio.get_running_loop()
        shot = loop.call_later(self.chance.uniform(0, START_S), aim.shoot) if moment == "anywhere" else None
        self.drained = await self._drains()
        if shot is not None:
            shot.cancel()
        for one in self.links.values():
            one.faults = []
        if not self.drained:
            self.moments.append(moment)
        self.wrong += [said for said in [self.agent.kill()] if said]

    async def finish(self) -> None:
        """Let an agent send all that is left, and end it."""
        self.agent.start()
        assert await self._drains(), self.agent.last_words
        self.wrong += [said for said in [self.agent.end()] if said]

    async def _drains(self) -> bool:
        """Wait until nothing is left to send; False where the agent is dead before."""
        async with asyncio.timeout(LONGEST_DRAIN_S):
            while self.agent.alive:
                if await self.has_drained():
                    return True
                await asyncio.sleep(ASK_S)
        return False

    async def has_drained(self) -> bool:
        """Whether nothing waits for any destination."""
        try:
            known = self.last = (await asyncio.to_thread(self.agent.client.outbox)).destinations
        except (AgentAwayError, AgentRefusedError):  # it has not come so far, or is dead
            return False
        return len(known) == len(self.links) and not any(
            one.waiting_summaries or one.waiting_findings or not one.window_s for one in known
        )


async def sending(aim: Aim, exchange: Exchange) -> None:
    """In the middle of a request."""
    await exchange.body(aim.chance.random())
    aim.shoot()
    exchange.cut()


async def taken(aim: Aim, exchange: Exchange) -> None:
    """When the receiver has all of it, and has not answered."""
    await exchange.carry()
    aim.shoot()
    exchange.cut()


async def answering(aim: Aim, exchange: Exchange) -> None:
    """In the middle of the answer."""
    answer = await exchange.carry()
    await exchange.reply(answer[: aim.chance.randrange(len(answer))])
    aim.shoot()
    exchange.cut()


async def settling(aim: Aim, exchange: Exchange) -> None:
    """In the middle of writing down that it was answered."""
    answer = await exchange.carry()
    aim.shoot_in(aim.chance.randint(1, SETTLING_OPERATIONS))
    await exchange.reply(answer)


async def looking(aim: Aim, exchange: Exchange) -> None:
    """Once it was answered: while that is settled, or the next is looked up."""
    await well(exchange)
    await asyncio.sleep(aim.chance.uniform(0, BETWEEN_S))
    aim.shoot()


IN_DELIVERY: dict[str, Callable[[Aim, Exchange], Awaitable[None]]] = {
    "sending": sending, "taken": taken, "answering": answering, "settling": settling, "looking": looking,
}  # fmt: skip
