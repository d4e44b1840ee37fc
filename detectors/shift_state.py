"""What a shift detector knows of its stream: rows that wait, the running bets, recent means; nothing that is fixed."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

from detectors.joint import SHARE, RunningJoint
from detectors.onset import History
from detectors.running import RunningBank
from detectors.statistics import BASE, LAGS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.learned import Reference

_NOTHING = np.empty((0, 0), np.float32)


class ShiftState:
    """Everything that changes: copied to score, packed to be stored."""

    def __init__(self, reference: Reference) -> None:
        self.row = 0
        self.reference = reference
        self.pending = np.empty((0, len(reference.signals)), np.float32)
        self.pending_at = np.empty((2, 0), np.int64)
        self.before = np.full((LAGS, len(reference.signals)), np.nan, np.float32)
        self._found = self._sums = _NOTHING  # statistics of the rows at hand, and of their blocks
        self._begins = np.empty((2, 0), np.int64)
        self._at = 0  # the next of these base blocks
        self.age = 0  # base blocks since the last reset
        self.banks = [RunningBank(bank) for bank in reference.banks]
        self.joint = RunningJoint(reference.joint)
        self._window = max([bank.refresh * bank.fitted.step for bank in self.banks], default=1)
        self._single = 1 - SHARE if len(reference.joint.index) else 1.0
        longest = max((bank.step for bank in reference.banks), default=0)
        self.history = History(len(reference.statistics.kinds), longest)

    def __deepcopy__(self, memo: dict[int, object]) -> ShiftState:
        twin = copy.copy(self)
        twin.banks = [bank.copy() for bank in self.banks]
        twin.joint = self.joint.copy()
        twin.history = self.history.copy()
        return twin

    def take(
        self, rows: NDArray[np.float32], numbers: NDArray[np.int64], times: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Cut pending and new rows into base blocks; give row and time [2, n] of the last row of each."""
        at = np.empty((2, len(rows)), np.int64)
        at[0], at[1] = numbers, times
        if len(self.pending):
            rows = np.concatenate((self.pending, rows))
            at = np.concatenate((self.pending_at, at), axis=1)
        whole = len(rows) // BASE * BASE
        self.pending, self.pending_at = rows[whole:].copy(), at[:, whole:].copy()
        self._at, self._begins = 0, at[:, :whole:BASE]
        if whole:
            self._found = self.reference.statistics.rows(rows[:whole], self.before, self.reference.grid)
            self._sums = self._found.reshape(whole // BASE, BASE, -1).sum(axis=1)
            self.reference.context.take_off(self._sums, self._found, at[1, :whole])
            self.before = rows[whole - LAGS : whole].copy()
        return at[:, BASE - 1 : whole : BASE]

    def advance(self, alarms_per: float) -> int | None:
        """Go on through the base blocks at hand; stop at the first whose evidence crosses, and return its place."""
        while self._at < self._begins.shape[1]:
            first = self._at
            last = min(self._begins.shape[1], first + self._window - self.age % self._window)
            before = ([bank.copy() for bank in self.banks], self.joint.copy()) if last > first + 1 else None
            totals = self._totals(first, last)
            crossed = (totals if isinstance(totals, float) else float(totals.max())) >= alarms_per
            if crossed and before is not None:  # again, and no further than there
                last = first + int(np.argmax(np.atleast_1d(totals) >= alarms_per)) + 1
                self.banks, self.joint = before
                self._totals(first, last)
            self.history.extend(self._sums[first:last] * np.float32(1 / BASE), self._begins[:, first:last])
            self._at = last
            self.age += last - first
            if crossed:
                return last - 1
        return None

    def drop(self) -> None:
        """Let go of the base blocks at hand, which are all taken in."""
        self._found = self._sums = _NOTHING
        self._begins = np.empty((2, 0), np.int64)

    def _totals(self, first: int, last: int) -> NDArray[np.float32] | float:
        """Take these base blocks in; give the evidence of all bets after each, in rows: one number if it stays."""
        sums = self._sums[first:last]
        totals: NDArray[np.float32] | float = 0.0
        for bank in self.banks:
            totals = totals + bank.advance(sums)
        if self._single < 1:
            found = self._found[first * BASE : last * BASE]
            joint = self.joint.advance(found, sums, self.banks[0].centre)
            totals = totals * self._single + joint * (1 - self._single)
        return totals

    def evidence(self) -> NDArray[np.float64]:
        """Per signal, the weighted mean of its own bets, in rows."""
        evidence, weight = np.zeros(len(self.reference.signals)), np.zeros(len(self.reference.signals))
        for bank in self.banks:
            signals = self.reference.statistics.signals[bank.fitted.index]
            np.add.at(evidence, signals, bank.weighted().sum(axis=0))
            np.add.at(weight, signals, bank.fitted.weights.sum(axis=0))
        return evidence / np.where(weight > 0, weight, 1.0)

    def strongest(self, column: int) -> tuple[RunningBank, int, bool]:
        """Give the signal's strongest bet: its bank, the statistic's place there, and whether it bets upwards."""
        best: tuple[float, RunningBank, int, bool] | None = None
        for bank in self.banks:
            own = np.flatnonzero(self.reference.statistics.signals[bank.fitted.index] == column)
            if not len(own):
                continue
            weighted = bank.weighted()[:, own]
            bet, at = np.unravel_index(int(weighted.argmax()), weighted.shape)
            value = float(weighted[bet, at])
            if best is None or value > best[0]:
                best = (value, bank, int(own[at]), bool(bank.fitted.tilts[bet, own[at]] > 0))
        if best is None:
            raise ValueError(f"signal {column} is not watched")
        return best[1:]

    def reset(self) -> None:
        """Forget all evidence, and go back to the reference's means."""
        for bank in self.banks:
            bank.reset()
        self.joint.reset()
        self.age = 0
        self.history.reset()

    def items(self) -> dict[str, object]:
        """Return what is stored."""
        items: dict[str, object] = {
            "row": self.row,
            "pending": self.pending,
            "pending_at": self.pending_at,
            "before": self.before,
            "age": self.age,
        }
        for name, part in (("history", self.history), ("joint", self.joint)):
            items |= {f"{name}.{field}": item for field, item in part.items().items()}
        for at, bank in enumerate(self.banks):
            items |= {f"bank{at}.{name}": item for name, item in bank.items().items()}
        return items

    def load(self, items: dict[str, object]) -> None:
        """Go on from what `items` returned. Raises ValueError where that has other parts or shapes."""
        own = self.items()
        if own.keys() != items.keys():
            raise ValueError("stored shift state has other parts than this version")
        for name, item in items.items():
            mine = own[name]
            if name.startswith("pending") or name.endswith("unseen") or not isinstance(mine, np.ndarray):
                continue
            if not isinstance(item, np.ndarray) or item.shape != mine.shape:
                raise ValueError(f"stored shift state has another shape in {name}")
        for name, item in items.items():
            part, _, field = name.rpartition(".")
            if part.startswith("bank"):
                setattr(self.banks[int(part[4:])], field, item)
            else:
                setattr(getattr(self, part) if part else self, field, item)
