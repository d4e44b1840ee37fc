"""The newest lines of the agent's log, in memory, for whoever stands before the device; nothing of it is stored.

Whatever is logged through `logging` is in it, from INFO on; warnings go to standard error besides, as without it.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import TYPE_CHECKING

from agent.clock import utc
from agent.screen import LogLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.clock import Clock

KEPT = 1_000
LONGEST = 2_000  # characters of a line


class LogRing(logging.Handler):
    """Keeps the newest KEPT lines, numbered from 1. May be asked from any thread.

    Lines are dated by `clock`, as everything else that the agent says.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(logging.INFO)
        self._clock = clock
        self._lines: deque[LogLine] = deque(maxlen=KEPT)
        self._number = 0
        self._turn = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        try:
            text = record.getMessage()
            if record.exc_info and record.exc_info[1] is not None:
                error = record.exc_info[1]
                text = f"{text}: {type(error).__name__}: {error}"
        except Exception:  # noqa: BLE001  # logging's way to say that a line cannot be put together
            self.handleError(record)
            return
        self.say(record.levelname, record.name, text)

    def say(self, level: str, part: str, text: str) -> None:
        """Keep a line that did not come through `logging`."""
        with self._turn:
            self._number += 1
            time = utc(self._clock.wall_ns())
            self._lines.append(LogLine(number=self._number, time=time, level=level, part=part, text=text[:LONGEST]))

    def after(self, number: int) -> list[LogLine]:
        """Return the lines after a number that are still kept, oldest first."""
        with self._turn:
            return [line for line in self._lines if line.number > number]


def catch(ring: LogRing) -> Callable[[], None]:
    """Have everything that this process logs kept; warnings go on to standard error. Return what lets go again."""
    root = logging.getLogger()
    aloud = logging.StreamHandler()
    aloud.setLevel(logging.WARNING)
    root.addHandler(ring)
    root.addHandler(aloud)
    level = root.level
    root.setLevel(min(logging.INFO, level or logging.INFO))

    def let_go() -> None:
        root.removeHandler(ring)
        root.removeHandler(aloud)
        root.setLevel(level)

    return let_go
