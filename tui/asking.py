"""Asking the agent for more than its status: in a thread, so that a slow answer never holds up a key.

One question at a time: of those that wait the newest alone is asked, and an answer that nobody waits for any more is
dropped. The thread is a daemon, and lives only as long as there is something to ask.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from textual.message import Message

from agent.ports import AgentAwayError, AgentRefusedError
from tui.spans import clean
from tui.viewing import Viewing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.lined import Lined
    from tui.view import View

    Question = Callable[[], object]


class Replied(Message):
    """What came of a question: an answer, or in `trouble` why there is none."""

    def __init__(self, number: int, answer: object, trouble: str = "") -> None:
        super().__init__()
        self.number = number
        self.answer = answer
        self.trouble = trouble


class Asker:
    """Asks one question after another.

    Parameters
    ----------
    deliver
        Called with each reply, from a thread.

    """

    def __init__(self, deliver: Callable[[Replied], object]) -> None:
        self.newest = 0
        self._deliver = deliver
        self._lock = threading.Lock()
        self._waiting: tuple[int, Question] | None = None
        self._running = False

    def ask(self, question: Question) -> None:
        """Ask, as soon as the question before is answered."""
        with self._lock:
            self.newest += 1
            self._waiting = self.newest, question
            if self._running:
                return
            self._running = True
        threading.Thread(target=self._run, name="driftline-question", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._waiting is None:
                    self._running = False
                    return
                number, question = self._waiting
                self._waiting = None
            self._deliver(_reply(number, question))


def _reply(number: int, question: Question) -> Replied:
    try:
        return Replied(number, question())
    except AgentAwayError as error:
        return Replied(number, None, f"the agent is away: {error}")
    except AgentRefusedError as error:
        return Replied(number, None, f"the agent says no: {error}")
    except KeyError:
        return Replied(number, None, "the agent does not know it any more")
    except Exception as error:  # noqa: BLE001  # said on the screen; a dead thread would show "asking" for ever
        return Replied(number, None, f"the answer cannot be read ({type(error).__name__}: {error})")


class AskingScreen(Viewing):
    """Base of the screens that ask for more than the status, and again when what they have is old.

    A subclass gives `question`, and draws `answer` and `note` when `renew` is called. The last answer stays until a
    newer one comes.
    """

    answer: object = None
    trouble = ""
    asking = False

    def __init__(self) -> None:
        super().__init__()
        self._asker = Asker(self.post_message)
        self._asked_at: float | None = None

    def question(self) -> Question:
        """Return what to ask; called on the screen's loop, and the question in a thread."""
        raise NotImplementedError

    def every_s(self) -> float:
        """Return after how many seconds an answer is old."""
        return 5.0

    def renew(self) -> None:
        """Hand what is known to the parts."""
        raise NotImplementedError

    @property
    def note(self) -> str:
        """What to say of the answer that is not there."""
        if self.trouble or self.answer is not None:
            return clean(self.trouble)
        if self.asking or self.view is None:
            return "asking…"
        if self.view.away:
            return "not known: the agent is away"
        return "not asked while paused" if self.view.paused else ""

    def ask(self) -> None:
        """Ask now; what was asked before is not waited for any more."""
        if self.view is not None and self.view.status is not None:
            self._asked_at = self.view.status.time.timestamp()
            self.asking = True
            self._asker.ask(self.question())

    def show(self, view: View) -> None:
        """Take news in, and ask where the answer is old; not while the agent is away, nor while paused."""
        self.view = view
        self.show_parts(view)
        if view.status is None or view.away or view.paused or self.asking:
            return
        if self._asked_at is None or abs(view.status.time.timestamp() - self._asked_at) >= self.every_s():
            self.ask()

    def on_replied(self, reply: Replied) -> None:
        """Take an answer in, where it is still waited for."""
        if reply.number != self._asker.newest:
            return
        self.asking, self.trouble = False, reply.trouble
        self.answer = self.answer if reply.answer is None else reply.answer
        if self.view is not None:
            self.show_parts(self.view)

    def show_parts(self, view: View) -> None:
        """Hand what is known to the parts, and have them drawn."""
        self.renew()
        super().show(view)

    def on_lined_mounted(self, message: Lined.Mounted) -> None:
        """Hand what is known to a part that came after it."""
        self.renew()
        super().on_lined_mounted(message)
