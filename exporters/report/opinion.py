"""Asks Evidently: its drift preset with its own defaults, and its plot of each column. Used only in the child process.

Evidently is handed names that it may write into a page, and columns that have values on both sides; the rest is left
out by name. Where it fails on a column, the others are judged without it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exporters.report.distance import kolmogorov_smirnov, total_variation
from exporters.report.document import ColumnOpinion, EvidentlyOpinion, LeftOut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from agent.model import Signal
    from exporters.report.job import Rows

MOST_COLUMNS = 100  # judged; a page with more plots takes minutes to write and to open
MOST_PLOTS = 30
NAME_LENGTH = 60
DATASET_SHARE = 0.5  # Evidently's default: drift of the data set is drift of so many of its columns
P_VALUE = "p_value"
_HARMLESS = frozenset(" _-.,:;/()[]%+=@#*°")


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that can be compared: values on both sides, none missing, none infinite."""

    signal: Signal
    shown: str
    current: NDArray[np.float64]
    baseline: NDArray[np.float64]
    distance: float
    missing: float
    baseline_missing: float


def load() -> None:
    """Load Evidently: seconds, and 290 MB."""
    importlib.import_module("evidently")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which columns are compared, those that a finding names first, and which are not."""

    columns: tuple[_Column, ...]
    left_out: tuple[LeftOut, ...]
    findings: Mapping[str, tuple[str, ...]]


def choose_columns(rows: Rows, signals: Sequence[Signal], findings: Mapping[str, tuple[str, ...]]) -> Choice:
    """Choose what can be compared. Needs no Evidently.

    Parameters
    ----------
    rows, signals
        What to compare; one signal a column.
    findings
        Per signal that a finding names, the findings' ids. These columns come first where there are too many.

    Raises
    ------
    ValueError
        Where no column can be compared.

    """
    columns, left_out = _comparable(rows, signals)
    columns.sort(key=lambda column: (column.signal.name not in findings, -column.distance))
    left_out += [LeftOut(c.signal.name, f"beyond {MOST_COLUMNS} columns") for c in columns[MOST_COLUMNS:]]
    _require(columns, left_out)
    return Choice(tuple(columns[:MOST_COLUMNS]), tuple(left_out), findings)


def ask_evidently(choice: Choice) -> tuple[EvidentlyOpinion, str]:
    """Compare the chosen columns; return the opinion, and Evidently's own page.

    Raises
    ------
    ValueError
        Where Evidently fails on every column.

    """
    columns, left_out = list(choice.columns), list(choice.left_out)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of constant columns, by the dozen
        try:
            snapshot = _run(columns)
            page = str(snapshot.get_html_str(as_iframe=False))
        except Exception:  # noqa: BLE001  # whatever it is that Evidently cannot do, it is looked for below
            columns, failed = _apart(columns)
            left_out += failed
            _require(columns, left_out)
            snapshot = _run(columns)
            page = str(snapshot.get_html_str(as_iframe=False))
    opinions = _opinions(columns, snapshot.dict()["metrics"], choice.findings)
    drifted = sum(opinion.drifted for opinion in opinions)
    opinion = EvidentlyOpinion(
        version=importlib.metadata.version("evidently"),
        columns=tuple(sorted(opinions, key=lambda o: (not o.drifted, -o.distance))),
        left_out=tuple(left_out),
        drifted=drifted,
        share=drifted / len(opinions),
        dataset_drift=drifted / len(opinions) >= DATASET_SHARE,
    )
    return opinion, page


def _require(columns: Sequence[_Column], left_out: Sequence[LeftOut]) -> None:
    if not columns:
        raise ValueError(
            "no column has values both in the window and in what it is compared with: "
            + "; ".join(f"{column.name}: {column.reason}" for column in left_out[:5])
        )


def _comparable(rows: Rows, signals: Sequence[Signal]) -> tuple[list[_Column], list[LeftOut]]:
    columns: list[_Column] = []
    left_out: list[LeftOut] = []
    taken: set[str] = set()
    for at, signal in enumerate(signals):
        current, baseline = (side[:, at].astype(np.float64) for side in (rows.current, rows.baseline))
        kept = [side[np.isfinite(side)] for side in (current, baseline)]
        if not len(kept[0]) or not len(kept[1]):
            side = "the window" if not len(kept[0]) else "what it is compared with"
            left_out.append(LeftOut(signal.name, f"no value in {side}"))
            continue
        shown = _shown(signal.name, taken)
        taken.add(shown)
        measure = total_variation if signal.kind == "categorical" else kolmogorov_smirnov
        columns.append(
            _Column(
                signal=signal,
                shown=shown,
                current=current,
                baseline=baseline,
                distance=measure(*kept),
                missing=1 - len(kept[0]) / len(current),
                baseline_missing=1 - len(kept[1]) / len(baseline),
            )
        )
    return columns, left_out


def _shown(name: str, taken: set[str]) -> str:
    """Give a column a name of its own that Evidently may write into a script: names are the user's own text."""
    base = "".join(c if c.isalnum() or c in _HARMLESS else "?" for c in name)[:NAME_LENGTH].strip() or "unnamed"
    shown, number = base, 1
    while shown in taken:
        number += 1
        shown = f"{base} ({number})"
    return shown


def _run(columns: Sequence[_Column]) -> Any:
    from evidently import DataDefinition, Dataset, Report  # noqa: PLC0415  # an extra, which takes seconds to load
    from evidently.metrics import ValueDrift  # noqa: PLC0415
    from evidently.presets import DataDriftPreset  # noqa: PLC0415
    from pandas import DataFrame  # noqa: PLC0415

    names = [column.shown for column in columns]
    categorical = [column.shown for column in columns if column.signal.kind == "categorical"]
    definition = DataDefinition(
        numerical_columns=[name for name in names if name not in set(categorical)], categorical_columns=categorical
    )
    sides = [
        Dataset.from_pandas(DataFrame({c.shown: _series(getattr(c, side), c) for c in columns}), definition)
        for side in ("current", "baseline")
    ]
    metrics: list[Any] = [DataDriftPreset(columns=names, drift_share=DATASET_SHARE)]
    metrics += [ValueDrift(column=name) for name in names[:MOST_PLOTS]]
    return Report(metrics, include_tests=False).run(*sides)


def _series(values: NDArray[np.float64], column: _Column) -> Any:
    from pandas import Series  # noqa: PLC0415

    values = np.where(np.isfinite(values), values, np.nan)
    if column.signal.kind != "categorical":
        return Series(values)
    return Series([None if np.isnan(value) else f"{value:g}" for value in values], dtype=object)


def _apart(columns: Sequence[_Column]) -> tuple[list[_Column], list[LeftOut]]:
    """Try each column alone; return those that Evidently can judge, and those that it cannot."""
    good, failed = [], []
    for column in columns:
        try:
            _run([column]).get_html_str(as_iframe=False)
        except Exception as error:  # noqa: BLE001  # its own message goes into the report
            failed.append(LeftOut(column.signal.name, f"Evidently failed: {type(error).__name__}: {error}"[:200]))
        else:
            good.append(column)
    return good, failed


def _opinions(
    columns: Sequence[_Column], metrics: Sequence[Mapping[str, Any]], findings: Mapping[str, tuple[str, ...]]
) -> list[ColumnOpinion]:
    judged = {m["config"]["column"]: m for m in metrics if "column" in m["config"]}
    opinions = []
    for column in columns:
        said = judged[column.shown]
        method, threshold = str(said["config"]["method"]), float(said["config"]["threshold"])
        score = float(said["value"])
        opinions.append(
            ColumnOpinion(
                name=column.signal.name,
                role=column.signal.role,
                kind=column.signal.kind,
                method=method,
                score=score,
                threshold=threshold,
                drifted=score < threshold if P_VALUE in method else score >= threshold,
                distance=column.distance,
                mean=_mean(column, column.current),
                baseline_mean=_mean(column, column.baseline),
                missing=column.missing,
                baseline_missing=column.baseline_missing,
                findings=findings.get(column.signal.name, ()),
            )
        )
    return opinions


def _mean(column: _Column, values: NDArray[np.float64]) -> float | None:
    return None if column.signal.kind == "categorical" else float(values[np.isfinite(values)].mean())
