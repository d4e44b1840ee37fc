"""A bank of bets while the stream runs: its Shiryaev-Roberts sums, and the means that sharpen as rows come.

Sums and bets are float32: seven digits of an evidence that is compared on a log scale, at half the time. All steps up
to the next look at the means are taken together; what is added up does not depend on how the rows at hand were cut.
Arrays are replaced, never written to: a shallow copy is a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.bets import CAP
from detectors.statistics import RARE, columns, span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.bets import Bank

MEMORY = 10.0  # the sharpened mean forgets beyond so many times the reference, which bounds what it can absorb
# Steps between two looks at the sharpened mean: one for each ROWS_PER_REFRESH rows of reference, since its rows share
# the error of that mean.
ROWS_PER_REFRESH, MAX_REFRESH = 160, 10
MOST = np.float32(40)  # nats that a bet wins in one step at most: far above any alarm
HIGHEST = np.float32(1e18)  # of a sum: far above any alarm, too; and a bet on it is still a float32
# Nats that a bet on rare events pays for each step at least. While nothing happens such a bet pays next to nothing, and
# its sum would grow with time alone until it alarms about nothing; so it remembers some fifty steps.
RARE_COST = 0.02


class RunningBank:
    """State of one `Bank`. A bank of longer steps gathers base blocks first, and steps when it has enough."""

    def __init__(self, fitted: Bank) -> None:
        self.fitted = fitted
        rows = fitted.count * (1 if fitted.rowwise else fitted.rows)
        self.refresh = max(1, int(min(MAX_REFRESH, rows // ROWS_PER_REFRESH)) // fitted.step)
        self._at = span(fitted.index)
        self._unit = fitted.rows if fitted.rowwise else 1  # what `count` counts of one step
        self._tilts = fitted.tilts.astype(np.float32)
        self._weights = (fitted.weights * fitted.rows).astype(np.float32).ravel()
        rare = (fitted.mean < RARE) | (fitted.mean > 1 - RARE)
        self._least = np.maximum(np.where(rare, RARE_COST, -np.inf), fitted.least).astype(np.float32)
        self._row_bets = _RowBets(fitted, self._tilts, fitted.rows * self.refresh) if fitted.rowwise else None
        self._worst = (fitted.prior * np.exp(np.abs(fitted.tilts) * CAP)).astype(np.float32)
        self._counted = fitted.prior.astype(np.float32)
        self.gathered = np.zeros(len(fitted.index), np.float32)
        self.gathering = 0
        self.reset()

    def reset(self) -> None:
        """Forget all evidence and go back to the reference's means."""
        fitted = self.fitted
        self.sums = np.zeros(fitted.tilts.shape, np.float32)
        self.count = fitted.count
        self.seen = fitted.mean * fitted.count  # sum of y over `count` rows or blocks, up to the last look
        self.unseen = np.empty((0, len(fitted.index)), np.float32)  # steps since then
        self.norms = fitted.norms.astype(np.float32)
        self.cost = self.sums
        self.centre = fitted.mean
        self.age = 0  # steps
        self.total = 0.0  # the bank's share of the evidence, in rows

    def copy(self) -> RunningBank:
        """Return a copy."""
        twin = RunningBank.__new__(RunningBank)
        twin.__dict__.update(self.__dict__)
        return twin

    def advance(self, base: NDArray[np.float32]) -> NDArray[np.float32] | float:
        """Take in the sums [n, K] of n base blocks.

        Returns the bank's share of the evidence after each, in rows; one number where it stays the same.
        """
        own = columns(base, self._at)
        if self.fitted.step == 1:
            return self._take(own)
        steps, ends, self.gathered = gather(self.gathered, self.gathering, own, self.fitted.step)
        self.gathering = (self.gathering + len(own)) % self.fitted.step
        if not ends:
            return self.total
        totals = np.full(len(own), self.total, np.float32)
        for end, total in zip(ends, self._take(steps).tolist(), strict=True):
            totals[end:] = total
        return totals

    def weighted(self) -> NDArray[np.float64]:
        """Return the evidence [J, k] of each bet, weighted, in rows."""
        return (self.sums * self._weights.reshape(self.sums.shape)).astype(np.float64)

    def mean_of_row(self, at: int) -> float:
        """Return the mean of a statistic, as sharpened so far."""
        return float(self._mean()[at])

    def items(self) -> dict[str, Any]:
        """Return what is stored, by attribute."""
        names = ("sums", "count", "seen", "unseen", "norms", "cost", "centre", "age", "total", "gathered", "gathering")
        return {name: getattr(self, name) for name in names}

    def _take(self, steps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take steps in, each stretch between two looks at the means at once; return the evidence after each."""
        totals = []
        while len(steps):
            done = self.age % self.refresh
            if done == 0:
                self._look()
            now, steps = steps[: self.refresh - done], steps[self.refresh - done :]
            totals.append(self._stretch(now))
        self.total = float(totals[-1][-1])
        return totals[0] if len(totals) == 1 else np.concatenate(totals)

    def _mean(self) -> NDArray[np.float64]:
        return np.asarray(np.minimum(np.maximum(self.seen / self.count, self.fitted.low), self.fitted.high))

    def _look(self) -> None:
        """Take in what came since the last look, look at the means, and price the bets by them."""
        if len(self.unseen):
            self.seen = self.seen + self.unseen.sum(axis=0)
            self.count += self._unit * len(self.unseen)
            self.unseen = self.unseen[:0]
            self._forget()
        self.centre = self._mean()
        if self._row_bets is not None:
            cost = self._row_bets.cost(self.centre, self.count)
        else:  # the next block counted in with the largest value that it may have
            cost = np.log((self.norms + self._worst) / (np.float32(self.count) + self._counted))
        self.cost = np.maximum(cost, self._least, out=cost)

    def _forget(self) -> None:
        most = MEMORY * self.fitted.count
        if self.count > most:
            keep = most / self.count
            self.seen = self.seen * keep
            if not self.fitted.rowwise:
                self.norms = self.norms * np.float32(keep)
            self.count = most

    def _stretch(self, steps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bet on steps at one price, and learn them."""
        count = len(steps)
        if self._row_bets is None:
            steps = steps / np.float32(self.fitted.rows)
            y = np.clip((steps - self.centre) / self.fitted.scale, -CAP, CAP).astype(np.float32)
        else:
            y = steps
        bets = y[:, None] * self._tilts
        bets -= self.cost
        steep = float(bets.max()) * count > MOST
        if steep:
            np.minimum(bets, MOST, out=bets)
        np.exp(bets, out=bets)
        if self._row_bets is None:
            price = np.exp(self.cost)
            for bet in bets:
                self.norms = self.norms + bet * price  # without their price: the bare bets
        before = self.sums
        for bet in bets:  # each becomes the sums after it
            np.add(bet, bet * (np.minimum(before, HIGHEST) if steep else before), out=bet)
            before = bet
        self.sums = np.minimum(before, HIGHEST)
        self.unseen = np.concatenate((self.unseen, steps)) if len(self.unseen) else steps
        self.age += count
        return np.asarray(bets.reshape(count, -1) @ self._weights)


def gather(
    held: NDArray[np.float32], waiting: int, blocks: NDArray[np.float32], step: int
) -> tuple[NDArray[np.float32], range, NDArray[np.float32]]:
    """Add up base blocks [n, k] in steps; `held` is the sum of the `waiting` blocks before them.

    Returns the sums [m, k] of the steps that are whole, which block ends each, and what is held after the last. Blocks
    are added one after another: the sums are the same however they are cut.
    """
    ends = range(step - 1 - waiting, len(blocks), step)
    if waiting:  # in rows of their own, the first for all of them
        earlier = np.zeros((waiting if ends else 1, blocks.shape[1]), np.float32)
        earlier[0] = held
        blocks = np.concatenate((earlier, blocks))
    steps = blocks[: len(ends) * step].reshape(len(ends), step, blocks.shape[1]).sum(axis=1)
    return steps, ends, blocks[len(ends) * step :].sum(axis=0)


class _RowBets:
    """The price of a step of independent rows, against the mean as it stands."""

    def __init__(self, fitted: Bank, tilts: NDArray[np.float32], shared_rows: int) -> None:
        graded, rows = fitted.graded, fitted.rows
        self._graded = graded
        self._rows = np.float32(rows)
        self._slope = tilts[:, :graded] * np.float32(rows)
        odds = np.expm1(tilts[:, graded:].astype(np.float64))
        prior = fitted.prior[graded:]
        # The next row counted in, at the value that the bet gains most by.
        self._per_rate = (odds * fitted.count / (fitted.count + np.where(odds > 0, prior, 1.0))).astype(np.float32)
        self._counted = (1 + np.where(odds > 0, odds * prior / (fitted.count + prior), 0.0)).astype(np.float32)
        # The rows between two looks share the error of one mean, and may hang together more than a test could see: both
        # widen their sum.
        variance = rows * (tilts * fitted.scale) ** 2 / 2
        self._fixed = (rows * fitted.norms + variance * (fitted.inflation - 1)).astype(np.float32)
        self._shared = (variance * shared_rows).astype(np.float32)

    def cost(self, mean: NDArray[np.float64], count: float) -> NDArray[np.float32]:
        """Give the log norms [J, k] of a step, against a mean [k] of `count` rows."""
        own = mean.astype(np.float32)
        cost = self._shared * np.float32(1 / count)
        cost += self._fixed
        graded, rates = cost[:, : self._graded], cost[:, self._graded :]
        graded += self._slope * own[: self._graded]
        chance = self._per_rate * own[self._graded :]
        chance += self._counted
        np.log(chance, out=chance)
        chance *= self._rows
        rates += chance
        return cost
