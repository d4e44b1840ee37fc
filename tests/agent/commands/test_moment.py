"""What time commands count back from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from agent.clock import ManualClock, utc
from agent.commands.moment import now_ns
from agent.ports import AgentAwayError

if TYPE_CHECKING:
    from agent.client import AgentClient
    from agent.status import Status

NOW = 1_795_000_000_123_456_000


class Agent:
    """An agent that has a time, or is away."""

    def __init__(self, wall_ns: int | None) -> None:
        self.wall_ns = wall_ns

    def status(self) -> Status:
        """Tell it."""
        if self.wall_ns is None:
            raise AgentAwayError("away")
        return cast("Status", SimpleNamespace(time=utc(self.wall_ns)))


def test_the_time_is_the_agents_where_there_is_one() -> None:
    """The agent dates what it keeps by the time that it believes, and the device's clock may show another."""
    clock = ManualClock(7)
    agents = [cast("AgentClient", Agent(NOW)), cast("AgentClient", Agent(None)), None]
    assert [abs(now_ns(clock, agent) - wall) < 1_000 for agent, wall in zip(agents, (NOW, 7, 7), strict=True)] == [
        True,
        True,
        True,
    ]
