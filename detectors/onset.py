"""When a shift began: the last blocks' means, and the most likely start of a lasting change of one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MIN_KEPT, MAX_KEPT = 128, 512  # blocks
_STORED = np.float16  # three digits are plenty for a place in time, and say the same before a restart and after


class History:
    """A ring of the means of recent blocks, with the row and the time at which each began."""

    def __init__(self, statistics: int, longest: int = 0) -> None:
        """Keep four times `longest` blocks, within bounds."""
        kept = min(MAX_KEPT, max(MIN_KEPT, 4 * longest))
        self.means = np.zeros((kept, statistics), np.float32)
        self.begins = np.zeros((2, kept), np.int64)
        self.seen = 0
        self.since = 0  # blocks seen at the last reset

    def copy(self) -> History:
        """Return a copy that shares nothing."""
        twin = History.__new__(History)
        twin.means, twin.begins = self.means.copy(), self.begins.copy()
        twin.seen, twin.since = self.seen, self.since
        return twin

    def add(self, means: NDArray[np.floating[Any]], row: int, time_ns: int) -> None:
        """Take in a block that began at this row and time."""
        self.extend(means[None], np.array([[row], [time_ns]], np.int64))

    def extend(self, means: NDArray[np.floating[Any]], begins: NDArray[np.int64]) -> None:
        """Take in the means [n, K] of blocks, and the row and the time [2, n] at which each began."""
        kept = len(self.means)
        first = self.seen % kept
        self.seen += len(means)
        if first + len(means) <= kept:
            self.means[first : first + len(means)] = means
            self.begins[:, first : first + len(means)] = begins
            return
        at = (self.seen - len(means) + np.arange(len(means)))[-kept:] % kept
        self.means[at] = means[-kept:]
        self.begins[:, at] = begins[:, -kept:]

    def reset(self) -> None:
        """Look no further back than here."""
        self.since = self.seen

    def onset(self, statistic: int, mean: float, *, upwards: bool) -> tuple[int, int]:
        """Give row and time of the most likely start of a change of the statistic's mean, its size unknown.

        The log likelihood ratio of a normal mean that moved at block t is, up to the variance, (excess summed from t)^2
        over the number of blocks from t. At least one block must have been added since the last reset.
        """
        kept = min(self.seen - self.since, len(self.means))
        order = (self.seen - 1 - np.arange(kept)) % len(self.means)  # newest first
        excess = self.means[order, statistic].astype(_STORED).astype(np.float64) - mean
        run = np.cumsum(excess if upwards else -excess)
        first = order[int(np.argmax(np.maximum(run, 0.0) ** 2 / np.arange(1, kept + 1)))]
        return int(self.begins[0, first]), int(self.begins[1, first])

    def items(self) -> dict[str, Any]:
        """Return what is stored."""
        return {"means": self.means.astype(_STORED), "begins": self.begins, "seen": self.seen, "since": self.since}

    def load(self, items: Mapping[str, Any]) -> None:
        """Become what `items` were. Raises ValueError where they are of another kind or shape."""
        means, begins = items.get("means"), items.get("begins")
        seen, since = items.get("seen"), items.get("since")
        if not (isinstance(means, np.ndarray) and isinstance(begins, np.ndarray)):
            raise ValueError("the stored history lacks its blocks")  # noqa: TRY004  # as all that is stored
        if (means.shape, begins.shape) != (self.means.shape, self.begins.shape):
            raise ValueError("the stored history has another shape")
        if not (isinstance(seen, int) and isinstance(since, int)):
            raise ValueError("the stored history has no place to go on from")  # noqa: TRY004  # the same
        self.means, self.begins = means.astype(np.float32), begins
        self.seen, self.since = seen, since
