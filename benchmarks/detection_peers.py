"""The detectors that are compared: each takes a case and gives the rows of the stream at which it alarms.

Peers run with their default settings, on every signal, and see the reference first. A detector that costs much looks at
less: `Look` says at which rows of which streams. Evidently loads for seconds and runs in a process of its own.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from river import drift
from scipy.stats import ks_2samp  # type: ignore[import-untyped]

from detectors import fit_reference, make_shift_detector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from benchmarks.detection_cases import Case

    Rows = NDArray[np.float64]
    Alarms = Iterator[int]

ALARMS_PER = 1_000_000.0
BLOCK, WINDOW, EVIDENTLY_WINDOW = 10, 500, 1_000  # rows
PSI, P_VALUE = 0.2, 0.05
APART = 100  # alarms nearer than this are one


@dataclass(frozen=True)
class Look:
    """A detector, and how much of the work it is given: all, or a part because it costs so much."""

    run: Callable[[Case], Alarms]
    seeds: int = 1_000  # of the streams that change, so many of each kind
    quiet_rows: int = 1_000_000_000
    lead: int = 1_000_000_000  # rows before the change
    rows: int = 1_000_000_000  # after the change


@dataclass(frozen=True)
class Heard:
    """What a detector made of a case."""

    false_alarms: int
    quiet_rows: int
    delay: int | None  # rows from the change to the alarm; None where it was missed, or there is none
    seconds: float
    rows: int


def listen(case: Case, look: Look) -> Heard:
    """Run a detector over a case, up to the first alarm after the change; time it."""
    case = _part(case, look)
    quiet_rows = len(case.stream) if case.onset is None else case.onset
    false, last, row = 0, -APART, len(case.stream) - 1
    delay = None
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy's and scipy's, on constant columns
        for row in look.run(case):
            if row >= quiet_rows:
                delay = row + 1 - quiet_rows
                break
            if row - last >= APART:
                false, last = false + 1, row
        else:
            row = len(case.stream) - 1
    return Heard(false, quiet_rows, delay, time.process_time() - began, row + 1)


def _part(case: Case, look: Look) -> Case:
    if case.onset is None:
        stream, onset = case.stream[: look.quiet_rows], None
    else:
        first = max(0, case.onset - look.lead)
        stream, onset = case.stream[first : case.onset + look.rows], case.onset - first
    return type(case)(case.data, case.kind, case.names, case.reference, stream, onset)


def driftline(case: Case) -> Alarms:
    """Run the shift detector in blocks of ten rows; an alarm is known at the end of its block."""
    detector = make_shift_detector(fit_reference(case.reference, case.names), ALARMS_PER)
    for at in range(0, len(case.stream), BLOCK):
        if detector.update(case.stream[at : at + BLOCK]):
            yield min(at + BLOCK, len(case.stream)) - 1


def river_on_all(make: Callable[[], Any], warm_up: int) -> Callable[[Case], Alarms]:
    """Run one of river's detectors on every signal, missing values passed over, after so many rows of reference."""

    def run(case: Case) -> Alarms:
        detectors = [make() for _ in case.names]
        for values in case.reference[-warm_up:].tolist():
            for value, detector in zip(values, detectors, strict=True):
                if value == value:  # noqa: PLR0124  # not NaN
                    detector.update(value)
        for row, values in enumerate(case.stream.tolist()):
            alarmed = False
            for value, detector in zip(values, detectors, strict=True):
                if value == value:  # noqa: PLR0124
                    detector.update(value)
                    alarmed |= detector.drift_detected
            if alarmed:
                yield row

    return run


def windows(differ: Callable[[Rows, Rows], bool]) -> Callable[[Case], Alarms]:
    """Compare every full window of each signal with the reference."""

    def run(case: Case) -> Alarms:
        for end in range(WINDOW, len(case.stream) + 1, WINDOW):
            now = case.stream[end - WINDOW : end]
            if any(_differ(differ, case.reference[:, at], now[:, at]) for at in range(len(case.names))):
                yield end - 1

    return run


def _differ(differ: Callable[[Rows, Rows], bool], ours: Rows, theirs: Rows) -> bool:
    ours, theirs = ours[np.isfinite(ours)], theirs[np.isfinite(theirs)]
    return bool(len(ours) and len(theirs) and differ(ours, theirs))


def unstable(ours: Rows, theirs: Rows) -> bool:
    """PSI on the reference's deciles."""
    edges = np.unique(np.quantile(ours, np.arange(1, 10) / 10))
    p, q = (np.bincount(np.searchsorted(edges, side), minlength=len(edges) + 1) + 1e-4 for side in (ours, theirs))
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum()) > PSI


def evidently(enough: float) -> Callable[[Case], Alarms]:
    """Judge every 1,000 rows as Evidently's drift preset does, without its plots: a share of drifted columns."""

    def run(case: Case) -> Alarms:
        for end in range(EVIDENTLY_WINDOW, len(case.stream) + 1, EVIDENTLY_WINDOW):
            if _drifted(case, case.stream[end - EVIDENTLY_WINDOW : end]) >= enough:
                yield end - 1

    return run


def _drifted(case: Case, now: Rows) -> float:
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415  # takes seconds
    from evidently.metrics import DriftedColumnsCount  # noqa: PLC0415  # the preset's verdict
    from pandas import DataFrame  # noqa: PLC0415

    full = [at for at in range(len(case.names)) if _judgeable(now[:, at]) and _judgeable(case.reference[:, at])]
    names = [case.names[at] for at in full]
    definition = DataDefinition(
        numerical_columns=[name for name in names if name != "prediction"],
        categorical_columns=[name for name in names if name == "prediction"],
    )
    sides = [Dataset.from_pandas(DataFrame(side[:, full], columns=names), definition) for side in (now, case.reference)]
    (counted,) = Report([DriftedColumnsCount()]).run(*sides).dict()["metrics"]
    return float(counted["value"]["share"])


def _judgeable(values: Rows) -> bool:
    """Tell whether Evidently takes a column: it fails on empty ones, and where numpy finds no room for ten bins."""
    seen = values[np.isfinite(values)]
    try:
        np.histogram(seen, bins=10)
    except ValueError:
        return False
    return len(seen) > 0


def _river(name: str) -> Callable[[], Any]:
    made: Callable[[], Any] = getattr(drift, name)
    return made


DETECTORS: dict[str, Look] = {
    "**Driftline**": Look(driftline),
    "river ADWIN": Look(river_on_all(_river("ADWIN"), 2_000)),
    "river Page-Hinkley": Look(river_on_all(_river("PageHinkley"), 2_000)),
    "PSI > .2, windows": Look(windows(unstable)),
    "KS p < .05, windows": Look(windows(lambda ours, theirs: bool(ks_2samp(ours, theirs).pvalue < P_VALUE))),
    "river KSWIN": Look(river_on_all(_river("KSWIN"), 200), seeds=1, quiet_rows=300, lead=0, rows=300),
}
SLOW = {
    "Evidently's preset: half of the columns": Look(evidently(0.5), seeds=1, quiet_rows=3_000, lead=0, rows=3_000),
    "Evidently: any column": Look(evidently(1e-9), seeds=1, quiet_rows=3_000, lead=0, rows=3_000),
}
