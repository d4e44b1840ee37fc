"""river's HalfSpaceTrees over several signals: rows that are unusual together, even where no single signal is.

The trees see the signals scaled so that the reference's range is [0, 1], as they ask for (Tan, Ting and Liu 2011), and
have learned the reference's rows before the first is judged. A score becomes its rank among those of the reference's
rows: where nothing has changed the ranks are uniform on [0, 1], whatever the scores look like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.river.loader import make_river

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MIN_SCORED = 200  # scores of reference rows: ranks are then known to half a per cent


class ScaledTrees:
    """HalfSpaceTrees on scaled signals.

    Parameters
    ----------
    names
        One a column; the trees know features by name.
    parameters
        river's.
    sample
        Rows of the reference [r, S], in the order in which they ran; NaN is missing.
    low, high
        Range of each column in the reference [S].

    """

    def __init__(
        self,
        names: Sequence[str],
        parameters: Mapping[str, object],
        sample: NDArray[np.float64],
        low: NDArray[np.float64],
        high: NDArray[np.float64],
    ) -> None:
        self._names = tuple(names)
        self._low = low
        self._span = np.where(high > low, high - low, 1.0)
        self._middle = np.nanmedian(self.scaled(sample), axis=0)
        self._trees = make_river("half_space_trees", parameters)
        # The trees split on the features of the first row that they learn, so that one gets every feature.
        self._trees.learn_one(self._features(self._middle.tolist()))
        self._nodes = [node for tree in self._trees.trees for node in tree.iter_dfs()]
        self._usual = self._learn_reference(self.scaled(sample))

    def scaled(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scale rows [n, S] by the reference's range; what is not finite is NaN."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.where(np.isfinite(rows), (rows - self._low) / self._span, np.nan)

    def advance(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score each scaled row [n, S] by the trees that have not seen it, then learn it. NaN where all is missing."""
        scores = np.full(len(rows), np.nan)
        for at, row in enumerate(rows.tolist()):
            features = self._features(row)
            if features:
                scores[at] = self._trees.score_one(features)
                self._trees.learn_one(features)
        return scores

    def ranks(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mid-rank in [0, 1] of each score among those of the reference's rows."""
        below = np.searchsorted(self._usual, scores, "left")
        return (below + np.searchsorted(self._usual, scores, "right")) / (2.0 * len(self._usual))

    def most_telling(self, row: NDArray[np.float64]) -> int:
        """Return the column without whose value the row would be least unusual: it is set to the reference's median."""
        without = []
        for column in range(len(row)):
            usual = row.copy()
            usual[column] = self._middle[column]
            without.append(self._trees.score_one(self._features(usual.tolist())))
        return int(np.argmin(without))

    def items(self) -> dict[str, Any]:
        """Return what is stored: the masses. The trees themselves follow from seed, height and names."""
        return {
            "left": np.array([node.l_mass for node in self._nodes], np.int64),
            "right": np.array([node.r_mass for node in self._nodes], np.int64),
            "counter": int(self._trees.counter),
            "first": bool(self._trees._first_window),  # noqa: SLF001  # river has no other name for it
        }

    def load(self, items: Mapping[str, Any]) -> None:
        """Become what `items` were. Raises ValueError."""
        left, right = items.get("left"), items.get("right")
        counter, first = items.get("counter"), items.get("first")
        fits = all(isinstance(m, np.ndarray) and m.shape == (len(self._nodes),) for m in (left, right))
        if not fits or not isinstance(counter, int) or not isinstance(first, bool):
            raise ValueError("stored state of half_space_trees has other trees than these")
        for node, l_mass, r_mass in zip(
            self._nodes, np.asarray(left).tolist(), np.asarray(right).tolist(), strict=True
        ):
            node.l_mass, node.r_mass = l_mass, r_mass
        self._trees.counter = counter
        self._trees._first_window = first  # noqa: SLF001  # the same

    def _learn_reference(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Learn the reference's rows, again and again until full windows scored enough of them; return the scores."""
        window = int(self._trees.window_size)
        scores: NDArray[np.float64] = np.empty(0)
        learned = 1
        while len(scores) < max(MIN_SCORED, len(rows) - window):
            found = self.advance(rows)
            found = found[np.isfinite(found)]
            scores = np.concatenate((scores, found[max(0, window - learned) :]))
            learned += len(found)
        return np.sort(scores)

    def _features(self, row: list[float]) -> dict[str, float]:
        """Name the values of a row; what is missing is left out, as river wants it."""
        return {name: value for name, value in zip(self._names, row, strict=True) if value == value}  # noqa: PLR0124  # not NaN
