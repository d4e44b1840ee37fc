"""The shift detector: bets against "nothing has changed", added up so that the operator's alarm budget is kept.

An e-detector (Shin, Ramdas and Rinaldo, arXiv:2203.03532): every bet of `detectors.bets` runs its own
Shiryaev-Roberts sum M <- (M + 1) e; an alarm is raised when the weighted mean of (rows of a step) x M reaches
`alarms_per` rows. If each e has expectation at most one given the past, the average run length is at least that.

The mean that a bet is made against is the reference's, sharpened by every row since, within the reference's confidence
band (recursive residuals: Brown, Durbin and Evans 1975). See docs/detection.md for what this assumes.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import numpy as np

from agent.model import Block, Score, Stream
from detectors.joint import SHARE, RunningJoint
from detectors.onset import History
from detectors.packing import pack, unpack
from detectors.running import RunningBank
from detectors.statistics import BASE, LAGS, WORDS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from detectors.learned import Reference

FORMAT = 3
_NO_STREAM = Stream(model="")


class ShiftDetector:
    """Watches all input and output signals of one stream for a lasting change of their distribution.

    Parameters
    ----------
    reference : Reference
        What the stream is compared with.
    alarms_per : float
        The budget: at most one expected false alarm in so many inferences. May be set at any time.

    Notes
    -----
    `Score.value` is the log (nats) of the evidence of the signal's own bets, `Score.threshold` log `alarms_per`.
    Rows are judged in base blocks of eight, counted from the detector's start, so that the result does not depend on
    how the stream is cut. After an alarm the sums start anew and the sharpened means return to the reference: while a
    shift lasts it is reported again and again. Memory and time per row do not grow.
    """

    name = "shift"

    def __init__(self, reference: Reference, alarms_per: float) -> None:
        self.alarms_per = alarms_per
        self._reference = reference
        self._state = _State(reference)
        self._scored: tuple[Block, _State, list[Score]] | None = None

    def update(self, block: Block | ArrayLike, time_ns: ArrayLike | None = None) -> list[Score]:
        """Score a block, then learn it; return the scores that crossed.

        Takes an array [m, S] too. Its times [m], in ns of UTC, are needed where the reference knows a daily rhythm.
        """
        if isinstance(block, Block):
            scores = self.score(block)
            self.learn(block)
            return scores
        rows = np.atleast_2d(np.asarray(block))
        if rows.dtype != np.float32:
            with np.errstate(over="ignore"):
                rows = rows.astype(np.float64).astype(np.float32)
        times = self._reference.context.times(time_ns, len(rows))
        return self._advance(self._state, rows, times, np.ones(len(rows), bool), _NO_STREAM)

    def score(self, block: Block) -> list[Score]:
        """Judge a block without changing the state."""
        ahead = copy.deepcopy(self._state)
        scores = self._advance(ahead, block.values, block.time_ns, block.status == 0, block.stream)
        self._scored = (block, ahead, scores)
        return scores

    def learn(self, block: Block) -> None:
        """Take the block that was just scored into the state."""
        if self._scored is None or self._scored[0] is not block:
            self.score(block)
        if self._scored is not None:
            self._state = self._scored[1]
        self._scored = None

    def evidence(self) -> dict[str, float]:
        """Return, per signal, the share in [0, 1] of the way to an alarm, on the log scale of the evidence."""
        goal = math.log(max(self.alarms_per, math.e))
        logs = np.log(np.maximum(self._state.evidence(), 1.0)) / goal
        watched = set(self._reference.statistics.signals.tolist())
        return {
            signal.name: float(min(1.0, logs[at])) for at, signal in enumerate(self._reference.signals) if at in watched
        }

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        return pack("shift", FORMAT, self._state.items() | {"reference": self._reference.fingerprint})

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read or belongs to another reference."""
        items = unpack(state, "shift", FORMAT)
        if items.pop("reference", None) != self._reference.fingerprint:
            raise ValueError("stored shift state belongs to another reference")
        fresh = _State(self._reference)
        fresh.load(items)
        self._state = fresh
        self._scored = None

    def _advance(
        self,
        state: _State,
        rows: NDArray[np.float32],
        times: NDArray[np.int64],
        good: NDArray[np.bool_],
        stream: Stream,
    ) -> list[Score]:
        found: dict[int, Score] = {}
        numbers = state.row + np.arange(len(rows), dtype=np.int64)
        state.row += len(rows)
        if not good.all():
            rows, numbers, times = rows[good], numbers[good], times[good]
        ends = state.take(rows, numbers, times)
        while (crossed := state.advance(self.alarms_per)) is not None:
            evidence = state.evidence()
            for column in np.flatnonzero(evidence >= min(self.alarms_per, float(evidence.max()))).tolist():
                if column not in found:
                    number, time_ns = ends[:, crossed].tolist()
                    found[column] = self._score(state, column, float(evidence[column]), number, time_ns, stream)
            state.reset()
        return sorted(found.values(), key=lambda score: -score.value)

    def _score(self, state: _State, column: int, evidence: float, row: int, time_ns: int, stream: Stream) -> Score:
        bank, at, upwards = state.strongest(column)
        statistic = int(bank.fitted.index[at])
        onset_row, onset_ns = state.history.onset(statistic, bank.mean_of_row(at), upwards=upwards)
        kind = WORDS[int(self._reference.statistics.kinds[statistic])]
        return Score(
            detector=self.name,
            stream=stream,
            signal=self._reference.signals[column],
            time_ns=time_ns,
            row=row,
            value=max(math.log(evidence), math.log(self.alarms_per)),
            threshold=math.log(self.alarms_per),
            onset_row=onset_row,
            onset_ns=onset_ns,
            detail=f"{kind} {'up' if upwards else 'down'}",
        )


class _State:
    """Everything that changes: copied to score, packed to be stored."""

    def __init__(self, reference: Reference) -> None:
        self.row = 0
        self.reference = reference
        self.pending = np.empty((0, len(reference.signals)), np.float32)
        self.pending_at = np.empty((2, 0), np.int64)
        self.before = np.full((LAGS, len(reference.signals)), np.nan, np.float32)
        self._found = self._sums = np.empty((0, 0), np.float32)  # statistics of the rows at hand, and of their blocks
        self._begins = np.empty((2, 0), np.int64)
        self._at = 0  # the next of these base blocks
        self.age = 0  # base blocks since the last reset
        self.banks = [RunningBank(bank) for bank in reference.banks]
        self.joint = RunningJoint(reference.joint)
        self._window = max([bank.refresh * bank.fitted.step for bank in self.banks], default=1)
        self._single = 1 - SHARE if len(reference.joint.index) else 1.0
        longest = max((bank.step for bank in reference.banks), default=0)
        self.history = History(len(reference.statistics.kinds), longest)

    def __deepcopy__(self, memo: dict[int, object]) -> _State:
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
            self.before = np.concatenate((self.before, rows[max(0, whole - LAGS) : whole]))[-LAGS:]
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
        for bank in self.banks:
            bank.reset()
        self.joint.reset()
        self.age = 0
        self.history.reset()

    def items(self) -> dict[str, object]:
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
        own = self.items()
        if own.keys() != items.keys():
            raise ValueError("stored shift state has other parts than this version")
        for name, item in items.items():
            mine = own[name]
            if name.startswith("pending") or not isinstance(mine, np.ndarray):
                continue
            if not isinstance(item, np.ndarray) or item.shape != mine.shape:
                raise ValueError(f"stored shift state has another shape in {name}")
        for name, item in items.items():
            part, _, field = name.rpartition(".")
            if part.startswith("bank"):
                setattr(self.banks[int(part[4:])], field, item)
            else:
                setattr(getattr(self, part) if part else self, field, item)


def make_shift_detector(reference: Reference, alarms_per: float = 1e6) -> ShiftDetector:
    """Make the shift detector of one stream, with at most one expected false alarm in `alarms_per` inferences."""
    return ShiftDetector(reference, alarms_per)
