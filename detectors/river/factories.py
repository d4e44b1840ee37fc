"""From the configuration to detectors: which signals of a stream each `[[river]]` table watches."""

from __future__ import annotations

import functools
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np

from agent.model import Signal
from agent.ports import Detector, UnfitError
from detectors.river.catalogue import ERRORS_SIGNAL, LATENCY_SIGNAL, TREES
from detectors.river.config import RiverConfig, entry_names, is_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from detectors.learned import Reference

LATENCY = Signal(LATENCY_SIGNAL, "runtime", "continuous", "s")
SHOWN = 8  # names in a message


def river_factories(entries: Sequence[RiverConfig]) -> Mapping[str, Callable[[Reference, float], Detector]]:
    """Return name -> factory(reference, alarms_per) for what watches the rows of a stream.

    A factory raises UnfitError where a stream has no such signals, or one that the detector cannot judge. river is
    loaded when the first detector is made.
    """
    return {
        name: functools.partial(_make, name, entry)
        for name, entry in zip(entry_names(entries), entries, strict=True)
        if entry.signals != (ERRORS_SIGNAL,)
    }


def error_factories(entries: Sequence[RiverConfig]) -> Mapping[str, Callable[[Reference, float], Detector]]:
    """Return the same for the stream of errors that labels show: the tables that name its one signal, `wrong`."""
    return {
        name: functools.partial(_make, name, entry)
        for name, entry in zip(entry_names(entries), entries, strict=True)
        if ERRORS_SIGNAL in entry.signals
    }


def _make(name: str, entry: RiverConfig, reference: Reference, alarms_per: float) -> Detector:  # noqa: ARG001  # outside the budget
    chosen = chosen_signals(entry, reference)
    if not chosen:
        known = ", ".join(signal.name for signal in reference.signals[:SHOWN])
        more = ", ..." if len(reference.signals) > SHOWN else ""
        raise UnfitError(f"watches nothing here: no signal fits {', '.join(entry.signals)}; there are {known}{more}")
    if entry.detector != TREES:
        from detectors.river.drift import RiverDetector  # noqa: PLC0415  # what is not chosen is not loaded

        return RiverDetector(name, entry, chosen, reference.fingerprint)
    columns = [(signal, column) for signal, column in chosen if column is not None]
    if len(columns) < 2:  # noqa: PLR2004  # one signal is not several
        raise UnfitError(f"looks at several signals together, and here only {chosen[0][0].name} fits")
    from detectors.river.outliers import OutlierDetector  # noqa: PLC0415  # the same

    return OutlierDetector(name, entry, columns, reference)


def chosen_signals(entry: RiverConfig, reference: Reference) -> list[tuple[Signal, int | None]]:
    """Return the signals of a reference that a table watches, each with its column (None: the block's latency).

    Raises UnfitError where it names one that its detector cannot judge; by a pattern such a signal is passed over.
    """
    columns = {signal.name: column for column, signal in enumerate(reference.signals)}
    chosen: dict[str, tuple[Signal, int | None]] = {}
    for wanted in entry.signals:
        if not is_pattern(wanted):
            if wanted in columns:
                column = columns[wanted]
                refusal = _refusal(entry, reference, column)
                if refusal:
                    raise UnfitError(refusal)
                chosen[wanted] = (reference.signals[column], column)
            elif wanted == LATENCY_SIGNAL and entry.detector != TREES:
                chosen[wanted] = (LATENCY, None)
            continue
        for name, column in columns.items():
            signal = reference.signals[column]
            fits = signal.role != "runtime" and not _refusal(entry, reference, column)
            if fits and fnmatchcase(name, wanted):
                chosen.setdefault(name, (signal, column))
    return list(chosen.values())


def _refusal(entry: RiverConfig, reference: Reference, column: int) -> str:
    """Say why a detector cannot judge a signal; empty where it can."""
    signal = reference.signals[column]
    seen = reference.sample[:, column]
    seen = seen[np.isfinite(seen)]
    if entry.detector == TREES:
        return "" if len(np.unique(seen)) > 1 else f"{signal.name} never changed in the reference: it cannot be scaled"
    others = seen[(seen != 0) & (seen != 1)]
    if not entry.binary or signal.kind == "flag" or not len(others):
        return ""
    return (
        f"{signal.name} has other values than 0 and 1 (such as {others[0]:.4g}); {entry.detector} judges errors: "
        f"{ERRORS_SIGNAL} (from labels), flags, and signals that are 0 or 1"
    )
