"""A small job for the report's tests: a stream whose brightness has changed, and a finding that says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np

from agent.model import Cause, Finding, Signal, SignalEvidence, Stream
from exporters.report.document import Baseline, ColumnOpinion, EvidentlyOpinion, Window
from exporters.report.job import Job, Rows

END = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
START = END - timedelta(hours=24)
STREAM = Stream(model="meter-reader", version="3", sha256="ab" * 32, runtime="onnxruntime")
SIGNALS = (
    Signal("brightness", "input"),
    Signal("contrast", "input"),
    Signal("prediction", "output", "categorical"),
    Signal("constant", "input"),
    Signal("never there", "input"),
    Signal("with infinities", "input"),
    Signal("</script><b>bold", "input"),
    Signal('</script>"b"bold', "input"),
)
ROWS, REFERENCE_ROWS = 1_200, 800


def make_rows(seed: int = 0) -> Rows:
    """The rows of the job: the brightness of the window is one standard deviation higher, the rest is as before."""
    random = np.random.default_rng(seed)
    sides = []
    for rows in (ROWS, REFERENCE_ROWS):
        values = random.normal(size=(rows, len(SIGNALS)))
        values[:, 2] = random.integers(0, 10, rows)
        values[:, 3] = 4.0
        values[:, 4] = np.nan
        values[::50, 5] = np.inf
        values[::7, 1] = np.nan
        sides.append(values.astype(np.float32))
    sides[0][:, 0] += 1.0
    times = np.linspace(START.timestamp() * 1e9, END.timestamp() * 1e9, ROWS).astype(np.int64)
    return Rows(current=sides[0], time_ns=times, baseline=sides[1])


def make_finding(*names: str, onset: datetime = START, **changes: Any) -> Finding:
    """A finding about these signals."""
    finding = Finding(
        id="f1", stream=STREAM, kind="input_shift", severity="warning", state="open",
        sentence="Brightness is higher than it was; most likely: <the lamp>.", advice="Look at the lamp & the shade.",
        onset=onset, opened=onset + timedelta(minutes=1), updated=onset + timedelta(minutes=9), row=90, onset_row=80,
        signals=tuple(_evidence(name) for name in names),
        causes=(Cause("world", "the lamp", 0.7, "brightness 1.0 higher, contrast as before"),),
    )  # fmt: skip
    return msgspec.structs.replace(finding, **changes)


def _evidence(name: str) -> SignalEvidence:
    return SignalEvidence(
        name=name, role="input", detector="shift", value=2.0, threshold=1.0, ks=0.4, reference_mean=0.0
    )


def make_job(*findings: Finding, **changes: Any) -> Job:
    """The job, with these findings."""
    job = Job(
        generated=END,
        driftline_version="0.1.0",
        site="plant-7",
        device="camera-3",
        stream=STREAM,
        key=STREAM.key,
        window=Window(start=START, end=END, stored=120_000, compared=ROWS, failed=3),
        baseline=Baseline(kind="reference", compared=REFERENCE_ROWS, learned_rows=20_000),
        signals=SIGNALS,
        findings=findings,
        independent_rows={},
        memory_limit_mib=1_024,
    )
    return msgspec.structs.replace(job, **changes)


def make_column(name: str, *, drifted: bool, distance: float = 0.3, findings: tuple[str, ...] = ()) -> ColumnOpinion:
    """Evidently's word on one column, by its test for small samples."""
    return ColumnOpinion(
        name=name, role="input", kind="continuous", method="K-S p_value", score=0.001 if drifted else 0.4,
        threshold=0.05, drifted=drifted, distance=distance, mean=1.0, baseline_mean=0.0, missing=0.0,
        baseline_missing=0.0, findings=findings,
    )  # fmt: skip


def make_opinion(*columns: ColumnOpinion) -> EvidentlyOpinion:
    """Evidently's word on these columns."""
    drifted = sum(column.drifted for column in columns)
    return EvidentlyOpinion(
        version="0.7.23", columns=columns, left_out=(), drifted=drifted, share=drifted / len(columns),
        dataset_drift=drifted * 2 >= len(columns),
    )  # fmt: skip
