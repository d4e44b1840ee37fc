"""Bets on all independent statistics together, in a direction that the stream itself shows.

A change moves many statistics a little, along with what hangs together among them; no bet on one of them sees that. So
the recent mean of all of them is followed with memories of MEMORIES rows; where it stands out from the reference by
THRESHOLD standard errors somewhere, the next rows are bet on in that direction, turned by the precision matrix of the
reference (Fisher's discriminant). A direction is chosen before the rows that it bets on, so the bet is an e-value
whatever was chosen: exp(w z) over its mean in rows of the reference, a row of their largest value counted in, and the
new row cut at that value (a soft-rank conformal e-value; bets on a learned direction: Podkopaev and Ramdas, "Sequential
predictive two-sample and independence testing", 2023, arXiv:2305.00143).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.running import gather
from detectors.statistics import BASE, RARE, columns, span

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.bets import Bank

SHARE = 0.3  # of the evidence: that of the single bets counts for the rest
STEP = 5  # base blocks between two looks at the directions
MEMORIES = (48.0, 256.0)  # rows: changes that are plain at once, and those that take some hundred rows
UNIT = STEP * BASE / len(MEMORIES)  # rows that evidence of one stands for: that of the memories counts alike
THRESHOLD = 3.0  # standard errors: of eighty statistics, some has gone that far in one quiet memory of five
SHRINK = 1.0  # standard errors by which what stands out is taken to be too large
RIDGE = 0.1  # of a variance, against a precision matrix of near multiples
LONGEST = 1.5  # standard deviations of w z in the reference: larger bets win no sooner
SAMPLE, MIN_SAMPLE = 500, 100  # rows of the reference that price a bet
SETTLED = 256  # looks: by then the longest memory holds all that it ever holds
REST = 0.9  # while there is no direction, evidence fades: it would grow with time alone
MAX_STEP, HIGHEST = 40.0, 1e18  # nats of a step, and evidence: far above any alarm


@dataclass(frozen=True, slots=True)
class Joint:
    """What the joint bets know of a reference: some of its rows, standardised, and how statistics hang together."""

    index: NDArray[np.int64]  # [k] which statistics
    places: NDArray[np.int64]  # [k] where they are in the row bank
    scale: NDArray[np.float32]  # [k]
    sample: NDArray[np.float32]  # [r, k] standardised
    precision: NDArray[np.float32]  # [k, k]


_NONE = np.zeros(0, np.int64)
NO_JOINT = Joint(_NONE, _NONE, np.ones(0, np.float32), np.zeros((1, 0), np.float32), np.zeros((0, 0), np.float32))


def fit_joint(found: NDArray[np.float32], banks: tuple[Bank, ...]) -> Joint:
    """Fit to the statistics [n, K] of a reference's rows, those that are bet on row by row and are not rare."""
    if not banks or not banks[0].rowwise:
        return NO_JOINT
    bank = banks[0]
    places = np.flatnonzero((bank.mean > RARE) & (bank.mean < 1 - RARE))
    if len(found) < MIN_SAMPLE or len(places) < 2:  # noqa: PLR2004  # one has its own bets
        return NO_JOINT
    index, scale = bank.index[places], bank.scale[places].astype(np.float32)
    rows = (found[:, index] - bank.mean[places].astype(np.float32)) / scale
    precision = np.linalg.inv(np.cov(rows.T.astype(np.float64)) + RIDGE * np.eye(len(places)))
    kept = np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(np.int64)
    return Joint(index, places, scale, rows[kept], precision.astype(np.float32))


class RunningJoint:
    """State of the joint bets of one stream."""

    def __init__(self, fitted: Joint) -> None:
        self.fitted = fitted
        looks = np.arange(1, SETTLED + 1)[:, None]
        keep = np.exp(-STEP * BASE / np.array(MEMORIES))
        self._keep = np.repeat(keep.astype(np.float32)[:, None], len(fitted.index), axis=1)
        # Faded sums of the weights, and of their squares, after so many looks.
        self._weight = (STEP * BASE * (1 - keep**looks) / (1 - keep)).tolist()
        error = np.sqrt(STEP * BASE * (1 - keep ** (2 * looks)) / (1 - keep**2))
        self._limit, self._shrink = (THRESHOLD * error).tolist(), (SHRINK * error).tolist()
        self._nothing = np.zeros(len(fitted.index), np.float32)
        self._at, self._places = span(fitted.index), span(fitted.places)
        self.reset()

    def reset(self) -> None:
        """Forget all evidence and all directions."""
        count, width = len(MEMORIES), len(self.fitted.index)
        self.evidence = [0.0] * count
        self.drift = np.zeros((count, width), np.float32)  # faded sums of the standardised statistics
        self.direction = np.zeros((count, width), np.float32)  # of the statistics as they are
        self.price = [0.0] * count  # nats a row
        self.most = [0.0] * count  # that a row can gain, before its price; 0 where there is no direction
        self.gained = [0.0] * count  # nats since the last look
        self.gathered = self._nothing
        self.gathering = 0
        self.looks = 0
        self.total = 0.0  # the evidence, in rows

    def copy(self) -> RunningJoint:
        """Return a copy; arrays and lists are replaced, never written to."""
        twin = RunningJoint.__new__(RunningJoint)
        twin.__dict__.update(self.__dict__)
        return twin

    def items(self) -> dict[str, Any]:
        """Return what is stored, by attribute."""
        names = ("evidence", "drift", "direction", "price", "most", "gained", "gathered", "gathering", "looks", "total")
        return {name: getattr(self, name) for name in names}

    def advance(
        self, found: NDArray[np.float32], sums: NDArray[np.float32], centre: NDArray[np.float64]
    ) -> NDArray[np.float32] | float:
        """Take in the statistics [n * BASE, K] of n base blocks, and their sums [n, K].

        `centre` are the row bank's means as they stand. Returns the evidence after each, in rows; one number where it
        stays the same.
        """
        steps, ends, self.gathered = gather(self.gathered, self.gathering, columns(sums, self._at), STEP)
        self.gathering = (self.gathering + len(sums)) % STEP
        if not (ends or any(self.most)):
            return self.total
        middle = centre[self._places].astype(np.float32)
        drifts, far = self._drifts(steps, middle)
        totals: list[float] = []
        for drift, farthest, end in zip(drifts, far, ends, strict=True):
            totals += self._gain(found, len(totals), end + 1, middle)
            self._settle()
            totals[end] = self.total
            self._choose(drift, farthest)
        totals += self._gain(found, len(totals), len(sums), middle)
        return np.array(totals, np.float32)

    def _drifts(
        self, steps: NDArray[np.float32], middle: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], list[list[float]]]:
        """Take in the sums [n, k] of steps; give the faded sums [n, memories, k] at each look, and how far they go."""
        steps -= STEP * BASE * middle
        steps /= self.fitted.scale
        drifts = np.empty((len(steps), *self.drift.shape), np.float32)
        for step, drift in zip(steps, drifts, strict=True):
            np.multiply(self.drift, self._keep, out=drift)
            np.add(drift, step, out=drift)
            self.drift = drift
        return drifts, np.abs(drifts).max(axis=2).tolist()

    def _gain(self, found: NDArray[np.float32], first: int, last: int, middle: NDArray[np.float32]) -> list[float]:
        """Bet on base blocks `first` to `last` in the directions that there are; give the evidence after each."""
        if first == last or not any(self.most):
            return [self.total] * (last - first)
        rows = found[first * BASE : last * BASE]
        gained = self.gained.copy()
        totals = [0.0] * (last - first)
        for memory, (evidence, most) in enumerate(zip(self.evidence, self.most, strict=True)):
            if most:
                nothing = float(middle @ self.direction[memory])
                direction = np.zeros(found.shape[1], np.float32)
                direction[self._at] = self.direction[memory]
                won = np.minimum(rows @ direction, np.float32(most + nothing)).reshape(-1, BASE).sum(axis=1)
                paid = BASE * (nothing + self.price[memory])
                for at, nats in enumerate(won.tolist()):
                    gained[memory] += nats - paid
                    totals[at] += (evidence + 1) * math.exp(min(gained[memory], MAX_STEP)) * UNIT
            else:
                totals = [total + evidence * UNIT for total in totals]
        self.gained, self.total = gained, totals[-1]
        return totals

    def _settle(self) -> None:
        """Add up what was bet since the last look."""
        self.evidence = [
            min(HIGHEST, (evidence + 1) * (math.exp(min(gained, MAX_STEP)) if most else REST))
            for evidence, gained, most in zip(self.evidence, self.gained, self.most, strict=True)
        ]
        self.total = sum(self.evidence) * UNIT
        self.gained = [0.0] * len(MEMORIES)
        self.looks += 1

    def _choose(self, drift: NDArray[np.float32], far: list[float]) -> None:
        """Choose directions: what stands out, less a standard error, turned by the precision matrix."""
        look = min(self.looks, SETTLED) - 1
        self.most = self.most.copy()
        for memory, own in enumerate(drift):
            self.most[memory] = 0.0
            if far[memory] > (limit := self._limit[look][memory]):
                out = np.where(np.abs(own) > limit, own - np.copysign(self._shrink[look][memory], own), 0)
                self._bet(memory, self.fitted.precision @ (out / self._weight[look][memory]))

    def _bet(self, memory: int, direction: NDArray[np.float32]) -> None:
        """Take up a direction, priced by the rows of the reference."""
        reach = self.fitted.sample @ direction
        length = math.sqrt(float(reach @ reach) / len(reach))
        if length > LONGEST:
            direction *= np.float32(LONGEST / length)
            reach *= np.float32(LONGEST / length)
        most = max(0.0, float(reach.max()))
        paid = float(np.exp(reach).sum(dtype=np.float64)) + math.exp(most)
        self.direction, self.price = self.direction.copy(), self.price.copy()
        self.direction[memory] = direction / self.fitted.scale
        self.price[memory] = math.log(paid / (len(reach) + 1))
        self.most[memory] = most
