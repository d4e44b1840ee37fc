"""Tables that scikit-learn and river ship, served by a real classifier, and eight ways in which such a stream shifts.

The signals are the inputs, the prediction and the confidence; no detector sees a label. Rows are drawn with replacement
from those that the classifier was not trained on, so nothing changes but what is changed here. Faults hit the input
that the classifier rests on most (permutation importance), of those with more than ten values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import river.datasets
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance

from benchmarks.detection_cases import AFTER, BEFORE, QUIET, REFERENCE, Case, cut

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

TRAINED, BADLY = 0.4, 40  # share of the rows to train on, and rows of the worse model
MOST_TRAINED = 5_000
KINDS = ("subgroup", "bias", "ramp", "missing", "stuck", "noise", "label mix", "worse model")
RAMP = 3_000  # rows until it is a standard deviation


@dataclass(frozen=True)
class Served:
    """A table, the classifiers that serve it, and the input that is hit."""

    inputs: Rows
    labels: NDArray[np.int64]
    pool: NDArray[np.int64]  # rows that no classifier was trained on
    model: HistGradientBoostingClassifier
    worse: HistGradientBoostingClassifier
    hit: int

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the signals."""
        return (*(f"input{at}" for at in range(self.inputs.shape[1])), "prediction", "confidence")

    def signals(self, inputs: Rows, model: HistGradientBoostingClassifier | None = None) -> Rows:
        """Serve inputs."""
        chances = (model or self.model).predict_proba(inputs)
        return np.column_stack((inputs, chances.argmax(axis=1), chances.max(axis=1)))


def _cancer() -> tuple[Rows, NDArray[np.int64]]:
    inputs, labels = load_breast_cancer(return_X_y=True)
    return inputs, labels


def _river(name: str) -> tuple[Rows, NDArray[np.int64]]:
    drawn = list(getattr(river.datasets, name)())
    inputs = np.array([list(row.values()) for row, _ in drawn], float)
    return inputs, np.unique([str(label) for _, label in drawn], return_inverse=True)[1].astype(np.int64)


TABLES: dict[str, Callable[[], tuple[Rows, NDArray[np.int64]]]] = {
    "breast cancer": _cancer,
    "segment": lambda: _river("ImageSegments"),
    "shuttle": lambda: _river("Shuttle"),
    "banana": lambda: _river("Bananas"),
}


@cache
def served(table: str) -> Served:
    """Train once a process."""
    inputs, labels = TABLES[table]()
    rng = np.random.default_rng(11)
    order = rng.permutation(len(inputs))
    count = min(MOST_TRAINED, round(TRAINED * len(order)))
    train, pool = order[:count], order[count:]
    few = np.concatenate([train[labels[train] == c][: BADLY // 2] for c in np.unique(labels)])  # every class is in it
    make = {"max_iter": 40, "early_stopping": False}
    model = HistGradientBoostingClassifier(random_state=1, **make).fit(inputs[train], labels[train])
    worse = HistGradientBoostingClassifier(random_state=2, min_samples_leaf=5, **make).fit(inputs[few], labels[few])
    look = pool[:1_000]
    matters = permutation_importance(model, inputs[look], labels[look], n_repeats=2, random_state=3).importances_mean
    varied = np.array([len(np.unique(inputs[look, at])) > 10 for at in range(inputs.shape[1])])
    return Served(inputs, labels, pool, model, worse, int(np.argmax(np.where(varied, matters, -1.0))))


def quiet_table(table: str) -> Case:
    """Serve rows in random order."""
    data = served(table)
    drawn = np.random.default_rng(5).choice(data.pool, REFERENCE + QUIET)
    return cut(table, "quiet", data.names, data.signals(data.inputs[drawn]))


def shifted_table(table: str, kind: str, seed: int) -> Case:
    """Serve rows as before, then as the kind of shift makes them."""
    data = served(table)
    rng = np.random.default_rng((6, seed, KINDS.index(kind)))
    before = data.inputs[rng.choice(data.pool, REFERENCE + BEFORE)]
    after = _after(data, kind, rng, float(before[-1, data.hit]))
    model = data.worse if kind == "worse model" else data.model
    return cut(table, kind, data.names, np.concatenate((data.signals(before), data.signals(after, model))), BEFORE)


def _after(data: Served, kind: str, rng: np.random.Generator, last: float) -> Rows:
    pool, hit = data.pool, data.inputs[data.pool, data.hit]
    drawn = rng.choice(pool, AFTER)
    if kind == "subgroup":  # two in five from the top quarter
        top = pool[hit >= np.quantile(hit, 0.75)]
        drawn = np.where(rng.random(AFTER) < 0.4, rng.choice(top, AFTER), drawn)
    elif kind == "label mix":  # a quarter more of the rarest class
        rarest = pool[data.labels[pool] == np.bincount(data.labels[pool]).argmin()]
        drawn = np.where(rng.random(AFTER) < 0.25, rng.choice(rarest, AFTER), drawn)
    inputs: Rows = data.inputs[drawn]
    own = inputs[:, data.hit]
    spread = float(hit.std())
    if kind == "bias":
        own += 0.5 * spread
    elif kind == "ramp":
        own += spread * np.minimum(1.0, np.arange(AFTER) / RAMP)
    elif kind == "missing":  # put in by what comes before the model
        own[rng.random(AFTER) < 0.3] = np.median(hit)
    elif kind == "stuck":
        own[:] = last
    elif kind == "noise":
        own += rng.normal(size=AFTER) * spread
    return inputs
