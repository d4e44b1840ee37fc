"""How far the newest rows of a stream are from its reference: sizes of effects for people, never an alarm.

Compared with the rows that the reference keeps, at most a thousand. Each size comes with its band of chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.model import Effect
from detectors.bands import (
    kolmogorov_band,
    memory,
    share_band,
    spread_of,
    stability_band,
    variation_band,
)
from detectors.distances import FARTHEST, kolmogorov, merge, stability, variation, wasserstein
from detectors.sides import Side, column_of, frequent_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import Block
    from detectors.learned import Reference

CAPACITY, MAX_VALUES = 2_000, 400_000


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
        self._sides = [Side(self._sample[:, at], signal) for at, signal in enumerate(self._signals)]
        self._memory = memory(reference)  # [S] rows that count as one
        self._rows_learned = reference.rows
        self._class_column = reference.column("prediction")
        kept = capacity or max(200, min(CAPACITY, MAX_VALUES // max(1, len(self._signals))))
        self._rows = np.empty((kept, len(self._signals)), np.float32)
        self._seen = 0

    def add(self, block: Block) -> None:
        """Take a block in; the oldest rows leave. Rows that ended in an exception are passed over."""
        rows = block.values[block.status == 0][-len(self._rows) :]
        self._rows[(self._seen + np.arange(len(rows))) % len(self._rows)] = rows
        self._seen += len(rows)

    def sides(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the reference's rows that are compared, and all recent rows that are kept."""
        return self._sample, self._rows[: min(self._seen, len(self._rows))].copy()

    def effects(self, rows: int | None = None) -> tuple[Effect, ...]:
        """Return one effect a signal, of the last `rows` rows (None: all that are kept); empty before any row."""
        kept = min(self._seen, len(self._rows))
        kept = kept if rows is None else max(1, min(kept, rows))
        if self._seen == 0:
            return ()
        recent = self._rows[(self._seen - kept + np.arange(kept)) % len(self._rows)]
        weights = self._same_mix(recent)
        return tuple(self._effect(at, recent[:, at], weights) for at in range(len(self._signals)))

    def _effect(self, at: int, column: NDArray[np.float32], weights: NDArray[np.float64] | None) -> Effect:
        side, signal = self._sides[at], self._signals[at]
        values = np.sort(column[np.isfinite(column)])
        merged = merge(side.sorted, values)
        counts = side.bin(values, len(column))
        ours, theirs = self._effective(at, len(column))
        v = spread_of(ours, theirs)
        # Of reweighted rows, so many independent ones are left (Kish 1965).
        left = 1.0 if weights is None else float(weights.sum() ** 2 / (weights**2).sum() / len(weights))
        same_v = spread_of(ours * left, theirs)
        missing = abs((len(column) - len(values)) / len(column) - side.missing)
        same_mix = None
        if side.categorical:
            ks = variation(side.counts.astype(np.float64), counts.astype(np.float64))
            shares = (side.counts + counts) / max(1, (side.counts + counts).sum())
            noise, same_noise = variation_band(shares, v), variation_band(shares, same_v)
            if weights is not None:
                same_mix = variation(side.weighted_counts(weights), counts.astype(np.float64))
        else:
            ks = max(missing, kolmogorov(merged))
            least = share_band(side.missing, v) if missing > 0 else 0.0
            noise, same_noise = max(least, kolmogorov_band(v)), max(least, kolmogorov_band(same_v))
            if weights is not None:
                same_mix = max(missing, kolmogorov(merged, weights[side.order]))
        distance = wasserstein(merged) / side.scale
        return Effect(
            signal=signal,
            psi=stability(side.counts, counts),
            ks=ks,
            wasserstein=float(np.nan_to_num(distance, posinf=FARTHEST)),
            reference_mean=side.column.mean,
            recent_mean=float(values.mean(dtype=np.float64)) if len(values) else None,
            rows=len(column),
            ks_same_mix=same_mix,
            psi_noise=stability_band(int((side.counts > 0).sum()), v),
            ks_noise=noise,
            wasserstein_noise=float(np.nan_to_num(side.area_band * np.sqrt(v), posinf=FARTHEST)),
            ks_same_mix_noise=None if same_mix is None else same_noise,
            before=side.column,
            now=column_of(column, values),
            frequent=frequent_value(side, values, len(column)),
        )

    def _effective(self, at: int, rows: int) -> tuple[float, float]:
        """Give how many independent rows both sides are worth."""
        ours = min(float(len(self._sample)), self._rows_learned / self._memory[at])
        return ours, rows / self._memory[at]

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
