"""What the agent says of itself and of the device: what the dashboard, `driftline status` and the exporters show.

Frozen and typed like `agent.model`, on which it builds; imports no numpy. Times are `datetime` (RFC 3339 in JSON).
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # msgspec resolves the annotations at run time
from typing import Literal, NamedTuple

import msgspec

from agent.model import (  # noqa: TC001  # msgspec resolves the annotations at run time
    AccuracyEstimate,
    DeviceState,
    Effect,
    Finding,
    Reading,
    Signal,
    Stream,
    StreamState,
)


class SignalStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One signal as the dashboard shows it. `evidence` is the share of the way to the alarm, in [0, 1]."""

    signal: Signal
    evidence: float
    effect: Effect | None = None


class SeriesStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One series (a number a minute) that is watched. `evidence` is the share of the way to the alarm, in [0, 1].

    value: the newest. usual: the median of the day before, None while too little was seen.
    """

    signal: Signal
    evidence: float
    value: float | None = None
    usual: float | None = None


class TruthStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What labels say of a stream. Of classes there is an accuracy, of values a mean absolute error.

    labels: inferences with a label, since the first. recent: how many of them, told last, the figures without `total`
    are of. accuracy_low, accuracy_high: 95 % confidence interval of `accuracy`, for labels that were not chosen by how
    the model did. accuracy_reference: by the first labels. replaced: labels that took the place of another.
    refused: not comparable with the answer. wrong_evidence: the share of the way to an alarm, in [0, 1].
    newest: when the newest inference that has a label ran: of what came since, labels say nothing. middle: when the
    middle one of the newest hundreds ran.
    """

    kind: Literal["class", "value"]
    labels: int
    recent: int
    accuracy: float | None = None
    accuracy_low: float | None = None
    accuracy_high: float | None = None
    accuracy_total: float | None = None
    accuracy_reference: float | None = None
    mean_absolute_error: float | None = None
    mean_absolute_error_total: float | None = None
    replaced: int = 0
    refused: int = 0
    wrong_evidence: float = 0.0
    newest: datetime | None = None
    middle: datetime | None = None


class LabelsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Labels of the device that belong to no stream: not found (in all), waiting (now), lost in their ring."""

    waiting: int = 0
    not_found: int = 0
    lost: int = 0


class StreamStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One stream as the dashboard, `driftline status` and the exporters see it.

    rate: inferences per second over the last seconds. latency_*: of the last minute, in seconds.
    latency_count, latency_sum_s, latency_buckets: since the agent's start; a bucket is (upper bound in seconds, how
    many inferences took at most that long). Above the last bound there is only the count: JSON has no infinity.
    latency_trend: median latency of each of the last intervals, oldest first; None where there was none.
    accuracy: estimated without labels; None where the model gives no confidence, or too few rows were seen.
    alarm_every_inferences: the stream's share of the false-alarm budget, which its detectors share, in inferences.
    """

    stream: Stream
    key: str
    state: StreamState
    inferences: int
    errors: int
    rate: float
    reference_rows: int
    reference_target: int
    reference_notes: tuple[str, ...] = ()
    lost: int = 0
    dropped: int = 0
    latency_p50_s: float | None = None
    latency_p99_s: float | None = None
    latency_sum_s: float = 0.0
    latency_count: int = 0
    latency_buckets: tuple[tuple[float, int], ...] = ()
    latency_trend: tuple[float | None, ...] = ()
    confidence: float | None = None
    predictions: tuple[tuple[str, int], ...] = ()
    last_inference: datetime | None = None
    alarm_every_inferences: float | None = None
    signals: tuple[SignalStatus, ...] = ()
    series: tuple[SeriesStatus, ...] = ()
    accuracy: AccuracyEstimate | None = None
    truth: TruthStatus | None = None


class WearStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent writes to the card, and what is left out so that it stays within its budgets.

    written_bytes: in the last 24 hours that the agent ran; None where the system does not tell.
    limit_bytes: what may be written in a day. thinning: 0 as configured, up to 3; `level` says what that means, `why`
    that and why where rows are thinned or a budget is passed. since: when the level last changed; None: it never did.
    """

    written_bytes: int | None
    limit_bytes: int
    thinning: int = 0
    level: str = ""
    since: datetime | None = None
    why: str = ""


StorageKind = Literal["full", "read-only", "failing", "refused"]


class StorageTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why the disk does not take what should be stored, in words for who stands before the device.

    nothing: whether findings are refused like rows. error: what the system said. refused: for any other reason.
    """

    kind: StorageKind
    since: datetime
    sentence: str
    advice: str
    error: str
    nothing: bool


class BufferStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the on-disk buffer. `mode` is `memory` where the state directory cannot be written.

    reserve_bytes, reserve_limit_bytes: room kept free for findings and states, now and when it is whole.
    outdated_segments: read as they are, because an older version wrote them. quarantine_bytes: set aside as damaged.
    trouble: None while everything is stored.
    """

    path: str
    mode: Literal["disk", "memory"]
    bytes: int
    limit_bytes: int
    segments: int
    rows: int
    last_commit: datetime | None = None
    discarded_rows: int = 0
    notes: tuple[str, ...] = ()
    reserve_bytes: int = 0
    reserve_limit_bytes: int = 0
    outdated_segments: int = 0
    quarantine_bytes: int = 0
    wear: WearStatus | None = None
    trouble: StorageTrouble | None = None


class AgentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The agent on itself."""

    version: str
    pid: int
    started: datetime
    uptime_s: float
    rss_bytes: int
    cpu_percent: float
    ready_s: float
    run_dir: str
    state_dir: str
    config_path: str | None
    scrape_url: str | None
    site: str
    device: str
    parts: tuple[PartHealth, ...] = ()


class PartHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The health of one part of the agent (a collector, a detector, the buffer); `ok` false says why in `note`."""

    name: str
    ok: bool
    note: str = ""


class Repair(NamedTuple):
    """What was wrong with a stored file and what was done about it, and what a person should do; empty: nothing."""

    sentence: str
    advice: str = ""


class EventLine(msgspec.Struct, frozen=True):
    """One line of the device's recent history, for people."""

    time: datetime
    text: str


class DestinationStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one destination fares.

    last_accepted: when something was accepted last; None: not since the agent started, as `accepted` (parcels),
    `rejected` and `sent_bytes` count, too. trouble: what went wrong the last time, in words; empty where nothing did.
    trouble_s: for how long nothing has come through. lasting: whether it takes a person to mend it.
    waiting_*: what is stored for it and was not sent: states of findings, summaries of minutes, the oldest one, and
    about what they take on the wire (0: not known).
    window_s: the span that its backlog is sent in. dead_letters: what it refused for good.
    dropped: summaries that had to make room before they were sent.
    """

    name: str
    kind: str = ""
    url: str = ""
    last_accepted: datetime | None = None
    accepted: int = 0
    rejected: int = 0
    sent_bytes: int = 0
    trouble: str = ""
    trouble_s: float = 0.0
    lasting: bool = False
    waiting_findings: int = 0
    waiting_summaries: int = 0
    waiting_since: datetime | None = None
    waiting_bytes: int = 0
    window_s: int = 0
    dead_letters: int = 0
    dropped: int = 0


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the dashboard shows, in one record."""

    time: datetime
    state: DeviceState
    agent: AgentStatus
    buffer: BufferStatus
    streams: tuple[StreamStatus, ...]
    host: tuple[Reading, ...]
    findings: tuple[Finding, ...]  # open and acknowledged, worst first
    events: tuple[EventLine, ...]  # newest first, bounded
    series: tuple[SeriesStatus, ...] = ()  # of the device: temperature, memory and the like
    labels: LabelsStatus = LabelsStatus()
    destinations: tuple[DestinationStatus, ...] = ()
    unsent: DestinationStatus | None = None  # what a bundle would carry, where no destination is configured
    judged: tuple[Reading, ...] = ()  # how often each verdict was said, since the agent's start
    known: tuple[Finding, ...] = ()  # closed as real, and going on: a warning at most
