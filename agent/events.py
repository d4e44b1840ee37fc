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
        self._said: dict[str, tuple[str, str]] = {}  # per open finding: what the history says of it: how bad, and why

    def say(self, kind: str, subject: str, detail: str, count: int = 0) -> None:
        """Add a line."""
        now = self._clock.wall_ns()
        log.info("%s: %s: %s", subject, kind, detail)
        self._lines.appendleft(EventLine(utc(now), f"{subject}: {kind}: {detail}"))
        self._store.add_event(kind, subject, detail, time_ns=now, count=count)

    def know(self, findings: Iterable[Finding]) -> None:
        """Hear what an agent of before has told."""
        self._said |= {finding.id: _news(finding) for finding in findings}

    def tell(self, changed: Iterable[Finding], why: str = "") -> None:
        """Add what is new about findings; `why` those ended that are over. That somebody saw one is told by `say`."""
        for finding in changed:
            subject, how, what = finding.stream.model, finding.severity, finding.sentence
            said, news = self._said.pop(finding.id, None), _news(finding)
            if finding.state == "closed":
                ended = "over" if finding.verdict else "closed"
                self.say(ended, subject, f"{how}: {what}" + (f" ({why})" if why else ""))
                continue
            self._said[finding.id] = news
            if said is None:
                self.say("open", subject, f"{how}: {what}")
            elif said[0] != how:
                self.say(f"now {how}", subject, what)
            elif said != news:  # else only its figures ripened
                self.say("most likely", subject, f"{news[1] or 'not known'}: {what}")

    def rebase(self, step: Step) -> None:
        """Correct the times of the lines, after the clock was set."""
        self._lines = deque((EventLine(step.moved_moment(line.time), line.text) for line in self._lines), maxlen=KEPT)

    def lines(self) -> tuple[EventLine, ...]:
        """Return the lines, newest first."""
        return tuple(self._lines)


def _news(finding: Finding) -> tuple[str, str]:
    return finding.severity, finding.causes[0].name if finding.causes else ""
