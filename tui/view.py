"""What the screens are shown: the newest status, and how it came about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from agent.model import Finding
    from agent.status import Status, StreamStatus
    from tui.trends import Trends


class View(NamedTuple):
    """One moment of the dashboard.

    away: why the agent cannot be asked; empty while it answers. age_s: how old `status` is.
    console: whether the terminal's font has few marks. note: a word on what is being watched.
    trends: how the device's readings ran since the dashboard was opened.
    """

    status: Status | None
    trends: Trends
    away: str = ""
    age_s: float = 0.0
    paused: bool = False
    console: bool = False
    note: str = ""

    @property
    def muted(self) -> bool:
        """Whether what is shown is out of date."""
        return bool(self.away)

    def stream(self, key: str, pid: int) -> StreamStatus | None:
        """Find a stream by identity and process."""
        streams = self.status.streams if self.status else ()
        return next((s for s in streams if s.key == key and s.stream.pid == pid), None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is open, and what was closed as real and goes on."""
        return (*self.status.findings, *self.status.known) if self.status else ()

    def finding(self, finding_id: str) -> Finding | None:
        """Find one of `findings`."""
        return next((f for f in self.findings if f.id == finding_id), None)
