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
        self._said: dict[str, tuple[str, str]] = {}  # per open finding: what the history says of it

    def say(self, kind: str, subject: str, detail: str, count: int = 0) -> None:
        """Add a line."""
        now = self._clock.wall_ns()
        log.info("%s: %s: %s", subject, kind, detail)
        self._lines.appendleft(EventLine(utc(now), f"{subject}: {kind}: {detail}"))
        self._store.add_event(kind, subject, detail, time_ns=now, count=count)

    def tell(self, changed: Iterable[Finding]) -> None:
        """Add what is new about findings."""
        for finding in changed:
            over, cause = finding.state == "closed", finding.causes[0].name if finding.causes else ""
            said, news = self._said.pop(finding.id, None), (finding.severity, cause)
            if not over:
                self._said[finding.id] = news
                if said == news:
                    continue  # only its figures ripened
            subject, how = finding.stream.model, finding.severity
            if over:
                self.say("over" if finding.verdict else "closed", subject, f"{how}: {finding.sentence}")
            elif said is None and finding.state == "open":
                self.say("open", subject, f"{how}: {finding.sentence}")
            else:  # that somebody has seen it was told when they said so
                self.say(f"now {how}", subject, finding.sentence)

    def rebase(self, step: Step) -> None:
        """Correct the times of the lines, after the clock was set."""
        self._lines = deque((EventLine(step.moved_moment(line.time), line.text) for line in self._lines), maxlen=KEPT)

    def lines(self) -> tuple[EventLine, ...]:
        """Return the lines, newest first."""
        return tuple(self._lines)
