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

from detectors.coordinates import Coordinates
from detectors.lone import Lone
from detectors.pairs import Pairs
from detectors.selection import select
from detectors.told import Told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.model import Signal
    from detectors.grid import Grid

WEIGHED_ON = 64  # means and spreads that are matched, those that moved most; fewer where rows are few
BY_CHANCE = 2  # so many moves of all are matched although nothing moved
ROWS_EACH = 10  # known rows for each of them
NEIGHBOURS = 5
PROBED = 250  # recent rows whose neighbours are looked for
HARDLY = 0.4  # share of the reference kept, below which the signal is named that moved most
FAR = 0.1  # share of the reference's own rows that count as far from the others
MISFIT, LEVEL = 0.03, 0.01  # of distances: harmless misfit, and the chance that one of all exceeds its limit
MISFIT_FAR, CHANCE_FAR = 0.03, 2.5  # of shares of far rows


@dataclass(frozen=True, slots=True)
class Departure:
    """How recent rows differ from every selection of known ones.

    excess: the largest Kolmogorov-Smirnov distance left, of a signal's values or of what it is given the others, beyond
    what chance and harmless misfit leave; `signal` names it. kept: share of the
    reference that the selection still rests on. far: share of rows that lie far from all known ones, beyond the share
    that the selection has; `far_limit` likewise. weights [r]: of the reference's rows in the selection, of sum 1.
    lone: the input that explains the change alone. torn: two signals that do not go together as in the selection. Both
    are empty where there are none.
    """

    excess: float
    signal: str
    kept: float
    far: float
    far_limit: float
    weights: NDArray[np.float64]
    lone: tuple[str, ...] = ()
    torn: tuple[str, ...] = ()


class Support:
    """The reference's rows, prepared to be compared with recent ones.

    Parameters
    ----------
    rows : float32 [r, S]
        Rows of the reference.
    signals : sequence of Signal
        Their columns; runtime signals and flags are left out.
    grid : Grid
        Of the whole reference.
    memory : float [S]
        How many rows of the stream are worth one independent row, at least 1.
    apart : float
        How many rows of the stream lie from one of `rows` to the next.
    """

    def __init__(
        self,
        rows: NDArray[np.float32],
        signals: Sequence[Signal],
        grid: Grid,
        memory: NDArray[np.float64],
        apart: float,
    ) -> None:
        self._memory = memory
        self._apart = apart
        self._count = len(rows)
        self._space = space = Coordinates(rows, signals, grid)
        self._owners = np.array([*space.owners, *space.owners, *space.used], np.int64)
        self._missing = np.isnan(rows[:, space.used]).astype(np.float64)
        self._names: list[str] = [signal.name for signal in signals]
        self._inputs = np.array([float(signal.role == "input") for signal in signals])
        known = space.of(rows)
        alone = known.copy()
        alone[:, : space.plain] += space.gaps(rows)
        self._centre, self._scale = known.mean(axis=0), known.std(axis=0)
        self._scale[self._scale == 0] = 1.0
        self._known, self._alone = self._standard(known), self._standard(alone)
        self._features = self._featured(self._known)
        self._usual, self._spread = self._features.mean(axis=0), self._features.std(axis=0)
        self._told = Told(self._known)
        self._pairs = Pairs(self._known, space.owners, memory[space.owners], apart)
        owners = np.tile(np.where(self._inputs[space.owners] > 0, space.owners, -1), 2)
        lasting = np.tile(memory[space.owners], 2)
        self._lone = Lone(self._features, owners, self._count / np.maximum(1.0, lasting / apart), lasting)
        self._views = np.concatenate((known, self._told.residuals(self._known)), axis=1)
        self._order = np.argsort(self._views, axis=0, kind="stable")
        self._sorted = np.take_along_axis(self._views, self._order, axis=0)

    def departure(self, rows: NDArray[np.float32]) -> Departure:
        """Compare rows [n, S] with the reference; n is at least 1."""
        if not len(self._owners):
            return Departure(0.0, "", 1.0, 0.0, 1.0, np.full(self._count, 1 / self._count))
        with np.errstate(over="ignore", invalid="ignore"):
            recent = self._space.of(rows)
        standard = self._standard(recent)
        weights = self._weigh(self._featured(standard).mean(axis=0), len(rows))
        views = np.concatenate((recent, self._told.residuals(standard)), axis=1)
        kept = float(1 / (weights**2).sum() / self._count)
        limits = self._limits(kept, len(rows))[self._owners]
        absent = np.isnan(rows[:, self._space.used]).mean(axis=0)
        excess = float((self._distances(views, absent, weights) - limits).max())
        return Departure(
            excess=excess,
            signal=self._moved_most(views, absent) if excess > 0 or kept < HARDLY else "",
            kept=kept,
            far=self._far(standard, weights),
            far_limit=MISFIT_FAR + CHANCE_FAR * float(np.sqrt(FAR / min(PROBED, len(rows)))),
            weights=weights,
            lone=self._named(self._lone.suspect(self._featured(standard))),
            torn=self._named(*(self._pairs.torn(standard, weights) or (None,))),
        )

    def _named(self, *columns: int | None) -> tuple[str, ...]:
        return tuple(self._names[column] for column in columns if column is not None)

    def _moved_most(self, views: NDArray[np.float64], absent: NDArray[np.float64]) -> str:
        """Name the signal that went furthest; outputs follow from inputs, so an input is named before any output."""
        over = self._distances(views, absent, np.full(self._count, 1 / self._count))
        over -= self._limits(1.0, len(views))[self._owners]
        inputs = over * self._inputs[self._owners]
        worst = int(inputs.argmax() if inputs.max() > 0 else over.argmax())
        return self._names[int(self._owners[worst])]

    def _limits(self, kept: float, recent: int) -> NDArray[np.float64]:
        """Give, for each signal, the distance that is no sign of anything."""
        known = kept * self._count / np.maximum(1.0, self._memory / self._apart)
        chance = np.sqrt(np.log(2 * len(self._owners) / LEVEL) / 2)  # Kolmogorov's tail, shared over all distances
        limits: NDArray[np.float64] = MISFIT + chance * np.sqrt(1 / known + self._memory / recent)
        return limits

    def _standard(self, coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
        moved: NDArray[np.float64] = np.clip((coordinates - self._centre) / self._scale, -10.0, 10.0)
        return moved

    def _featured(self, standard: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give what is weighted on: each coordinate and its square."""
        narrow = np.clip(standard, -4.0, 4.0)
        return np.concatenate((narrow, narrow**2 - 1), axis=1)

    def _weigh(self, target: NDArray[np.float64], recent: int) -> NDArray[np.float64]:
        """Find weights [r], of sum 1, of least relative entropy under which the features have these means, nearly."""
        moved = np.abs(target - self._usual) / np.maximum(self._spread, 1e-3)
        level = NormalDist().inv_cdf(1 - min(BY_CHANCE / len(moved), 1) / 2)
        chance = level * np.sqrt(1 / self._count + 1 / recent)
        chosen = np.argsort(-moved, kind="stable")[: max(1, min(WEIGHED_ON, self._count // ROWS_EACH))]
        chosen = chosen[moved[chosen] > chance]
        return select(np.ascontiguousarray(self._features[:, chosen]), target[chosen])

    def _distances(
        self, views: NDArray[np.float64], absent: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Give the Kolmogorov-Smirnov distance of each view from the weighted reference's, then of what is missing."""
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
        return np.concatenate((found, 2 * np.abs(absent - weights @ self._missing)))

    @cached_property
    def _own(self) -> NDArray[np.float64]:
        """Give the reference rows' distances from their neighbours, as far as they would be if they were recent."""
        return _remote(self._alone, self._known, NEIGHBOURS, themselves=True)

    def _far(self, standard: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
        probed = standard[np.linspace(0, len(standard) - 1, min(PROBED, len(standard))).astype(np.int64)]
        limit = np.quantile(self._own, 1 - FAR)
        share = float((_remote(probed, self._known, NEIGHBOURS) > limit).mean())
        return float(share - weights @ (self._own > limit))


def _remote(
    rows: NDArray[np.float64], known: NDArray[np.float64], neighbours: int, *, themselves: bool = False
) -> NDArray[np.float64]:
    """Give the mean distance from the nearest known rows; `themselves`: from the nearest others."""
    a, b = rows.astype(np.float32), known.astype(np.float32)
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * (a @ b.T)
    if themselves:
        np.fill_diagonal(squares, np.inf)
    kept = min(neighbours, len(known) - themselves) - 1
    nearest = np.partition(squares, kept, axis=1)[:, : kept + 1]
    return np.asarray(np.sqrt(np.maximum(nearest, 0)).mean(axis=1), np.float64)
