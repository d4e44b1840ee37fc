"""What is bet on: statistics in [0, 1] of each row.

  rank      the mid-rank in the reference: location
  spread    |2 rank - 1|: scale, and values that pile up in the middle
  high      in the reference's top tenth; `low` in its bottom tenth
  relation  how far the value is from what the other signals say it should be; `strain` its size
  answer    the rank of the confidence, on the side of the predicted class: the mix of classes, weighed by sureness
  atom      equals one of the reference's frequent values, or its median (a missing value in disguise)
  outside   beyond everything that the reference saw, or a category that it never saw
  missing   NaN
  tie       equals one of the three values before it: a stuck sensor, a constant put in for missing values
  odd       any of the last four, of those that the reference hardly ever saw of the signal

All but `tie` are functions of one row. The *views* of a signal are its values (view = column), its relation to the
others, and its answers: each has a memory, and so a block length, of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.relations import Relations, fit_relations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.model import Signal
    from detectors.grid import Grid, Places

    Span = slice | NDArray[np.int64]

BASE = 10  # rows: small beside any useful delay, large enough that numpy's cost per call is shared
RANK, SPREAD, RELATION, STRAIN, ANSWER, HIGH, LOW, ATOM, OUTSIDE, MISSING, TIE, ODD = range(12)
GRADED = ANSWER  # kinds up to here take values between 0 and 1, the others are 0 or 1
WORDS = (
    "rank",
    "spread",
    "relation to other signals",
    "strain against other signals",
    "sure answer",
    "high tail",
    "low tail",
    "frequent value",
    "outside the reference",
    "missing",
    "repeated value",
    "odd value",
)
_OF_CELL = {RANK: 0, SPREAD: 1, HIGH: 2, LOW: 3}  # where a cell has them
LAGS = 3
MAX_CATEGORIES, MAX_ATOMS, MAX_ANSWERS = 10, 3, 4
MIN_ATOM, MIN_CATEGORY = 0.02, 0.01
MAX_TIE = 0.9  # a signal of few values ties nearly always; the atoms tell more
RARE = 0.01  # a rate below this cannot be seen to fall
PREDICTION, CONFIDENCE = "prediction", "confidence"


@dataclass(frozen=True)
class StatisticSet:
    """The K statistics of a reference, ordered by kind, so that each kind is one slice."""

    kinds: NDArray[np.int64]  # [K]
    views: NDArray[np.int64]  # [K] which view of which signal
    values: NDArray[np.float32]  # [K] for atoms the value, for answers the class
    owners: NDArray[np.int64]  # [V] the signal of each view; the first S are the signals themselves
    parts: NDArray[np.int64]  # [2, P] kind and column of what makes a value odd
    part_values: NDArray[np.float32]  # [P] for atoms the value
    relations: Relations
    outputs: tuple[int, int]  # columns of prediction and confidence; -1 where there is none
    cuts: NDArray[np.int64] = field(init=False, repr=False)  # [kinds + 1] where each kind begins
    _spans: tuple[tuple[int, slice, Span], ...] = field(init=False, repr=False)
    _odd: tuple[tuple[int, Span, Span, NDArray[np.float32]], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        cuts = np.searchsorted(self.kinds, np.arange(ODD + 2))
        object.__setattr__(self, "cuts", cuts)
        own = (kind for kind in range(ODD + 1) if kind not in (RELATION, STRAIN))
        kinds = [kind for kind in own if cuts[kind] < cuts[kind + 1]]
        into = [slice(int(cuts[kind]), int(cuts[kind + 1])) for kind in kinds]
        spans = tuple((kind, at, span(self.views[at])) for kind, at in zip(kinds, into, strict=True))
        object.__setattr__(self, "_spans", spans)
        odd = self.views[cuts[ODD] :]
        parts = []
        for kind in np.unique(self.parts[0]).tolist():
            places = np.flatnonzero(self.parts[0] == kind)
            columns = self.parts[1, places]
            parts.append((kind, span(columns), span(np.searchsorted(odd, columns)), self.part_values[places]))
        object.__setattr__(self, "_odd", tuple(parts))

    @property
    def signals(self) -> NDArray[np.int64]:
        """The signal [K] of each statistic."""
        return self.owners[self.views]

    def rows(
        self,
        rows: NDArray[np.float32],
        before: NDArray[np.float32],
        grid: Grid,
        errors: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Give the statistics [n, K] of rows [n, S]; `before` [LAGS, S] are the rows before the first.

        `errors` [n, R] takes the place of the relations' errors, for rows that the relations were fitted to.
        """
        place = grid.look_up(rows)
        found = np.empty((len(rows), len(self.kinds)), np.float32)
        if len(self.relations.columns):
            errors = self.relations.errors(place.bent) if errors is None else errors
            np.multiply(errors + 1, 0.5, out=found[:, self.cuts[RELATION] : self.cuts[RELATION + 1]])
            np.abs(errors, out=found[:, self.cuts[STRAIN] : self.cuts[STRAIN + 1]])
        for kind, where, at in self._spans:
            if kind in _OF_CELL:
                found[:, where] = columns(place.graded[:, :, _OF_CELL[kind]], at)
            elif kind == ANSWER:
                found[:, where] = self._answers(rows, place.ranks, self.values[where])
            elif kind == ODD:
                odd = np.zeros((len(rows), where.stop - where.start), bool)
                for part, of, into, values in self._odd:
                    if part != MISSING or place.any_missing:
                        odd[:, into] |= _event(part, rows, before, place, of, values)
                found[:, where] = odd
            else:
                found[:, where] = _event(kind, rows, before, place, at, self.values[where])
        return found

    def _answers(
        self, rows: NDArray[np.float32], ranks: NDArray[np.float32], classes: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        prediction, confidence = self.outputs
        sure = (1 + ranks[:, confidence, None]) / 2
        given = rows[:, prediction, None] == classes
        return np.where(given, sure, 1 - sure if len(classes) == 1 else 0).astype(np.float32)


def choose_statistics(
    rows: NDArray[np.float32], signals: Sequence[Signal], grid: Grid
) -> tuple[StatisticSet, NDArray[np.float32]]:
    """List the statistics that say something of each signal, and give them [n, K] for the reference's own rows.

    Runtime and flag signals have detectors of their own.
    """
    chosen: list[tuple[int, int, float]] = []
    width = len(signals)
    watched = [at for at, signal in enumerate(signals) if signal.role != "runtime" and signal.kind != "flag"]
    tie_rates = _ties(rows, np.full((LAGS, width), np.nan, np.float32)).mean(axis=0)
    varied = np.zeros(width, bool)
    for column in watched:
        seen = rows[:, column][np.isfinite(rows[:, column])]
        chosen += [(MISSING, column, 0.0), (OUTSIDE, column, 0.0)]
        knots, counts = np.unique(seen, return_counts=True)
        if len(knots) < 2:  # noqa: PLR2004  # a constant can only leave its value or go missing
            continue
        varied[column] = True
        chosen += _of_values(column, knots, counts / len(seen), categorical=signals[column].kind == "categorical")
        if signals[column].kind != "categorical" and tie_rates[column] < MAX_TIE:
            chosen.append((TIE, column, 0.0))
    relations, errors = fit_relations(grid.look_up(rows).bent, varied)
    owners = [*range(width), *relations.columns.tolist()]
    for view in range(width, len(owners)):
        chosen += [(RELATION, view, 0.0), (STRAIN, view, 0.0)]
    outputs, classes = _answer_classes(rows, signals)
    if classes:
        chosen += [(ANSWER, len(owners), value) for value in classes]
        owners.append(outputs[0])
    before = np.full((LAGS, width), np.nan, np.float32)
    plain = _statistic_set(chosen, [], owners, relations, outputs)
    means = plain.rows(rows, before, grid, errors).mean(axis=0)
    seldom = (means < RARE) & (plain.kinds > LOW)
    kept = ~seldom & ((means >= RARE) | (plain.kinds < HIGH))
    listed = list(zip(plain.kinds.tolist(), plain.views.tolist(), plain.values.tolist(), strict=True))
    parts = [listed[at] for at in np.flatnonzero(seldom).tolist()]
    odd = [(ODD, column, 0.0) for column in sorted({column for _, column, _ in parts})]
    statistics = _statistic_set(
        [listed[at] for at in np.flatnonzero(kept).tolist()] + odd, parts, owners, relations, outputs
    )
    return statistics, statistics.rows(rows, before, grid, errors)


def _statistic_set(
    chosen: list[tuple[int, int, float]],
    parts: list[tuple[int, int, float]],
    owners: list[int],
    relations: Relations,
    outputs: tuple[int, int],
) -> StatisticSet:
    chosen, parts = sorted(chosen), sorted(parts)
    return StatisticSet(
        kinds=np.array([kind for kind, _, _ in chosen], np.int64),
        views=np.array([view for _, view, _ in chosen], np.int64),
        values=np.array([value for _, _, value in chosen], np.float32),
        owners=np.array(owners, np.int64),
        parts=np.array([(kind, column) for kind, column, _ in parts], np.int64).reshape(-1, 2).T,
        part_values=np.array([value for _, _, value in parts], np.float32),
        relations=relations,
        outputs=outputs,
    )


def _of_values(
    column: int, knots: NDArray[np.float32], shares: NDArray[np.float64], *, categorical: bool
) -> list[tuple[int, int, float]]:
    """List the statistics of a signal's own values, from its distinct values and how often each comes."""
    order = np.argsort(-shares, kind="stable")
    if len(knots) == 2:  # noqa: PLR2004  # two values are one atom
        return [(ATOM, column, float(knots[order[0]]))]
    chosen = [(RANK, column, 0.0), (SPREAD, column, 0.0)]
    if not categorical:
        chosen += [(HIGH, column, 0.0), (LOW, column, 0.0)]
    most, least = (MAX_CATEGORIES, MIN_CATEGORY) if categorical else (MAX_ATOMS, MIN_ATOM)
    atoms = [float(knots[at]) for at in order[:most] if shares[at] >= least]
    atoms.append(float(knots[np.searchsorted(np.cumsum(shares), 0.5)]))
    return chosen + [(ATOM, column, value) for value in dict.fromkeys(atoms)]


def _answer_classes(rows: NDArray[np.float32], signals: Sequence[Signal]) -> tuple[tuple[int, int], list[float]]:
    """Find prediction and confidence, and the frequent classes: of two one, since the other mirrors it."""
    at = {signal.name: column for column, signal in enumerate(signals)}
    if PREDICTION not in at or CONFIDENCE not in at:
        return (-1, -1), []
    outputs = (at[PREDICTION], at[CONFIDENCE])
    sure = rows[:, outputs[1]]
    if len(np.unique(sure[np.isfinite(sure)])) < 2:  # noqa: PLR2004
        return (-1, -1), []
    classes, counts = np.unique(rows[:, outputs[0]], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    frequent = [float(classes[i]) for i in order[:MAX_ANSWERS] if counts[i] >= MIN_ATOM * len(rows)]
    return (outputs, frequent[:1] if len(classes) == 2 else frequent) if len(classes) > 1 else ((-1, -1), [])  # noqa: PLR2004


def _event(
    kind: int,
    rows: NDArray[np.float32],
    before: NDArray[np.float32],
    place: Places,
    at: Span,
    values: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """Tell where something happened to a value."""
    if kind == ATOM:
        return np.asarray(columns(rows, at) == values)
    if kind == TIE:
        return _ties(columns(rows, at), columns(before, at))
    return columns(place.outside if kind == OUTSIDE else place.missing, at)


def span(at: NDArray[np.int64]) -> Span:
    """Give places as a slice where they follow one another: numpy then copies nothing."""
    return slice(int(at[0]), int(at[-1]) + 1) if len(at) and bool(np.all(np.diff(at) == 1)) else at


def columns(values: NDArray[Any], at: Span) -> NDArray[Any]:
    """Give columns of values [n, S]: without a copy, or by the quickest one."""
    return values[:, at] if isinstance(at, slice) else values.take(at, axis=1)


def _ties(rows: NDArray[np.float32], before: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell of each value whether it equals one of the LAGS values before it."""
    window = np.concatenate((before, rows))
    tied: NDArray[np.bool_] = window[LAGS:] == window[LAGS - 1 : -1]
    for lag in range(2, LAGS + 1):
        tied |= window[LAGS:] == window[LAGS - lag : -lag]
    return tied
