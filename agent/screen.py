"""What the dashboard asks of the agent beyond its status, and the records that answer it.

Frozen and typed like `agent.status`, on which it builds; imports no numpy. Times are `datetime`, durations seconds.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # msgspec resolves the annotations at run time
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from agent.model import Finding, Stream, Verdict  # noqa: TC001  # msgspec resolves the annotations at run time
from agent.ports import StatusSource
from agent.status import EventLine  # noqa: TC001

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.forwarded import EgressLine, OutboxView
    from agent.truth import LabelSummary

Zoom = Literal["5m", "1h", "24h", "7d"]
ZOOMS: tuple[Zoom, ...] = ("5m", "1h", "24h", "7d")


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One stream from `time` on, for `seconds`. Figures are None where nothing was measured.

    rate: inferences per second. failed: inferences without a result. latency_*: seconds. confidence: mean, in [0, 1].
    evidence: the highest share of the way to an alarm of any signal, in [0, 1].
    """

    time: datetime
    seconds: float
    inferences: int
    failed: int = 0
    latency_p50_s: float | None = None
    latency_p99_s: float | None = None
    confidence: float | None = None
    evidence: float | None = None


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How the values of a signal lie: before (its reference) and now, as shares of all rows in the same cells.

    Of the rows that `Effect` measures: some of the reference, and the newest ones, whatever the zoom.
    edges: n + 1 bounds of n cells, rising; of categories their codes, n of them, and `names` where they are known.
    before, now: n shares each, in [0, 1]; what is missing to 1 lies outside the cells or is no number.
    rows: how many rows `now` is of.
    """

    name: str
    unit: str = ""
    edges: tuple[float, ...]
    names: tuple[str, ...] = ()
    before: tuple[float, ...]
    now: tuple[float, ...]
    rows: int


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One identity (model file, runtime, provider) that ran under a model's name, in the span that was asked for.

    first, last: when it ran. classes: (name, share) of its predictions, most frequent first.
    means: of each signal. accuracy: true accuracy by labels, where there are any.
    """

    stream: Stream
    first: datetime
    last: datetime
    inferences: int
    failed: int = 0
    latency_p50_s: float | None = None
    latency_p99_s: float | None = None
    confidence: float | None = None
    classes: tuple[tuple[str, float], ...] = ()
    means: tuple[tuple[str, float], ...] = ()
    accuracy: float | None = None


class StreamView(msgspec.Struct, frozen=True, kw_only=True):
    """One stream over a span. `moments` are oldest first and evenly spaced, at most 120; gaps have no inferences.

    The last of them is not over: `seconds` is how long it has been.

    latency: (upper bound in seconds, share of inferences up to it and above the bound before), of the whole span.
    latency_before: the same of the reference, on the same bounds; empty where it is not known.
    versions: of the same model's name, newest first; the first is the one that runs.
    """

    key: str
    zoom: Zoom
    time: datetime
    moments: tuple[Moment, ...]
    latency: tuple[tuple[float, float], ...] = ()
    latency_before: tuple[tuple[float, float], ...] = ()
    shapes: tuple[Shape, ...] = ()
    versions: tuple[Version, ...] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded inference as a person can judge it.

    id: as in `driftline.label`, empty where it has none and cannot be labelled. said: what the model answered.
    truth: what a label says, empty where there is none; right: whether that is what the model said.
    """

    id: str
    time: datetime
    said: str
    confidence: float | None = None
    latency_s: float | None = None
    status: int = 0
    truth: str = ""
    right: bool | None = None
    values: tuple[float | None, ...] = ()


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """Recorded inferences of a stream, newest first, with the names of the signals that `values` are of.

    classes: what the model can answer, where that is known. sampled: whether some inferences between were not kept.
    """

    stream: Stream
    signals: tuple[str, ...]
    answers: tuple[Answer, ...]
    classes: tuple[str, ...] = ()
    sampled: bool = False


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored around a finding: its rows, and what else happened then, oldest first."""

    finding: Finding
    rows: Answers
    events: tuple[EventLine, ...]


class LogLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the agent's log. `number` rises by one a line since the agent's start."""

    number: int
    time: datetime
    level: str
    part: str
    text: str


class ScreenSource(StatusSource, Protocol):
    """What the dashboard asks. Each call is one question to the agent and may take a second.

    All raise AgentAwayError where it does not answer, and AgentRefusedError with its reason where it says no;
    KeyError names what there is not (any more).
    """

    def snooze(self, finding_id: str, seconds: float, note: str) -> None:
        """Let a finding not count towards the device's state for so long; 0 wakes it."""
        ...

    def judge(self, finding_id: str, verdict: Verdict, note: str) -> None:
        """Close a finding as real or as a false alarm. One that is closed already keeps what it was judged last."""
        ...

    def stream_view(self, key: str, zoom: Zoom) -> StreamView:
        """Return a stream over a span."""
        ...

    def around(self, finding_id: str) -> Around:
        """Return what is stored around a finding."""
        ...

    def answers(self, key: str, most: int = 200) -> Answers:
        """Return the newest recorded inferences of a stream."""
        ...

    def label(self, labels: Sequence[tuple[str | int, str | float, str]]) -> LabelSummary:
        """Tell the truth about some inferences: id, truth, and the model or nothing. Durable when this returns."""
        ...

    def mark(self, stream_key: str, inference_id: str, *, right: bool) -> LabelSummary:
        """Tell that an answer was right, or that it was wrong without saying what would have been right."""
        ...

    def events(self, most: int = 1000) -> list[EventLine]:
        """Return the stored history, newest first."""
        ...

    def findings(self, *, everything: bool = False) -> list[Finding]:
        """Return the findings that are not closed, or all that are stored, newest first."""
        ...

    def log(self, after: int = 0) -> list[LogLine]:
        """Return the lines of the agent's log after a number, oldest first; old ones are no longer kept."""
        ...

    def outbox(self, destination: str = "") -> OutboxView:
        """Return what waits for each destination, and what it refused."""
        ...

    def egress(self, since_ns: int, most: int) -> list[EgressLine]:
        """Return what left the device since then (wall time), newest first."""
        ...
