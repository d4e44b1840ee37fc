"""A reference of what a model was trained on, made fit for the stream that it is compared with.

A training file is shuffled as a rule: it shows what values occur and how often, and nothing of how the rows of a stream
hang together. Bets that took those rows for independent would break the promise on any stream with a rhythm. So the
stream's own first rows are waited for, and the file's values are put into their order: the n-th smallest value of a
signal where the stream has its n-th smallest (the "Schaake shuffle": Clark and others, Journal of Hydrometeorology 5,
2004). How often each value occurs then comes from the file; how blocks of rows vary, and how signals move together,
from the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.archive import Rows, decode_rows
from detectors.reference import MIN_ROWS, ReferenceLearner, fit_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.model import Block, Signal
    from detectors.learned import Reference

SEED = 0  # of the order among equal values: any will do, but the same every time


class TrainedLearner(ReferenceLearner):
    """Conforms to `agent.ports.Learner`: waits for the stream's own rows, and puts those of a training file in order.

    Signals that the file lacks (latency, flags, what only the runtime knows) are learned from the stream.

    Parameters
    ----------
    training : Rows
        The file's rows. Where they are `ordered` their own order stands, and the stream gives only what they lack.
    signals, target_rows, min_seconds, max_rows
        As for `ReferenceLearner`.

    """

    def __init__(
        self, training: Rows, signals: Sequence[Signal], target_rows: int, min_seconds: float, max_rows: int
    ) -> None:
        super().__init__(signals, target_rows, min_seconds, max_rows)
        self._training = training

    def _rows(self) -> Rows:
        live = super()._rows()
        file = {signal.name: at for at, signal in enumerate(self._training.signals)}
        rows = len(self._training.values) if self._training.ordered else len(live.values)
        random = np.random.default_rng(SEED)
        columns = []
        correct = self._training.correct if self._training.ordered else None
        for at, signal in enumerate(live.signals):
            own = live.values[:, at]
            if signal.name not in file:
                columns.append(np.resize(own, rows))
            elif self._training.ordered:
                columns.append(self._training.values[:, file[signal.name]])
            else:
                values = self._training.values[:, file[signal.name]]
                chosen = in_order_of(own, values, random)
                columns.append(values[chosen])
                if signal.name == "confidence" and self._training.correct is not None:
                    correct = self._training.correct[chosen]  # a label stays with the confidence that it is about
        measured = np.isfinite(self._training.latency_s).any()
        latency = self._training.latency_s if measured else live.latency_s
        own_order = self._training if self._training.ordered else live
        return Rows(
            live.signals,
            np.column_stack(columns),
            np.resize(latency, rows),
            correct=correct,
            time_ns=own_order.time_ns,
            every=own_order.every,
        )


def in_order_of(
    stream: NDArray[np.float32], values: NDArray[np.float32], random: np.random.Generator
) -> NDArray[np.int64]:
    """Choose as many of `values` as `stream` has rows, evenly over their distribution; give their places.

    In the order of `stream`. Missing values count as the largest. Equal values of the stream are put in random order
    among themselves.

    >>> random = np.random.default_rng(0)
    >>> in_order_of(np.array([3, 1, 2], np.float32), np.array([10, 20, 30, 40, 50, 60], np.float32), random)
    array([5, 1, 3])
    """
    order = np.lexsort((random.random(len(stream)), stream))  # NaN last
    place = np.empty(len(stream), np.int64)
    place[order] = np.arange(len(stream))
    share = (place + 0.5) / len(stream)
    ranks = np.minimum((share * len(values)).astype(np.int64), len(values) - 1)
    return np.argsort(values, kind="stable")[ranks]


def refit_reference(data: bytes) -> Reference:
    """Fit a reference anew to archived rows. Raises ValueError where they cannot be read."""
    return fit_rows(decode_rows(data))


def trained_learner(
    data: bytes, signals: Sequence[Signal], target_rows: int, min_seconds: float, max_rows: int
) -> TrainedLearner:
    """Make the learner of an encoded training file. Raises ValueError where it cannot be read."""
    return TrainedLearner(decode_rows(data), signals, target_rows, min_seconds, max_rows)


def fit_blocks(
    signals: Sequence[Signal], blocks: Sequence[Block], training: bytes, max_rows: int
) -> tuple[Reference, bytes]:
    """Fit a reference to all the rows of `blocks`, and archive them; `training` is an encoded file, or empty.

    The blocks have the columns `signals`. Raises ValueError where there are fewer rows than any reference needs.
    """
    bounds = (MIN_ROWS, 0.0, max_rows)
    learner = trained_learner(training, signals, *bounds) if training else ReferenceLearner(signals, *bounds)
    for block in blocks:
        learner.take(block)
    return learner.fit(), learner.archive()
