"""What time it is, for commands that count back from now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.ports import AgentAwayError

if TYPE_CHECKING:
    from agent.client import AgentClient
    from agent.clock import Clock


def now_ns(clock: Clock, agent: AgentClient | None) -> int:
    """Return the time as the agent has it, by which it dates what it keeps; this device's where there is no agent.

    The two differ where the agent does not believe the device's clock.
    """
    try:
        status = None if agent is None else agent.status()
    except AgentAwayError:
        status = None
    return clock.wall_ns() if status is None else round(status.time.timestamp() * 1e9)
