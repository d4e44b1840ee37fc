"""Streams that river's detectors find drifts in, and river itself fed with them, one value at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from river import anomaly, drift

from detectors import fit_reference
from tests.detectors.streams import make_block

if TYPE_CHECKING:
    from agent.model import Block, Score, Signal
    from agent.ports import Detector
    from detectors import Reference

BINARY = {
    "ddm": drift.binary.DDM,
    "eddm": drift.binary.EDDM,
    "fhddm": drift.binary.FHDDM,
    "hddm_a": drift.binary.HDDMA,
    "hddm_w": drift.binary.HDDMW,
}
CLASSES: dict[str, type] = {
    "adwin": drift.ADWIN,
    "page_hinkley": drift.PageHinkley,
    "kswin": drift.KSWIN,
    **BINARY,
    "half_space_trees": anomaly.HalfSpaceTrees,
}
SEEDED = {"kswin": {"seed": 1}, "half_space_trees": {"seed": 1}}


def values_for(name: str, seed: int, rows: int) -> np.ndarray:
    """A stream of one signal with three levels, as float32; errors for the binary detectors."""
    rng = np.random.default_rng(seed)
    level = np.arange(rows) * 3 // rows
    if name in BINARY:
        return np.asarray(rng.random(rows) < np.array([0.3, 0.6, 0.1])[level], np.float32)
    return np.asarray(rng.normal(size=rows) + np.array([0.0, 2.0, -1.0])[level], np.float32)


def direct_drifts(name: str, values: np.ndarray, parameters: dict[str, Any]) -> list[int]:
    """The rows at which river itself says drift."""
    detector = CLASSES[name](**SEEDED.get(name, {}) | parameters)
    rows = []
    for row, value in enumerate(values.tolist()):
        detector.update(value)
        if detector.drift_detected:
            rows.append(row)
    return rows


def first_of_each_block(rows: list[int], size: int) -> list[int]:
    """Keep what a port may say: one score a block."""
    return [row for at, row in enumerate(rows) if at == 0 or rows[at - 1] // size != row // size]


def column(values: np.ndarray, size: int, signal: Signal, start: int = 0) -> list[Block]:
    """Cut a signal's values into blocks."""
    return [make_block(values[at : at + size, None], (signal,), start=start + at) for at in range(0, len(values), size)]


def judged(detector: Detector, blocks: list[Block]) -> list[Score]:
    """Score and learn every block."""
    scores = []
    for block in blocks:
        scores += detector.score(block)
        detector.learn(block)
    return scores


def reference_of(values: np.ndarray, *signals: Signal) -> Reference:
    """Learn a reference from columns."""
    return fit_reference(values.reshape(len(values), -1), signals)
