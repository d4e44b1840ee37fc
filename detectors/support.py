"""Whether recent rows are a selection of what the reference knows, or something else.

What a confidence is worth stays the same while only the mix of known cases changes. So the reference's rows are
weighted to have the means and spreads of the recent rows, changed as little as possible (maximum entropy; Hainmueller,
Political Analysis 2012). Where recent rows are such a selection, the weighted reference resembles them in all else:
in every signal's distribution, in what each signal is given the others, and in how far rows lie from known ones. A
sensor that reads otherwise, a turned camera or a column that was computed anew break one of these, because the other
signals do not follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.model import Signal
    from detectors.ranks import RankTable

KNOWN_ROWS = 1_000
MAX_CODES = 20  # of one categorical signal; rarer ones are judged together
WIDEST = 40  # coordinates that are weighted on, fewer where rows are few; more are turned into principal components
ROWS_EACH = 25  # known rows for each of them
NEIGHBOURS = 5
PROBED = 250  # recent rows whose neighbours are looked for
FAR = 0.1  # share of the reference's own rows that count as far from the others
BEYOND = 6.0  # coordinates outside the known range go on for so many deviations
ROUNDS, RIDGE, STRETCH = 12, 0.03, 3.0
COLUMN_RIDGE = 0.1
ROUNDED = 5  # digits: what differs by less are ties


@dataclass(frozen=True, slots=True)
class Departure:
    """How recent rows differ from every selection of known ones.

    distance: the largest Kolmogorov-Smirnov distance left, in [0, 1], of a signal's values or of what it is given the
    others; `signal` names it. kept: share of the reference that the selection still rests on. far: share of rows that
    lie far from all known ones, beyond the share that the selection has.
    """

    distance: float
    signal: str
    kept: float
    far: float


class Support:
    """The reference's rows, prepared to be compared with recent ones.

    Parameters
    ----------
    rows : float32 [r, S]
        Rows of the reference.
    signals : sequence of Signal
        Their columns; runtime signals and flags are left out.
    table : RankTable
        Of the whole reference.
    """

    def __init__(self, rows: NDArray[np.float32], signals: Sequence[Signal], table: RankTable) -> None:
        if len(rows) > KNOWN_ROWS:
            rows = rows[np.linspace(0, len(rows) - 1, KNOWN_ROWS).astype(np.int64)]
        self._table = table
        self._count = len(rows)
        used = [at for at, s in enumerate(signals) if s.role != "runtime" and s.kind != "flag"]
        self._plain = [at for at in used if signals[at].kind != "categorical" and not np.isnan(rows[:, at]).all()]
        self._codes = {at: _codes(rows[:, at]) for at in used if signals[at].kind == "categorical"}
        self._low, self._high = _range(rows)
        self._iqr = _middle(rows, self._low, self._high)
        names = [signals[at].name for at in self._plain]
        names += [signals[at].name for at, codes in self._codes.items() for _ in range(len(codes) + 1)]
        self._missing = np.isnan(rows[:, used]).astype(np.float64)
        self._used = used
        self._names = (*names, *names, *(signals[at].name for at in used))
        known = self._coordinates(rows)
        self._centre, self._scale = known.mean(axis=0), known.std(axis=0)
        self._scale[self._scale == 0] = 1.0
        self._known = self._standard(known)
        self._axes = self._principal()
        self._features = self._featured(self._known)
        self._views = np.concatenate((known, self._residuals(self._known)), axis=1)
        self._order = np.argsort(self._views, axis=0, kind="stable")
        self._sorted = np.take_along_axis(self._views, self._order, axis=0)

    def departure(self, rows: NDArray[np.float32]) -> Departure:
        """Compare rows [n, S] with the reference; n is at least 1."""
        if not self._names:
            return Departure(0.0, "", 1.0, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            recent = self._coordinates(rows)
        standard = self._standard(recent)
        weights = self._weigh(self._featured(standard).mean(axis=0))
        views = np.concatenate((recent, self._residuals(standard)), axis=1)
        distances = self._distances(views, weights)
        missing = np.abs(np.isnan(rows[:, self._used]).mean(axis=0) - weights @ self._missing)
        every = np.concatenate((distances, 2 * missing))
        worst = int(every.argmax())
        return Departure(
            distance=float(every[worst]),
            signal=self._names[worst],
            kept=float(1 / (weights**2).sum() / self._count),
            far=self._far(standard, weights),
        )

    def _coordinates(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Turn rows into normal scores, those outside the known range further out, and a 0/1 column for each code."""
        ranks, _ = self._table.look_up(rows)
        scores = _normal_scores(ranks[:, self._plain], self._count)
        values = rows[:, self._plain].astype(np.float64)
        low, high, iqr = (part[self._plain] for part in (self._low, self._high, self._iqr))
        outside = (np.maximum(values - high, 0) - np.maximum(low - values, 0)) / iqr * 2
        parts = [scores + np.clip(np.nan_to_num(outside, posinf=BEYOND, neginf=-BEYOND), -BEYOND, BEYOND)]
        for at, codes in self._codes.items():
            same = (rows[:, [at]] == codes).astype(np.float64)
            parts += [same, 1 - same.sum(axis=1, keepdims=True)]
        return np.concatenate(parts, axis=1)

    def _standard(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        moved: NDArray[np.float64] = np.clip((coordinates - self._centre) / self._scale, -10.0, 10.0)
        return moved

    def _principal(self) -> NDArray[np.float64] | None:
        width = max(2, min(WIDEST, self._count // ROWS_EACH))
        if self._known.shape[1] <= width:
            return None
        _, values, axes = np.linalg.svd(self._known, full_matrices=False)
        return np.asarray(axes[:width].T / np.maximum(values[:width] / np.sqrt(self._count), 1e-6))

    def _featured(self, standard: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give what is weighted on: each coordinate and its square."""
        narrow = np.clip(standard if self._axes is None else standard @ self._axes, -4.0, 4.0)
        return np.concatenate((narrow, narrow**2 - 1), axis=1)

    @cached_property
    def _precision(self) -> NDArray[np.float64]:
        width = self._known.shape[1]
        spread = self._known.T @ self._known / self._count + COLUMN_RIDGE * np.eye(width)
        inverse = np.linalg.inv(spread)
        return np.asarray(inverse / np.diag(inverse))

    def _residuals(self, standard: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give each coordinate less what the others tell of it."""
        return np.round(standard @ self._precision, ROUNDED)

    def _weigh(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        """Find weights [r], of sum 1, of least relative entropy under which the features have these means, nearly."""
        tilt = np.zeros(len(target))
        weights = np.full(self._count, 1 / self._count)
        for _ in range(ROUNDS):
            mean = weights @ self._features
            centred = self._features - mean
            spread = (centred * weights[:, None]).T @ centred
            step = np.linalg.solve(spread + RIDGE * np.eye(len(target)), target - mean - RIDGE * tilt)
            size = float(np.abs(self._features @ step).max())
            tilt += step * min(1.0, STRETCH / max(size, 1e-9))
            logit = self._features @ tilt
            weights = np.exp(logit - logit.max())
            weights /= weights.sum()
            if size < 0.01:  # noqa: PLR2004  # weights change by less than a hundredth
                break
        return weights

    def _distances(self, views: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the Kolmogorov-Smirnov distance of each column from the weighted reference's."""
        recent = np.sort(views, axis=0)
        steps = np.arange(1, len(recent) + 1) / len(recent)
        sums = np.concatenate((np.zeros((1, views.shape[1])), np.cumsum(weights[self._order], axis=0)))
        found = np.empty(views.shape[1])
        for at in range(views.shape[1]):
            column, known = recent[:, at], self._sorted[:, at]
            upto = sums[np.searchsorted(known, column, side="right"), at]
            below = sums[np.searchsorted(known, column, side="left"), at]
            last, first = np.append(column[1:] > column[:-1], True), np.append(True, column[1:] > column[:-1])
            over = np.abs(upto - steps)[last].max()
            under = np.abs(below - steps + 1 / len(recent))[first].max()
            found[at] = max(over, under)
        return found

    @cached_property
    def _own(self) -> NDArray[np.float64]:
        """Give the reference rows' distances from their neighbours."""
        return _remote(self._known, self._known, NEIGHBOURS + 1) * (NEIGHBOURS + 1) / NEIGHBOURS  # the nearest is itself

    def _far(self, standard: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
        probed = standard[np.linspace(0, len(standard) - 1, min(PROBED, len(standard))).astype(np.int64)]
        limit = np.quantile(self._own, 1 - FAR)
        share = float((_remote(probed, self._known, NEIGHBOURS) > limit).mean())
        return share - float(weights @ (self._own > limit))


def _remote(rows: NDArray[np.float64], known: NDArray[np.float64], neighbours: int) -> NDArray[np.float64]:
    """Give the mean distance from the nearest known rows."""
    a, b = rows.astype(np.float32), known.astype(np.float32)
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * (a @ b.T)
    kept = min(neighbours, len(known)) - 1
    nearest = np.partition(squares, kept, axis=1)[:, : kept + 1]
    return np.sqrt(np.maximum(nearest, 0)).mean(axis=1, dtype=np.float64)


def _codes(column: NDArray[np.float32]) -> NDArray[np.float32]:
    values, counts = np.unique(column[np.isfinite(column)], return_counts=True)
    return np.sort(values[np.argsort(-counts, kind="stable")[:MAX_CODES]])


def _range(rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    finite = np.where(np.isfinite(rows), rows, np.nan).astype(np.float64)
    empty = np.isnan(finite).all(axis=0)
    finite[:, empty] = 0.0
    return np.nanmin(finite, axis=0), np.nanmax(finite, axis=0)


def _middle(rows: NDArray[np.float32], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the interquartile range; where that is 0 the range, and where that is 0 too, something tiny."""
    finite = np.where(np.isfinite(rows), rows, np.nan).astype(np.float64)
    finite[:, np.isnan(finite).all(axis=0)] = 0.0
    quarter, three = np.nanquantile(finite, (0.25, 0.75), axis=0)
    width = np.where(three > quarter, three - quarter, high - low)
    return np.where(width > 0, width, 1e-9)


_GRID = np.array([NormalDist().inv_cdf((k + 0.5) / 4096) for k in range(4096)])


def _normal_scores(ranks: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    inside = np.clip(ranks, 0.5 / count, 1 - 0.5 / count)
    return _GRID[np.minimum((inside * len(_GRID)).astype(np.int64), len(_GRID) - 1)]
