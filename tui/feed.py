"""Asking the agent in a thread of its own, so that a slow answer never holds up a key.

The thread is a daemon: quitting never waits for an answer that does not come.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from textual.message import Message

from agent.ports import AgentAwayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.ports import StatusSource
    from agent.status import Status


MOST_OF_A_CORE = 0.04  # what following the agent may cost
LONGEST_S = 30.0


def _processor_s() -> float:
    used = os.times()
    return used.user + used.system


class Answered(Message):
    """What came of a question: a status, or the reason why there is none. The newest replaces those still queued."""

    def __init__(self, status: Status | None, away: str = "") -> None:
        super().__init__()
        self.status = status
        self.away = away

    def can_replace(self, message: Message) -> bool:
        """Say whether `message`, which came later, makes this one superfluous; an excuse does not replace a status."""
        return isinstance(message, Answered) and (message.status is not None or self.status is None)


class Feed:
    """Asks again and again until it is closed.

    Parameters
    ----------
    source
        Whom to ask; called from the feed's thread alone.
    interval_seconds
        Time between the end of an answer and the next question; more where that would cost too much of a processor.
    deliver
        Called with each answer, from the feed's thread.

    """

    def __init__(self, source: StatusSource, interval_seconds: float, deliver: Callable[[Answered], object]) -> None:
        self._source = source
        self._interval = interval_seconds
        self._deliver = deliver
        self._closed = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="driftline-feed", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def ask_now(self) -> None:
        """Ask at once, not only when the interval is over."""
        self._wake.set()

    def close(self) -> None:
        """Ask no more."""
        self._closed = True
        self._wake.set()

    def _run(self) -> None:
        while not self._closed:
            spent_s = _processor_s()
            self._deliver(self._ask())
            if not self._wake.wait(self._interval):
                # What answer and drawing took together; a device with thousands of findings is asked less often.
                rest_s = (_processor_s() - spent_s) / MOST_OF_A_CORE - self._interval
                self._wake.wait(max(0.0, min(rest_s, LONGEST_S)))
            self._wake.clear()

    def _ask(self) -> Answered:
        try:
            return Answered(self._source.status())
        except AgentAwayError as error:
            return Answered(None, str(error))
        except Exception as error:  # noqa: BLE001  # said on the screen; a dead thread would show old data as new
            return Answered(None, f"its answer cannot be read ({type(error).__name__}: {error})")
