"""Tells people when a destination gets nothing any more: one finding for each, in words that say what to do.

It opens once that has lasted a while, at once where only a person can mend it, and closes when something is accepted
again. The history and the log have a line for the beginning and one for the end, however often it is tried meanwhile.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from agent.clock import Clock
    from agent.model import Severity
    from agent.outbound import Waiting
    from exporters.forwarding.config import DestinationConfig
    from exporters.forwarding.record import Record

KIND = "forwarding"
LONGER_S = (3_600, 6 * 3_600, 86_400, 7 * 86_400, 30 * 86_400)  # after which it is said anew what waits

log = logging.getLogger(__name__)


class Notices(Protocol):
    """Holds findings open; `agent.notices.Notices`."""

    def hold(self, kind: str, name: str, severity: Severity, sentence: str, advice: str, evidence: str) -> None:
        """Keep it open, in these words."""
        ...

    def end(self, kind: str, name: str, note: str) -> None:
        """Close it."""
        ...


class Watch:
    """Watches one destination. `is_due` is asked anywhere, `tell` in the pipeline's thread.

    Parameters
    ----------
    config
        The destination.
    record
        How it fares.
    notices
        Where findings are held.
    clock
        Time.

    """

    def __init__(self, config: DestinationConfig, record: Record, notices: Notices, clock: Clock) -> None:
        self._config, self._record, self._notices, self._clock = config, record, notices, clock
        self._told: tuple[str, bool, int] | None = None  # what was said; None: nothing since the start
        self._known = False  # whether it is known how it fares

    def is_due(self) -> bool:
        """Whether there is something to tell."""
        if self._state() is None:
            works = not self._record.trouble and self._record.accepted > 0
            return works and (self._told is not None or not self._known)
        return self._state() != self._told

    def tell(self, waiting: Waiting | None) -> None:
        """Open, change or close the finding; what waits for the destination is said in it."""
        state, before = self._state(), self._told
        name, host = self._config.name, urlsplit(self._config.url).hostname
        self._told, self._known = state, True
        if state is None:
            self._notices.end(KIND, name, f"{name} takes what is sent again")
            if before is not None:
                log.warning("forwarding to %s works again", name)
            return
        trouble, lasting, _ = state
        gets = "nothing but findings without a time" if self._record.held and self._config.takes_findings else "nothing"
        sentence = f"{name} ({host}) gets {gets}: {trouble}."
        lost = waiting is not None and waiting.dropped > 0
        severity: Severity = "warning" if lasting or lost else "info"
        advice = f"{self._advice(lasting=lasting)} {waits(waiting, self._clock.wall_ns())}".strip()
        self._notices.hold(KIND, name, severity, sentence, advice, trouble)
        if before is None or before[0] != trouble:
            log.warning("forwarding to %s fails: %s", name, trouble)

    def _state(self) -> tuple[str, bool, int] | None:
        """Say what is to be told: the trouble, whether it lasts, and how many of LONGER_S it has; None: nothing."""
        record, failed_s = self._record, self._record.failed_s()
        if not record.trouble or not (record.lasting or failed_s >= self._config.finding_after_seconds):
            return None
        return record.trouble, record.lasting, sum(failed_s >= longer_s for longer_s in LONGER_S)

    def _advice(self, *, lasting: bool) -> str:
        name = self._config.name
        if self._record.held:
            return "Give the device a time source (NTP), or set the clock with date and let it stand for an hour."
        if self._record.away:
            return "Look at the device's storage; driftline status says how it fares. What waits goes once it works."
        if lasting:
            return f"Mend that, there or in [[destination]] {name} here; driftline link test {name} tries it."
        return f"Look at the device's network and at the receiver; driftline link test {name} says what is reached."


def waits(waiting: Waiting | None, now_ns: int) -> str:
    """Say what waits, and whether anything is lost.

    >>> from agent.outbound import Waiting
    >>> waits(Waiting(
    ...     destination="hq", findings=2, minutes=384, oldest_ns=1, dead_letters=0, dropped=0, window_s=300,
    ... ), 11_520_000_000_001)
    'Nothing is lost: the summaries of 3.2 h and 2 finding reports wait here.'
    """
    if waiting is None:
        return ""
    parts = [f"the summaries of {span_text((now_ns - waiting.oldest_ns) / 1e9)}"] if waiting.minutes else []
    if waiting.findings:
        parts.append(f"{waiting.findings} finding report{'' if waiting.findings == 1 else 's'}")
    said = f"{' and '.join(parts)} wait here" if parts else "nothing waits yet"
    if waiting.dropped:
        return f"{waiting.dropped} summaries of a minute had to make room before they were sent; {said}."
    return f"Nothing is lost: {said}."


def span_text(seconds: float) -> str:
    """Give a span of time in its largest unit.

    >>> span_text(11_520), span_text(300), span_text(86_400 * 3)
    ('3.2 h', '5 min', '3 days')
    """
    if seconds < 3_600:  # noqa: PLR2004  # an hour
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86_400:
        return f"{seconds / 3_600:.3g} h"
    return f"{seconds / 86_400:.3g} days"
