"""The device's recent history in lines for people, newest first and bounded; the store keeps it all."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from agent.clock import utc
from agent.status import EventLine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.clock import Clock
    from agent.model import Finding
    from agent.ports import Store
    from agent.steady import Step

KEPT = 200

log = logging.getLogger("driftline.history")


class Events:
    """Writes the history."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._lines: deque[EventLine] = deque(maxlen=KEPT)
        self._said: dict[str, tuple[str, str, str]] = {}  # per open finding: what the history says of it

    def say(self, kind: str, subject: str, detail: str, count: int = 0) -> None:
        """Add a line."""
        now = self._clock.wall_ns()
        log.info("%s: %s: %s", subject, kind, detail)
        self._lines.appendleft(EventLine(utc(now), f"{subject}: {kind}: {detail}"))
        self._store.add_event(kind, subject, detail, time_ns=now, count=count)

    def tell(self, changed: Iterable[Finding]) -> None:
        """Add what is new about findings."""
        for finding in changed:
            news = (finding.state, finding.severity, finding.causes[0].name if finding.causes else "")
            if self._said.get(finding.id) == news:
                continue  # only its figures ripened
            self._said[finding.id] = news
            if finding.state == "closed":
                del self._said[finding.id]
            self.say(finding.state, finding.stream.model, f"{finding.severity}: {finding.sentence}")

    def rebase(self, step: Step) -> None:
        """Correct the times of the lines, after the clock was set."""
        self._lines = deque((EventLine(step.moved_moment(line.time), line.text) for line in self._lines), maxlen=KEPT)

    def lines(self) -> tuple[EventLine, ...]:
        """Return the lines, newest first."""
        return tuple(self._lines)
