"""How far the newest rows of a stream are from its reference: sizes of effects for people, never an alarm.

Compared with the rows that the reference keeps, at most a thousand; a distance below `sqrt(1/r + 1/n)` is noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.model import Effect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import Block, Signal
    from detectors.learned import Reference

CAPACITY, MAX_VALUES = 2_000, 400_000
DECILES = np.arange(1, 10) / 10
FARTHEST = 1e9  # standard deviations: what is infinitely far cannot be said in JSON
HALF = 0.5  # added to every count of the index, so that an empty bin costs something finite


class RecentRows:
    """A ring of the last rows of one stream. Conforms to `agent.ports.Recent`.

    Parameters
    ----------
    reference : Reference
        What they are compared with.
    capacity : int, optional
        Rows kept; by default 2,000, fewer where there are many signals.
    """

    def __init__(self, reference: Reference, capacity: int | None = None) -> None:
        self._signals = reference.signals
        self._sample = reference.sample
        self._sides = [_Side(self._sample[:, at], signal) for at, signal in enumerate(self._signals)]
        self._class_column = reference.column("prediction")
        kept = capacity or max(200, min(CAPACITY, MAX_VALUES // max(1, len(self._signals))))
        self._rows = np.empty((kept, len(self._signals)), np.float32)
        self._seen = 0

    def add(self, block: Block) -> None:
        """Take a block in; the oldest rows leave. Rows that ended in an exception are passed over."""
        rows = block.values[block.status == 0][-len(self._rows) :]
        self._rows[(self._seen + np.arange(len(rows))) % len(self._rows)] = rows
        self._seen += len(rows)

    def effects(self, rows: int | None = None) -> tuple[Effect, ...]:
        """Return one effect a signal, of the last `rows` rows (None: all that are kept); empty before any row."""
        kept = min(self._seen, len(self._rows))
        kept = kept if rows is None else max(1, min(kept, rows))
        if self._seen == 0:
            return ()
        recent = self._rows[(self._seen - kept + np.arange(kept)) % len(self._rows)]
        weights = self._same_mix(recent)
        return tuple(
            _effect(signal, side, recent[:, at], weights)
            for at, (signal, side) in enumerate(zip(self._signals, self._sides, strict=True))
        )

    def _same_mix(self, recent: NDArray[np.float32]) -> NDArray[np.float64] | None:
        """Weigh the reference's rows so that their predicted classes are mixed as in the recent rows."""
        if self._class_column is None:
            return None
        ours, theirs = self._sample[:, self._class_column], recent[:, self._class_column]
        weights = np.zeros(len(ours))
        for value in np.unique(ours[np.isfinite(ours)]).tolist():
            inside = ours == np.float32(value)
            weights[inside] = np.count_nonzero(theirs == np.float32(value)) / np.count_nonzero(inside)
        return weights if weights.sum() > 0 else np.ones(len(ours))


class _Side:
    """The reference's rows of one signal, prepared once."""

    def __init__(self, column: NDArray[np.float32], signal: Signal) -> None:
        self.present = np.isfinite(column)
        self.values = column[self.present]
        order = np.argsort(self.values, kind="stable")
        self.sorted = self.values[order]
        self.order = np.flatnonzero(self.present)[order]
        self.missing = 1 - float(self.present.mean())
        self.mean = float(self.values.mean(dtype=np.float64)) if len(self.values) else float("nan")
        self.deviation = float(self.values.std(dtype=np.float64)) if len(self.values) else float("nan")
        self.categorical = signal.kind == "categorical"
        quantiles = np.quantile(self.values, DECILES) if len(self.values) else np.zeros(0)
        self.edges = np.unique(self.values) if self.categorical else np.unique(quantiles.astype(np.float32))
        self.counts = self.bin(column)

    def bin(self, column: NDArray[np.float32]) -> NDArray[np.int64]:
        """Count deciles, or categories with what lies between them; the last bin is the missing values."""
        values = column[np.isfinite(column)]
        if self.categorical:
            at = np.searchsorted(self.edges, values)
            known = at < len(self.edges)
            known[known] = self.edges[at[known]] == values[known]
            at = np.where(known, at, len(self.edges))
        else:
            at = np.searchsorted(self.edges, values, side="left")
        counts = np.bincount(at, minlength=len(self.edges) + 1)
        return np.append(counts, len(column) - len(values))


def _effect(signal: Signal, side: _Side, column: NDArray[np.float32], weights: NDArray[np.float64] | None) -> Effect:
    values = np.sort(column[np.isfinite(column)])
    counts = side.bin(column)
    missing = abs((len(column) - len(values)) / len(column) - side.missing)
    if side.categorical:
        ks = _variation(side.counts, counts)
        same_mix = None if weights is None else _variation_weighted(side, weights, counts)
    else:
        ks = max(missing, _distance(side.sorted, None, values))
        same_mix = None if weights is None else max(missing, _distance(side.sorted, weights[side.order], values))
    return Effect(
        signal=signal,
        psi=_stability(side.counts, counts),
        ks=ks,
        wasserstein=float(np.nan_to_num(_wasserstein(side, values), posinf=FARTHEST)),
        reference_mean=side.mean if np.isfinite(side.mean) else None,
        recent_mean=float(values.mean(dtype=np.float64)) if len(values) else None,
        rows=len(column),
        ks_same_mix=same_mix,
    )


def _stability(ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> float:
    used = (ours + theirs) > 0
    p = (ours[used] + HALF) / (ours[used] + HALF).sum()
    q = (theirs[used] + HALF) / (theirs[used] + HALF).sum()
    return float(((q - p) * np.log(q / p)).sum())


def _variation(ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> float:
    return float(np.abs(ours / max(1, ours.sum()) - theirs / max(1, theirs.sum())).sum() / 2)


def _variation_weighted(side: _Side, weights: NDArray[np.float64], theirs: NDArray[np.int64]) -> float:
    ours = np.zeros(len(theirs))
    np.add.at(ours, np.searchsorted(side.edges, side.values), weights[side.present])
    ours[-1] = weights[~side.present].sum()
    return float(np.abs(ours / max(ours.sum(), 1e-12) - theirs / max(1, theirs.sum())).sum() / 2)


def _distance(ours: NDArray[np.float32], weights: NDArray[np.float64] | None, theirs: NDArray[np.float32]) -> float:
    """Kolmogorov-Smirnov distance of two sorted samples, the first perhaps weighted."""
    if not len(ours) or not len(theirs):
        return 0.0
    at = np.concatenate((ours, theirs))
    mine = np.searchsorted(ours, at, side="right")
    steps = np.arange(len(ours) + 1) / len(ours)
    if weights is not None:
        steps = np.concatenate(([0.0], np.cumsum(weights))) / max(float(weights.sum()), 1e-12)
    return float(np.abs(steps[mine] - np.searchsorted(theirs, at, side="right") / len(theirs)).max())


def _wasserstein(side: _Side, values: NDArray[np.float32]) -> float:
    """First Wasserstein distance in the reference's standard deviations; 0 where either side is empty or constant."""
    if not len(values) or not len(side.sorted) or not side.deviation > 0:
        return 0.0
    at = np.sort(np.concatenate((side.sorted, values)).astype(np.float64))
    mine = np.searchsorted(side.sorted, at[:-1], side="right") / len(side.sorted)
    theirs = np.searchsorted(values, at[:-1], side="right") / len(values)
    return float((np.abs(mine - theirs) * np.diff(at)).sum() / side.deviation)
