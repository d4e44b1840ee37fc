"""The report's JSON file. Its schema is these records; docs/report.md explains it. Times are RFC 3339 UTC.

A reader should look at `format` first: it changes when a field changes its meaning or goes; new fields may come.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # msgspec resolves the annotations at run time
from typing import Literal

import msgspec

from agent.model import Finding, Role, SignalKind, Stream  # noqa: TC001  # msgspec resolves the annotations at run time

FORMAT = 1


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one span of time. `stored` are in the buffer, `compared` were handed to Evidently (evenly thinned)."""

    start: datetime
    end: datetime
    stored: int
    compared: int
    failed: int = 0  # inferences that ended in an exception; not compared


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What the window was compared with: rows of the stream's reference, or an earlier window of the buffer.

    learned_rows: rows that the stored reference was learned from; None where there is none.
    notes: the reference's own warnings.
    """

    kind: Literal["reference", "window"]
    compared: int
    window: Window | None = None
    learned_rows: int | None = None
    notes: tuple[str, ...] = ()


class ColumnOpinion(msgspec.Struct, frozen=True, kw_only=True):
    """What Evidently says of one column, and how large the difference is.

    method, score, threshold: Evidently's own. A score that is a p-value drifts below the threshold, a distance from it
        on.
    distance: Kolmogorov-Smirnov distance of the compared rows in [0, 1]; total variation for categories. Ours, so that
        columns can be compared with one another whatever test Evidently chose.
    missing, baseline_missing: share of rows without a value, in [0, 1].
    findings: ids of Driftline's findings in the window that name this column.
    """

    name: str
    role: Role
    kind: SignalKind
    method: str
    score: float
    threshold: float
    drifted: bool
    distance: float
    mean: float | None
    baseline_mean: float | None
    missing: float
    baseline_missing: float
    findings: tuple[str, ...] = ()


class LeftOut(msgspec.Struct, frozen=True):
    """A column that was not compared, and why."""

    name: str
    reason: str


class EvidentlyOpinion(msgspec.Struct, frozen=True, kw_only=True):
    """Evidently's drift preset with its defaults. `dataset_drift` is its verdict: at least half of the columns."""

    version: str
    columns: tuple[ColumnOpinion, ...]  # drifted first, then by distance
    left_out: tuple[LeftOut, ...]
    drifted: int
    share: float
    dataset_drift: bool


class DriftlineVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Driftline's own word on the window: its findings of this stream that were open at some time in it."""

    sentence: str
    findings: tuple[Finding, ...]  # worst first


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """The two side by side, over the columns that both judged.

    verdict: `agree` where both name no column, or have one in common; else `disagree`.
    material: a disagreement that is worth a look: Evidently sees a distance of 0.1 or more, of an input or output that
        no finding names, or sees nothing of a finding that holds for most of the window.
    reasons: why they may differ, each with the figures of this report.
    """

    verdict: Literal["agree", "disagree"]
    material: bool
    sentence: str
    both: tuple[str, ...]
    evidently_only: tuple[str, ...]
    driftline_only: tuple[str, ...]
    reasons: tuple[str, ...]


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """What the device keeps and writes, of how much, in bytes; when the report was written.

    written: in the last 24 hours that the agent ran; None where it is not known. thinned: how far rows are, and why.
    since: when that last changed. life: of the storage, the share that is left at least; None where it does not report
    it (SD cards do not).
    """

    kept: int
    kept_limit: int
    written: int | None
    written_limit: int
    thinned: str
    since: datetime | None = None
    life: float | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is about: one stream, one window, and what to compare it with.

    storage: findings of the window that say that the device did not store everything: inferences may be missing.
    unread: what of the stored files could not be read: inferences and findings may be missing.
    keeping: None in reports of before there was such a thing.
    """

    format: int = FORMAT
    generated: datetime
    driftline_version: str
    site: str
    device: str
    stream: Stream
    key: str
    window: Window
    baseline: Baseline
    storage: tuple[Finding, ...] = ()
    unread: tuple[str, ...] = ()
    keeping: Keeping | None = None


class ReportDocument(Subject, frozen=True, kw_only=True):
    """The whole JSON file."""

    driftline: DriftlineVerdict
    evidently: EvidentlyOpinion
    agreement: Agreement
