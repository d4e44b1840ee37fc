"""What happened on the device, newest first: models that came and went, findings, repairs, links."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from tui.record_screen import RecordScreen
from tui.records import Record, Records

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.model import Finding
    from agent.status import EventLine
    from tui.asking import Question
    from tui.view import View

MOST_EVENTS = 1000
_SAME = timedelta(seconds=5)  # a finding is told within the look that opened it


def event_records(events: Iterable[EventLine]) -> list[Record]:
    """Give each event a key of its own, which stays the same when newer ones come."""
    ordered = list(events)
    seen: Counter[tuple[object, str]] = Counter()
    keys = []
    for event in reversed(ordered):  # the oldest first: a newer one must not change the number of an older one
        seen[event.time, event.text] += 1
        keys.append(f"{event.time.isoformat()} {seen[event.time, event.text]} {event.text}")
    return [Record(key, event.time, event.text) for key, event in zip(reversed(keys), ordered, strict=True)]


def finding_of(record: Record, findings: Iterable[Finding]) -> Finding | None:
    """Find the finding that an event tells of, by its id, its sentence, or when it opened: sentences ripen."""
    findings = tuple(findings)
    told = (one for one in findings if one.id in record.text or (one.sentence and one.sentence in record.text))
    opened = (
        one
        for one in findings
        if record.text.startswith(f"{one.stream.model}: open: ") and abs(one.opened - record.time) < _SAME
    )
    return next(told, None) or next(opened, None)


class EventsScreen(RecordScreen):
    """The stored history; enter opens what an event tells of."""

    def list_of_records(self) -> Records:
        """Make the list."""
        return Records("events", "nothing has happened yet")

    def question(self) -> Question:
        """Return what to ask."""
        return partial(self.source.events, MOST_EVENTS)

    def records(self) -> list[Record]:
        """Return the events; until they come, those of the status."""
        if isinstance(self.answer, list):
            return event_records(self.answer)
        return event_records(self.view.status.events) if self.view and self.view.status else []

    def show(self, view: View) -> None:
        """Take news in; ask at once where there is a new event."""
        before = self.view.status if self.view else None
        super().show(view)
        if before and view.status and before.events[:1] != view.status.events[:1] and not view.paused:
            self.ask()
