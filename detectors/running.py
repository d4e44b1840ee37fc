"""A bank of bets while the stream runs: its Shiryaev-Roberts sums, and the means that sharpen as rows come.

Sums and bets are float32: seven digits of an evidence that is compared on a log scale, at half the time. They stay far
from overflow: an alarm resets them near `alarms_per`, and one step adds at most MAX_STEP nats.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.bets import CAP, MIN_RATE, log_norm_of_rates
from detectors.statistics import BASE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.bets import Bank

MEMORY = 10.0  # the sharpened mean forgets beyond so many times the reference, which bounds what it can absorb
MAX_STEP = 40.0  # nats in one step: far above any alarm
ROWS_PER_REFRESH = 256  # of reference, for each base block between two looks at the sharpened mean
MAX_REFRESH = 8  # base blocks
# Nats that a bet on rare events pays for each step at least. While nothing happens such a bet pays next to nothing, and
# its sum would grow with time alone until it alarms about nothing; so it remembers some fifty steps.
RARE_COST = 0.02


class RunningBank:
    """State of one `Bank`. Steps are base blocks; a bank of longer blocks gathers them first."""

    def __init__(self, fitted: Bank) -> None:
        self.fitted = fitted
        rows = fitted.count if fitted.length == 0 else fitted.count * fitted.rows
        self.refresh = int(min(MAX_REFRESH, max(1, rows // ROWS_PER_REFRESH)))
        self._tilts = fitted.tilts.astype(np.float32)
        self._weights = (fitted.weights * fitted.rows).astype(np.float32)
        rare = (fitted.mean < MIN_RATE) | (fitted.mean > 1 - MIN_RATE)
        self._least = np.where(rare, RARE_COST, -np.inf).astype(np.float32)[:, None]
        self._worst = np.exp(np.abs(fitted.tilts) * CAP).astype(np.float32)
        self._ahead = np.empty(
            (0, *fitted.tilts.shape), np.float32
        )  # bets of the next base blocks, worked out together
        self._base = np.empty((0, len(fitted.index)))
        self.gathered = np.zeros(len(fitted.index))
        self.gathering = 0
        self.reset()

    def reset(self) -> None:
        """Forget all evidence and go back to the reference's means."""
        fitted = self.fitted
        self.sums = np.zeros(fitted.tilts.shape, np.float32)
        self.count = fitted.count
        self.seen = fitted.mean * fitted.count  # sum of y over `count` rows or blocks
        self.norms = fitted.norms.astype(np.float32)
        self.cost = np.zeros_like(self.sums)
        self.centre = fitted.mean
        self.age = 0
        self.total = 0.0  # the bank's share of the evidence, in rows
        self._ahead = self._ahead[:0]

    def copy(self) -> RunningBank:
        """Return a copy; arrays that change in place are its own."""
        twin = copy.copy(self)
        for name in ("sums", "seen", "norms", "gathered"):
            setattr(twin, name, getattr(self, name).copy())
        return twin

    def begin(self, base: NDArray[np.float64]) -> None:
        """Take in the sums [n, K] of the base blocks that the next n steps are about."""
        self._base = base[:, self.fitted.index]
        self._ahead = self._ahead[:0]

    def step(self, at: int) -> None:
        """Judge base block `at` of those that `begin` was given, and learn it."""
        if self.fitted.length <= 1:
            self._step_ahead(at)
            return
        self.gathered += self._base[at]
        self.gathering += 1
        if self.gathering == self.fitted.length:
            self._block_step(self.gathered / self.fitted.rows)
            self.gathered[:] = 0.0
            self.gathering = 0

    def weighted(self) -> NDArray[np.float64]:
        """Evidence of each bet in rows, times its weight [k, J]."""
        return (self.sums * self._weights).astype(np.float64)

    def mean_of_row(self, at: int) -> float:
        """Return the mean of a statistic, as sharpened so far."""
        return float(self._mean()[at])

    def items(self) -> dict[str, Any]:
        """Return what is stored, by attribute."""
        names = ("sums", "count", "seen", "norms", "cost", "centre", "age", "total", "gathered", "gathering")
        return {name: getattr(self, name) for name in names}

    def _mean(self) -> NDArray[np.float64]:
        return np.asarray(np.minimum(np.maximum(self.seen / self.count, self.fitted.low), self.fitted.high))

    def _step_ahead(self, at: int) -> None:
        """Step by bets that were worked out for several base blocks together."""
        done = self.age % self.refresh
        if done == 0:
            self.cost = self._row_cost() if self.fitted.length == 0 else self._block_cost()
            self.centre = self._mean()
        if done == 0 or not len(self._ahead):
            self._ahead = self._bets_ahead(self._base[at : at + self.refresh - done])
        self.sums += np.float32(1)
        self.sums *= self._ahead[0]
        self.total = float(np.vdot(self.sums, self._weights))
        self.age += 1
        if self.fitted.length == 0:
            self._remember(self._base[at], BASE)
        else:
            self.norms += self._ahead[0] * np.exp(self.cost)  # without its price: the bare bet
            self._remember(self._base[at] / BASE, 1)
        self._ahead = self._ahead[1:]

    def _bets_ahead(self, base: NDArray[np.float64]) -> NDArray[np.float32]:
        if self.fitted.length == 0:
            y = base.astype(np.float32)
        else:
            y = np.clip((base / BASE - self.centre) / self.fitted.scale, -CAP, CAP).astype(np.float32)
        ahead = y[:, :, None] * self._tilts
        ahead -= self.cost
        np.minimum(ahead, MAX_STEP, out=ahead)
        return np.asarray(np.exp(ahead, out=ahead))

    def _block_cost(self) -> NDArray[np.float32]:
        """Log norms of a block mean, the next block counted in with the largest value that it may have."""
        return np.asarray(np.maximum(np.log((self.norms + self._worst) / np.float32(self.count + 1)), self._least))

    def _row_cost(self) -> NDArray[np.float32]:
        """Log norms of a base block, against the mean as it stands; they hold until the next refresh."""
        fitted = self.fitted
        mean = self._mean()
        norms = fitted.tilts * mean[:, None] + fitted.norms
        if fitted.rate.any():
            rate = fitted.rate
            norms[rate] = log_norm_of_rates(mean[rate] * self.count, self.count, fitted.prior[rate], fitted.tilts[rate])
        # The rows of one refresh share the error of one mean, and may hang together more than a test could see: both
        # widen their sum.
        wider = BASE * self.refresh / self.count + fitted.inflation[:, None] - 1
        shared = (fitted.tilts * fitted.scale[:, None]) ** 2 * wider / 2
        return np.maximum(np.asarray(BASE * (norms + shared), np.float32), self._least)

    def _block_step(self, y: NDArray[np.float64]) -> None:
        fitted = self.fitted
        z = np.clip((y - self._mean()) / fitted.scale, -CAP, CAP).astype(np.float32)
        bets = np.exp(self._tilts * z[:, None])
        self.sums += np.float32(1)
        self.sums *= bets * np.exp(-self._block_cost())
        self.norms += bets
        self.total = float(np.vdot(self.sums, self._weights))
        self._remember(y, 1)

    def _remember(self, y: NDArray[np.float64], count: int) -> None:
        self.seen += y
        self.count += count
        most = MEMORY * self.fitted.count
        if self.count > most:
            keep = most / self.count
            self.seen *= keep
            if self.fitted.length:
                self.norms *= np.float32(keep)
            self.count = most
