"""A training file as what the agent takes in: its columns matched to the signals of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.baseline_file import Header, encode_file
from agent.saved import ROWS
from collectors.table import Table, TableError
from detectors.archive import Rows

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from agent.model import Signal

MAX_ROWS = 20_000  # more say nothing more of how often a value occurs
SEED = 0


def read_training(
    file: Path,
    key: str,
    signals: Sequence[Signal],
    *,
    renamed: Sequence[str] = (),
    prediction: str | None = None,
    confidence: str | None = None,
    truth: str | None = None,
    ordered: bool = False,
    learn_missing: bool = False,
    silent: Collection[str] = (),
) -> bytes:
    """Read a CSV or Parquet file and return what `POST /v1/baselines/import` takes.

    Of a long file that is shuffled, 20,000 rows drawn at random; of one that is `ordered`, the last 20,000. Signals
    that are `silent`, of which the stream never had a value, are not asked for, and not taken from the file.

    Raises
    ------
    TableError
        The file cannot be read, or its columns do not fit; the message lists those that are missing and besides.
    """
    if not signals:
        raise TableError(f"{key} has shown no signals yet: let it run, so that the columns can be matched")
    with Table(file) as table:
        to_signal = _names(table, renamed, {"prediction": prediction, "confidence": confidence})
        left = {name for name in (truth,) if name}
        _check_named(table, {*to_signal, *left})
        _check_signals(renamed, key, signals)
        left |= {name for name in table.names if to_signal.get(name, name) in silent}
        columns = {to_signal.get(name, name): at for at, name in enumerate(table.names) if name not in left}
        _check(file, key, columns, [s for s in signals if s.name not in silent], learn_missing=learn_missing)
        for column in table.names:
            if column in table.text_names and column not in left:
                raise TableError(f"{file}: column {column} holds texts; a signal is compared as the number it has been")
        wanted = [signal for signal in signals if signal.name in columns]
        rows = _chosen(table, ordered=ordered)
        values = rows[:, [columns[signal.name] for signal in wanted]]
        correct = None
        if truth:
            if "prediction" not in columns:
                raise TableError(f"{file}: --truth needs predictions to compare with: --prediction COLUMN")
            if truth in table.text_names:
                raise TableError(f"{file}: column {truth} must hold class numbers, as the model predicts them")
            correct = _correct(rows[:, columns["prediction"]], rows[:, table.names.index(truth)])
        latency = rows[:, columns["latency"]].astype(np.float64) if "latency" in columns else np.full(len(rows), np.nan)
        times = table.times(table.rows - len(rows), table.rows) if ordered else None  # the others are not in order
    packed = Rows(tuple(wanted), values, latency, ordered=ordered, correct=correct, time_ns=times).encode()
    header = Header(
        what="training", key=key, rows=table.rows, signals=tuple(s.name for s in wanted), source=file.name
    )  # fmt: skip
    return encode_file(header, {ROWS: packed})


def _names(table: Table, renamed: Sequence[str], special: dict[str, str | None]) -> dict[str, str]:
    """Say which column is which signal, where the names differ."""
    to_signal = {column: signal for signal, column in special.items() if column}
    for pair in renamed:
        column, equals, signal = pair.partition("=")
        if not (column and equals and signal):
            raise TableError(f"--map {pair!r}: accepted is COLUMN=SIGNAL")
        if column not in table.names and signal in table.names:
            raise TableError(f"--map {pair!r}: {column!r} is no column of {table.path}; write COLUMN=SIGNAL")
        to_signal[column] = signal
    return to_signal


def _check_named(table: Table, named: set[str]) -> None:
    for name in sorted(named):
        if name not in table.names:
            raise TableError(f"{table.path}: there is no column {name!r}; there are {', '.join(table.names)}")


def _check_signals(renamed: Sequence[str], key: str, signals: Sequence[Signal]) -> None:
    names = [signal.name for signal in signals]
    for pair in renamed:
        name = pair.partition("=")[2]
        if name not in {*names, "latency"}:
            raise TableError(f"--map {pair!r}: {key} has no signal {name}; it has {', '.join(names)}")


def _check(file: Path, key: str, columns: dict[str, int], signals: Sequence[Signal], *, learn_missing: bool) -> None:
    names = {signal.name for signal in signals}
    # What only the service's run can tell is never in a training file.
    needed = {signal.name for signal in signals if signal.role != "runtime" and signal.kind != "flag"}
    missing, extra = sorted(needed - columns.keys()), sorted(columns.keys() - names - {"latency"})
    if not (needed & columns.keys()) or extra or (missing and not learn_missing):
        advice = "" if learn_missing else " (--learn-missing learns them from the stream)"
        what = [f"it lacks {', '.join(missing)}{advice}"] * bool(missing and not (learn_missing and extra))
        what += [f"it has {', '.join(extra)} besides"] * bool(extra)
        raise TableError(
            f"{file}: the columns do not fit {key}: {'; '.join(what)}. --map COLUMN=SIGNAL renames a column"
        )


def _chosen(table: Table, *, ordered: bool) -> NDArray[np.float32]:
    if ordered or table.rows <= MAX_ROWS:
        return table.values(max(0, table.rows - MAX_ROWS), table.rows)
    keep = np.sort(np.random.default_rng(SEED).choice(table.rows, MAX_ROWS, replace=False))
    parts = []
    for start in range(0, table.rows, MAX_ROWS):
        stop = min(start + MAX_ROWS, table.rows)
        inside = keep[(keep >= start) & (keep < stop)] - start
        parts.append(table.values(start, stop)[inside])
    return np.concatenate(parts)


def _correct(prediction: NDArray[np.float32], truth: NDArray[np.float32]) -> NDArray[np.float64]:
    known = np.isfinite(prediction) & np.isfinite(truth)
    return np.where(known, (prediction == truth).astype(np.float64), np.nan)
