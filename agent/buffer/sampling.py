"""Which rows of a stream are kept as samples, and for how many inferences each stands.

A kept row stands for itself and the rows since the one before it, so that the weights of all kept rows sum to the
number of inferences. The gaps between kept rows vary by half, so that no rhythm of the stream can hide between them.
Inferences that failed are kept besides, up to so many a minute, and stand for themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import Block

MINUTE_NS = 60_000_000_000


class Sampler:
    """Samples one stream.

    Parameters
    ----------
    failed_a_minute
        Failed inferences that are kept, a minute of wall time.
    random
        Draws the gaps.

    """

    def __init__(self, failed_a_minute: int, random: np.random.Generator) -> None:
        self.gap = 0  # rows since the last kept one, which no kept row stands for yet
        self._failed_a_minute = failed_a_minute
        self._random = random
        self._next = 0  # the gap at which the next is kept; 0: not drawn yet
        self._minute, self._failed = 0, 0

    def weights(self, block: Block, every: int) -> NDArray[np.float32]:
        """Return for how many inferences each row stands: 0 for those that are not kept. `every` 0 keeps none."""
        weights = np.zeros(len(block), np.float32)
        if not every:
            self.gap = self._next = 0
            return weights
        own = self._keep_failed(block)
        weights[own] = 1.0
        rest = np.flatnonzero(~own)
        if not self._next:
            self._next = int(self._random.integers(1, every + 1))  # the phase
        self._next = min(self._next, every + every // 2)  # it may have been drawn when fewer were kept
        at = self._next - self.gap - 1
        while at < len(rest):
            weights[rest[max(at, 0)]] = self.gap + max(at, 0) + 1
            rest = rest[max(at, 0) + 1 :]
            self.gap = 0
            self._next = int(self._random.integers((every + 1) // 2, every + every // 2 + 1))
            at = self._next - 1
        self.gap += len(rest)
        return weights

    def _keep_failed(self, block: Block) -> NDArray[np.bool_]:
        failed: NDArray[np.bool_] = block.status != 0
        if not failed.any():
            return failed
        minute = int(block.time_ns[-1]) // MINUTE_NS
        if minute != self._minute:
            self._minute, self._failed = minute, 0
        failed &= np.cumsum(failed) <= self._failed_a_minute - self._failed
        self._failed += int(np.count_nonzero(failed))
        return failed
