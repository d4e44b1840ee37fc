"""What each coordinate of a row is, given the others: of every row by other rows, so that known and recent compare.

Linear, with a ridge. Told by what was learned from themselves, known rows would leave less than recent ones do, the
more so the wider they are: a stream of more signals than known rows would never look like its reference. So known rows
are told by the other folds, and recent rows by the same folds in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS = 5
RIDGE = 0.1
ROUNDED = 5  # digits: what differs by less are ties


class Told:
    """Tells each coordinate by the others, as rows of the reference hang together.

    Parameters
    ----------
    known : float64 [r, K]
        Standard coordinates of the reference's rows.
    """

    def __init__(self, known: NDArray[np.float64]) -> None:
        self._told = [self._telling(np.delete(known, np.s_[fold::FOLDS], axis=0)) for fold in range(FOLDS)]

    def residuals(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give each coordinate of rows [n, K] less what the others tell of it."""
        rest = np.empty_like(rows)
        for fold, told in enumerate(self._told):
            rest[fold::FOLDS] = rows[fold::FOLDS] @ told
        return np.round(rest, ROUNDED)

    @staticmethod
    def _telling(known: NDArray[np.float64]) -> NDArray[np.float64]:
        count, width = max(1, len(known)), known.shape[1]
        spread = known.T @ known / count + (RIDGE + 2 * width / count) * np.eye(width)
        inverse = np.linalg.inv(spread)
        return np.asarray(inverse / np.diag(inverse))
