"""A source for the dashboard that says what it is told, and keeps what it is asked to keep."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec import structs

from agent.ports import AgentAwayError, AgentRefusedError
from agent.status import EventLine
from agent.truth import LabelSummary
from tests.tui import fake_answers, fake_link
from tests.tui.fake_cases import fouling
from tests.tui.fake_stream import NOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.forwarded import EgressLine, OutboxView
    from agent.model import Finding, Verdict
    from agent.screen import Answers, Around, LogLine, StreamView, Zoom
    from agent.status import Status, StreamStatus


class FakeSource:
    """A ScreenSource that says what it is told; give it a status, or the reason why the agent is away.

    What is asked beyond the status is made of it (`fake_answers`). `refusal` is said instead of taking anything in.
    """

    def __init__(self, answer: Status | str) -> None:
        self.answer = answer
        self.refusal = ""
        self.asked = 0
        self.acknowledged: list[tuple[str, str]] = []
        self.snoozed: list[tuple[str, float, str]] = []
        self.judged: list[tuple[str, Verdict, str]] = []
        self.labelled: list[tuple[str | int, str | float, str]] = []
        self.marked: list[tuple[str, str, bool]] = []

    def status(self) -> Status:
        """Give the answer that is set, or be away."""
        self.asked += 1
        return self._here()

    def acknowledge(self, finding_id: str, note: str) -> None:
        """Keep what was acknowledged; a finding that is not open is a KeyError."""
        if finding_id not in {f.id for f in self._here().findings if f.state == "open"}:
            raise KeyError(finding_id)
        self.acknowledged.append((finding_id, note))

    def snooze(self, finding_id: str, seconds: float, note: str) -> None:
        """Keep what was snoozed."""
        self._writing(finding_id)
        self.snoozed.append((finding_id, seconds, note))

    def judge(self, finding_id: str, verdict: Verdict, note: str) -> None:
        """Keep what was judged."""
        self._writing(finding_id)
        self.judged.append((finding_id, verdict, note))

    def stream_view(self, key: str, zoom: Zoom) -> StreamView:
        """Give a stream over a span."""
        return fake_answers.stream_view(self._here(), self._stream(key), zoom)

    def around(self, finding_id: str) -> Around:
        """Give what is stored around a finding."""
        return fake_answers.around(self._here(), self._finding(finding_id))

    def answers(self, key: str, most: int = 200) -> Answers:
        """Give the newest inferences of a stream, with what was said of them since."""
        given = fake_answers.answers(self._here(), self._stream(key), most)
        told: dict[str | int, tuple[str, bool | None]] = {
            one: (str(truth), None) for one, truth, _ in self.labelled
        } | {one: ("", right) for stream, one, right in self.marked if stream == key}
        rows = []
        for row in given.answers:
            truth, right = told.get(row.id, (row.truth, row.right))
            rows.append(structs.replace(row, truth=truth, right=truth == row.said if truth else right))
        return structs.replace(given, answers=tuple(rows))

    def label(self, labels: Sequence[tuple[str | int, str | float, str]]) -> LabelSummary:
        """Keep labels."""
        self._writing()
        self.labelled += labels
        return LabelSummary(matched=len(labels))

    def mark(self, stream_key: str, inference_id: str, *, right: bool) -> LabelSummary:
        """Keep what was marked; an inference that is not recorded is a KeyError."""
        self._writing()
        if inference_id not in {row.id for row in self.answers(stream_key, 1_000).answers if row.id}:
            raise KeyError(inference_id)
        self.marked.append((stream_key, inference_id, right))
        return LabelSummary(matched=1)

    def events(self, most: int = 1000) -> list[EventLine]:
        """Give the lines of the status, and those before them: one an hour, two hundred hours back."""
        status = self._here()
        if not status.streams:
            return []
        name = status.streams[0].stream.model
        before = status.time - timedelta(hours=1)
        older = [EventLine(before - timedelta(hours=at), f"{name}: opened: {300 + at} inferences") for at in range(200)]
        return [*status.events, *older][:most]

    def findings(self, *, everything: bool = False) -> list[Finding]:
        """Give the findings of the status, and with `everything` one that was closed as a false alarm."""
        status = self._here()
        closed = [
            structs.replace(
                fouling("closed", stream.stream),
                id="f-0001",
                verdict="false alarm",
                note="the lens was being cleaned",
                closed=NOW,
            )
            for stream in status.streams[:1]
        ]
        return [*status.findings, *(closed if everything else [])]

    def log(self, after: int = 0) -> list[LogLine]:
        """Give the lines after a number."""
        return [line for line in fake_answers.log(self._here()) if line.number > after]

    def outbox(self, destination: str = "") -> OutboxView:
        """Give the destinations of the status, and a parcel that each of them refused."""
        return fake_link.outbox(self._here(), destination)

    def egress(self, since_ns: int, most: int) -> list[EgressLine]:
        """Give a delivery an hour to each destination, newest first."""
        return [line for line in fake_link.egress(self._here()) if line.time.timestamp() * 1e9 >= since_ns][:most]

    def _here(self) -> Status:
        if isinstance(self.answer, str):
            raise AgentAwayError(self.answer)
        return self.answer

    def _stream(self, key: str) -> StreamStatus:
        for stream in self._here().streams:
            if stream.key == key:
                return stream
        raise KeyError(f"no stream has the key {key}")

    def _finding(self, finding_id: str) -> Finding:
        for finding in self.findings(everything=True):
            if finding.id == finding_id:
                return finding
        raise KeyError(f"no finding has the id {finding_id}")

    def _writing(self, finding_id: str | None = None) -> None:
        self._here()
        if self.refusal:
            raise AgentRefusedError(self.refusal)
        if finding_id is not None:
            self._finding(finding_id)
