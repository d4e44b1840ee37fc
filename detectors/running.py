"""A bank of bets while the stream runs: its Shiryaev-Roberts sums, and the means that sharpen as rows come."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.bets import CAP, log_norm_of_rates
from detectors.statistics import BASE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.bets import Bank

MEMORY = 10.0  # the sharpened mean forgets beyond so many times the reference, which bounds what it can absorb
MAX_STEP = 40.0  # nats in one step: far above any alarm, far below overflow
ROWS_PER_REFRESH = 512  # of reference, for each base block between two looks at the sharpened mean


class RunningBank:
    """State of one `Bank`. Steps are base blocks; a bank of longer blocks gathers them first."""

    def __init__(self, fitted: Bank) -> None:
        self.fitted = fitted
        self.refresh = int(min(8, max(1, fitted.count // ROWS_PER_REFRESH)))
        self._row_weights = fitted.weights * fitted.rows
        self.reset()
        self.gathered = np.zeros(len(fitted.index))
        self.gathering = 0

    def reset(self) -> None:
        """Forget all evidence and go back to the reference's means."""
        fitted = self.fitted
        self.sums = np.zeros_like(fitted.tilts)
        self.count = fitted.count
        self.seen = fitted.mean * fitted.count  # sum of y over `count` rows or blocks
        self.norms = fitted.norms.copy()
        self.cost = np.zeros_like(fitted.tilts)
        self.age = 0

    def copy(self) -> RunningBank:
        """Return a copy; arrays that change in place are its own."""
        twin = copy.copy(self)
        for name in ("sums", "seen", "norms", "gathered"):
            setattr(twin, name, getattr(self, name).copy())
        return twin

    def step(self, base: NDArray[np.float64]) -> None:
        """Take the sums of all statistics over one base block in."""
        mine = base[self.fitted.index]
        if self.fitted.length == 0:
            self._row_step(mine)
            return
        self.gathered += mine
        self.gathering += 1
        if self.gathering == self.fitted.length:
            self._block_step(self.gathered / self.fitted.rows)
            self.gathered[:] = 0.0
            self.gathering = 0

    def weighted(self) -> NDArray[np.float64]:
        """Evidence of each bet in rows, times its weight [k, J]."""
        return self.sums * self._row_weights

    def total(self) -> float:
        """Return the bank's share of the evidence, in rows."""
        return float(np.vdot(self.sums, self._row_weights))

    def mean_of_row(self, at: int) -> float:
        """Return the mean of a statistic, as sharpened so far."""
        return float(self._mean()[at])

    def items(self) -> dict[str, Any]:
        """Return what is stored."""
        names = ("sums", "count", "seen", "norms", "cost", "age", "gathered", "gathering")
        return {name: getattr(self, name) for name in names}

    def _mean(self) -> NDArray[np.float64]:
        return np.clip(self.seen / self.count, self.fitted.low, self.fitted.high)

    def _row_step(self, y: NDArray[np.float64]) -> None:
        if self.age % self.refresh == 0:
            self.cost = self._row_cost()
        self.age += 1
        growth = self.fitted.tilts * y[:, None]
        growth -= self.cost
        np.minimum(growth, MAX_STEP, out=growth)
        np.exp(growth, out=growth)
        self.sums += 1.0
        self.sums *= growth
        self._remember(y, BASE)

    def _row_cost(self) -> NDArray[np.float64]:
        """Log norms of a base block, against the mean as it stands; they hold until the next refresh."""
        fitted = self.fitted
        mean = self._mean()
        norms = fitted.tilts * mean[:, None] + fitted.norms
        if fitted.rate.any():
            rate = fitted.rate
            norms[rate] = log_norm_of_rates(mean[rate] * self.count, self.count, fitted.prior[rate], fitted.tilts[rate])
        # The rows of one refresh share the error of one mean: that widens their sum by this much.
        shared = (fitted.tilts * fitted.scale[:, None]) ** 2 * (BASE * self.refresh / (2 * self.count))
        cost: NDArray[np.float64] = BASE * (norms + shared)
        return cost

    def _block_step(self, y: NDArray[np.float64]) -> None:
        fitted = self.fitted
        z = np.clip((y - self._mean()) / fitted.scale, -CAP, CAP)
        bets = np.exp(fitted.tilts * z[:, None])
        worst = np.exp(np.abs(fitted.tilts) * CAP)
        self.sums += 1.0
        self.sums *= bets * ((self.count + 1) / (self.norms + worst))
        self.norms += bets
        self._remember(y, 1)

    def _remember(self, y: NDArray[np.float64], count: int) -> None:
        self.seen += y
        self.count += count
        most = MEMORY * self.fitted.count
        if self.count > most:
            keep = most / self.count
            self.seen *= keep
            if self.fitted.length:
                self.norms *= keep
            self.count = most
