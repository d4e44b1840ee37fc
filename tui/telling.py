"""Telling the agent what a person decided: in a thread, one after another, in the order of the keys.

What was said while another telling is under way waits for it, so that the last word about a thing is the last that the
agent hears.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, NamedTuple

from textual.message import Message

from agent.ports import AgentAwayError, AgentRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message_pump import MessagePump


class Undone(NamedTuple):
    """How to say that nothing came of it, and why where what it is about is gone."""

    said: str
    gone: str


class Told(Message):
    """What came of telling: the words for it, and whether the agent took it. `about` is what the teller was given."""

    def __init__(self, text: str, *, taken: bool, about: str) -> None:
        super().__init__()
        self.text = text
        self.taken = taken
        self.about = about


class Teller:
    """Tells the agent, and posts what came of it to the part of the screen that asked."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[MessagePump, Callable[[], str], Undone, str]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running = False

    def tell(self, asker: MessagePump, act: Callable[[], str], *, undone: Undone, about: str = "") -> None:
        """Do `act` in a thread; it returns what to say."""
        self._waiting.put((asker, act, undone, about))
        with self._lock:
            if self._running:
                return
            self._running = True
        threading.Thread(target=self._run, name="driftline-telling", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._waiting.empty():
                    self._running = False
                    return
            asker, act, undone, about = self._waiting.get()
            asker.post_message(_told(act, undone, about))


def _told(act: Callable[[], str], undone: Undone, about: str) -> Told:
    try:
        return Told(act(), taken=True, about=about)
    except AgentAwayError as error:
        said = f"{undone.said}, the agent is away: {error}"
    except AgentRefusedError as error:
        said = f"{undone.said}: {error}"
    except KeyError:
        said = f"{undone.said}: {undone.gone}"
    except Exception as error:  # noqa: BLE001  # said on the screen; a dead thread would leave the person in doubt
        said = f"{undone.said}: the agent's answer cannot be read ({type(error).__name__}: {error})"
    return Told(said, taken=False, about=about)
