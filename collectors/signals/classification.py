"""Classifiers: `prediction`, `confidence`, `margin`, `entropy`, from probabilities, logits or labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from agent.model import Signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from collectors.signals.stored import Slots, StoredPart, Values

_PREDICTION = Signal("prediction", "output", "categorical")
_SUM_TOLERANCE = 0.02  # half-precision and 8-bit probabilities sum to one only so far
_LEAST = np.float32(1e-30)


class ClassificationSignals:
    """What a classifier said and how sure it was.

    Whether the scores are probabilities or logits is decided once, from the first rows that are finite, and then kept:
    a model whose probabilities stop summing to one must not silently be read another way.

    Parameters
    ----------
    scores
        [batch, classes]: probabilities, logits, or 8-bit quantised probabilities.
    labels
        The model's own labels, integers [batch]; where given, they are the prediction.

    """

    signals = (
        _PREDICTION,
        Signal("confidence", "output", unit="1"),
        Signal("margin", "output", unit="1"),
        Signal("entropy", "output", unit="nat"),
    )

    def __init__(self, scores: StoredPart, labels: StoredPart | None = None) -> None:
        self._scores = scores
        self._labels = labels
        self._logits: bool | None = None

    def compute(self, slots: Slots) -> Values:
        """Return the four signals; missing for a row whose scores are not finite."""
        raw = self._scores.read(slots)
        count, rows, classes = raw.shape
        chances = self._probabilities(raw.reshape(count * rows, classes))
        out = np.full((len(chances), 4), np.nan, np.float32)
        whole = np.isfinite(chances).all(axis=1)
        good = chances if whole.all() else chances[whole]
        top = good.argmax(axis=1) if len(good) else np.empty(0, np.intp)
        if len(good):
            best = good[np.arange(len(good)), top]
            rest = good.copy()
            rest[np.arange(len(good)), top] = -np.inf
            entropy = -np.einsum("nk,nk->n", good, np.log(np.maximum(good, _LEAST)))
            out[whole] = np.column_stack([top, best, best - rest.max(axis=1), np.maximum(entropy, 0.0)])
        values = out.reshape(count, rows, 4)
        if self._labels is not None:
            labels = self._labels.read_floats(slots)[:, :, 0]
            shared = min(rows, labels.shape[1])
            values[:, :shared, 0] = labels[:, :shared]
        return values

    def _probabilities(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = raw.astype(np.float32)
        if raw.dtype.kind in "iu":
            # 8-bit softmax: 256 steps from the type's lowest value, which stands for zero.
            scores -= np.float32(np.iinfo(raw.dtype).min)
            total = scores.sum(axis=1, keepdims=True)
            scores /= np.where(total == 0, np.float32(1), total)
            return scores
        with np.errstate(over="ignore", invalid="ignore"):
            if self._logits is None:
                self._decide(scores)
            if not self._logits:
                return scores
            scores -= scores.max(axis=1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=1, keepdims=True)
        return scores

    def _decide(self, scores: NDArray[np.float32]) -> None:
        finite = scores[np.isfinite(scores).all(axis=1)]
        if len(finite):
            self._logits = not bool(np.median(_sums_to_one(finite)))


def _sums_to_one(scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    ones: NDArray[np.bool_] = np.abs(scores.sum(axis=1) - 1) <= _SUM_TOLERANCE
    return ones & (scores >= 0).all(axis=1)


class PredictionSignal:
    """A classifier that gives labels alone: `prediction`."""

    signals = (_PREDICTION,)

    def __init__(self, labels: StoredPart) -> None:
        self._labels = labels

    def compute(self, slots: Slots) -> Values:
        """Return the labels."""
        return self._labels.read_floats(slots)[:, :, :1]
