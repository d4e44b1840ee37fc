"""What the parts of a stream's screen are shown besides the view, and their common base."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agent.screen import ZOOMS
from tui.lined import Page
from tui.spans import heading

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from agent.model import Finding
    from agent.screen import StreamView, Zoom
    from agent.status import StreamStatus
    from tui.spans import Line

SPAN_S: dict[Zoom, float] = {"5m": 300.0, "1h": 3_600.0, "24h": 86_400.0, "7d": 604_800.0}
IN_WORDS: dict[Zoom, str] = {"5m": "5 minutes", "1h": "hour", "24h": "24 hours", "7d": "7 days"}


class StreamDetail(NamedTuple):
    """One stream as its screen knows it.

    stream: its last known state; gone: whether the agent no longer has it. finding: its worst that is not closed;
    found: the signals that any of them names.
    answer: what the agent said last of its past. note: why that is not what was asked for; empty where it is.
    """

    stream: StreamStatus
    now: datetime
    zoom: Zoom
    gone: bool = False
    finding: Finding | None = None
    found: AbstractSet[str] = frozenset()
    answer: StreamView | None = None
    note: str = ""


class StreamPanel(Page):
    """Base of the parts; a subclass gives `title` and `lines`."""

    detail: StreamDetail | None = None

    def title(self, detail: StreamDetail) -> str:
        """Return what stands in the rule."""
        raise NotImplementedError

    def lines(self, detail: StreamDetail, width: int) -> list[Line]:
        """Return what stands below it."""
        raise NotImplementedError

    def head(self, width: int, note: str) -> Line:
        """Return the rule."""
        return heading(self.title(self.detail) if self.detail else "", width, note, marked=self.has_focus)

    def body(self, width: int) -> list[Line]:
        """Return the part's lines."""
        return self.lines(self.detail, width) if self.detail else []


def first_zoom(finding: Finding | None, now: datetime) -> Zoom:
    """Choose the span that shows how a finding came about; without one, the last hour.

    The onset lies in the later two thirds, so that there is something to compare with.
    """
    if finding is None:
        return "1h"
    age_s = (now - finding.onset).total_seconds()
    return next((zoom for zoom in ZOOMS if age_s < SPAN_S[zoom] * 2 / 3), ZOOMS[-1])


def missing(detail: StreamDetail) -> list[Line]:
    """Say why there is no answer to draw."""
    return [((f" {detail.note or 'asking…'}", "quiet"),)]
