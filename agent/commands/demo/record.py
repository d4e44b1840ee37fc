"""What a demo sees: the service's lines of truth, the agent's findings, and what they come to side by side."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime  # noqa: TC003  # msgspec resolves the annotations at run time
from typing import TYPE_CHECKING

import msgspec

from agent.model import AccuracyEstimate  # noqa: TC001  # the same

if TYPE_CHECKING:
    from agent.model import Finding
    from agent.status import Status


class Reading(msgspec.Struct, frozen=True):
    """How many digits the service read, and how many of them rightly."""

    images: int = 0
    correct: int = 0

    @property
    def accuracy(self) -> float | None:
        """Share read rightly; None where there was none to read."""
        return round(self.correct / self.images, 4) if self.images else None


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the service; see `examples.meter_camera.service`."""

    event: str
    time: datetime
    seconds: float
    inferences: int
    failures: int
    dropped_images: int
    before: Reading
    growing: Reading
    full: Reading
    first_failure: str | None = None
    onset_index: int | None = None
    onset_seconds: float | None = None
    probe_p50_ns: float | None = None
    fault: str | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What `driftline demo --json` prints. Times are seconds since the service began, None where nothing happened."""

    inferences: int
    false_alarms: int
    onset_s: float | None
    detected_s: float | None
    delay_inferences: int | None
    kinds: list[str]
    signals: list[str]
    cause: str | None
    accuracy_before: float | None
    accuracy_after: float | None
    estimate_before: AccuracyEstimate | None
    estimate_after: AccuracyEstimate | None
    probe_p50_ns: float | None
    agent_rss_mb: float | None
    agent_cpu_percent: float | None


class Record:
    """Collects truth and findings while a demo runs."""

    def __init__(self) -> None:
        self._truths: list[Truth] = []
        self._findings: dict[str, Finding] = {}
        self.restarts = 0
        self.estimate_before: AccuracyEstimate | None = None  # the last one of nothing but healthy images
        self.estimate_after: AccuracyEstimate | None = None  # and the last one there was

    def hear(self, truth: Truth) -> None:
        """Take a line of the service in."""
        self._truths.append(truth)

    def look(self, status: Status) -> None:
        """Take down the agent's newest estimate of the accuracy."""
        estimate = next((stream.accuracy for stream in status.streams if stream.accuracy is not None), None)
        if self.onset is None:
            self.estimate_before = estimate or self.estimate_before
        else:
            self.estimate_after = estimate or self.estimate_after

    def note(self, findings: tuple[Finding, ...] | list[Finding]) -> list[Finding]:
        """Take the newest state of findings in; return those that are new."""
        new = [finding for finding in findings if finding.id not in self._findings]
        for finding in findings:
            known = self._findings.get(finding.id)
            if known is None or finding.updated >= known.updated:
                self._findings[finding.id] = finding
        return new

    @property
    def began(self) -> Truth | None:
        """The service's first line."""
        return self._truths[0] if self._truths else None

    @property
    def latest(self) -> Truth | None:
        """Its newest line."""
        return self._truths[-1] if self._truths else None

    @property
    def onset(self) -> Truth | None:
        """The line that says that the fault began."""
        return next((truth for truth in self._truths if truth.event == "onset"), None)

    def seconds_at(self, moment: datetime) -> float:
        """Give a moment in seconds since the service began."""
        began = self.began
        return (moment - began.time).total_seconds() if began else 0.0

    def inferences_at(self, moment: datetime) -> int:
        """How many inferences had been made at that moment, interpolated between the service's lines."""
        index = bisect_left(self._truths, moment, key=lambda truth: truth.time)
        if index in {0, len(self._truths)}:
            return self._truths[min(index, len(self._truths) - 1)].inferences if self._truths else 0
        left, right = self._truths[index - 1], self._truths[index]
        span = (right.time - left.time).total_seconds()
        share = (moment - left.time).total_seconds() / span if span else 0.0
        return left.inferences + round(share * (right.inferences - left.inferences))

    def false_alarms(self) -> list[Finding]:
        """Return what was found before there was anything to find.

        A notice (a finding without signals) is no false alarm where the agent was killed: it tells of records that
        were truly lost.
        """
        onset = self.onset
        early = [f for f in self._in_order() if onset is None or f.opened < onset.time]
        return [finding for finding in early if finding.signals or not self.restarts]

    def detections(self) -> list[Finding]:
        """Return the findings about signals that opened once the fault had begun, the first to open first."""
        onset = self.onset
        return [f for f in self._in_order() if onset is not None and f.opened >= onset.time and f.signals]

    def delay_inferences(self, finding: Finding) -> int | None:
        """How many inferences were made from the fault's start to the opening of a finding."""
        onset = self.onset
        return None if onset is None else max(0, self.inferences_at(finding.opened) - onset.inferences)

    def _in_order(self) -> list[Finding]:
        return sorted(self._findings.values(), key=lambda finding: finding.opened)

    def result(self, *, rss_bytes: int | None, cpu_percent: float | None) -> Result:
        """Put it all together."""
        latest, began, onset = self.latest, self.began, self.onset
        found = self.detections()
        first = found[0] if found else None
        cause = first.causes[0] if first and first.causes else None
        after = latest and (latest.full if latest.full.images else latest.growing)
        return Result(
            inferences=latest.inferences if latest else 0,
            false_alarms=len(self.false_alarms()),
            onset_s=round(onset.onset_seconds, 2) if onset and onset.onset_seconds is not None else None,
            detected_s=round(self.seconds_at(first.opened), 2) if first else None,
            delay_inferences=self.delay_inferences(first) if first else None,
            kinds=list(dict.fromkeys(finding.kind for finding in found)),
            signals=list(dict.fromkeys(signal.name for finding in found for signal in finding.signals)),
            cause=f"{cause.kind}: {cause.name}" if cause else None,
            accuracy_before=latest.before.accuracy if latest else None,
            accuracy_after=after.accuracy if after else None,
            estimate_before=self.estimate_before,
            estimate_after=self.estimate_after,
            probe_p50_ns=began.probe_p50_ns if began else None,
            agent_rss_mb=None if rss_bytes is None else round(rss_bytes / 1e6, 1),
            agent_cpu_percent=None if cpu_percent is None else round(cpu_percent, 2),
        )
