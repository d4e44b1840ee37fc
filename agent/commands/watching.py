"""`driftline status --watch`: for terminals that can do nothing but scroll, and for what reads a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.ports import AgentAwayError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from agent.clock import Clock
    from agent.ports import StatusSource
    from agent.status import Status

LOOK_S = 2.0
LINE_S = 10.0


class Watcher:
    """Says the whole status at first and whenever something changes in words, and a line now and then between.

    Parameters
    ----------
    source, clock
        The agent, and the time between two lines.
    whole, line
        Turn a status into text.
    say, complain
        Take a text for the person, and a line about the agent that is away.

    """

    def __init__(
        self,
        source: StatusSource,
        clock: Clock,
        whole: Callable[[Status], str],
        line: Callable[[Status], str],
        say: Callable[[str], object],
        complain: Callable[[str], object],
    ) -> None:
        self._source, self._clock = source, clock
        self._whole, self._line = whole, line
        self._say, self._complain = say, complain
        self._words: Hashable = None
        self._said_ns = 0
        self._away = ""

    def look(self) -> None:
        """Ask once, and say what there is to say."""
        try:
            status = self._source.status()
        except AgentAwayError as error:
            if str(error) != self._away:
                self._away, self._words = str(error), None
                self._complain(f"{error}; trying again")
            return
        self._away = ""
        words, now = in_words(status), self._clock.monotonic_ns()
        if words != self._words:
            self._say(self._whole(status))
        elif now - self._said_ns >= LINE_S * 1e9:
            self._say(self._line(status))
        else:
            return
        self._words, self._said_ns = words, now


def in_words(status: Status) -> Hashable:
    """Return all of a status that is no figure: what has changed if this did is worth saying in full."""
    trouble = status.buffer.trouble
    return (
        status.state,
        tuple((one.key, one.stream.pid, one.state) for one in status.streams),
        tuple((one.id, one.state, one.severity) for one in status.findings),
        tuple(one.id for one in status.known),
        tuple((one.name, one.ok) for one in status.agent.parts),
        tuple((one.name, bool(one.trouble)) for one in status.destinations),
        trouble.kind if trouble else "",
    )
