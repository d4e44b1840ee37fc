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
from detectors.onset import History
from detectors.packing import pack, unpack
from detectors.running import RunningBank
from detectors.statistics import BASE, WORDS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from detectors.learned import Reference

FORMAT = 1
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

    def update(self, block: Block | ArrayLike) -> list[Score]:
        """Score a block, then learn it. Takes an array [m, S] too; returns the scores that crossed."""
        if isinstance(block, Block):
            scores = self.score(block)
            self.learn(block)
            return scores
        with np.errstate(over="ignore"):
            rows = np.atleast_2d(np.asarray(block, np.float64)).astype(np.float32)
        return self._advance(self._state, rows, np.zeros(len(rows), np.int64), np.ones(len(rows), bool), _NO_STREAM)

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
        watched = set(self._reference.statistics.columns.tolist())
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
        for at, (began, number, time_ns) in enumerate(state.base_blocks(rows[good], numbers[good], times[good])):
            state.step(at, began)
            if state.total() < self.alarms_per:
                continue
            evidence = state.evidence()
            for column in np.flatnonzero(evidence >= min(self.alarms_per, float(evidence.max()))).tolist():
                if column not in found:
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
        self.before = np.full(len(reference.signals), np.nan, np.float32)
        self.means = np.empty((0, 0), np.float16)  # of the base blocks at hand
        self.banks = [RunningBank(bank) for bank in reference.banks]
        longest = max((bank.length for bank in reference.banks), default=0)
        self.history = History(len(reference.statistics.kinds), longest)

    def __deepcopy__(self, memo: dict[int, object]) -> _State:
        twin = copy.copy(self)
        twin.banks = [bank.copy() for bank in self.banks]
        twin.history = self.history.copy()
        return twin

    def base_blocks(
        self, rows: NDArray[np.float32], numbers: NDArray[np.int64], times: NDArray[np.int64]
    ) -> list[tuple[tuple[int, int], int, int]]:
        """Cut pending and new rows into base blocks: (row and time of its first row), row and time of its last."""
        rows = np.concatenate((self.pending, rows))
        at = np.concatenate((self.pending_at, np.stack((numbers, times))), axis=1)
        whole = len(rows) // BASE * BASE
        self.pending, self.pending_at = rows[whole:].copy(), at[:, whole:].copy()
        if not whole:
            return []
        sums = self.reference.statistics.base_sums(rows[:whole], self.before, self.reference.table)
        self.means = (sums / BASE).astype(np.float16)
        for bank in self.banks:
            bank.begin(sums)
        self.before = rows[whole - 1].copy()
        begins, ends = at[:, :whole:BASE].T.tolist(), at[:, BASE - 1 : whole : BASE].tolist()
        return [((row, time), *end) for (row, time), *end in zip(begins, *ends, strict=True)]

    def step(self, at: int, began: tuple[int, int]) -> None:
        for bank in self.banks:
            bank.step(at)
        self.history.add(self.means[at], *began)

    def total(self) -> float:
        return sum(bank.total for bank in self.banks)

    def evidence(self) -> NDArray[np.float64]:
        """Per signal, the weighted mean of its own bets, in rows."""
        evidence, weight = np.zeros(len(self.reference.signals)), np.zeros(len(self.reference.signals))
        for bank in self.banks:
            columns = self.reference.statistics.columns[bank.fitted.index]
            np.add.at(evidence, columns, bank.weighted().sum(axis=1))
            np.add.at(weight, columns, bank.fitted.weights.sum(axis=1))
        return evidence / np.where(weight > 0, weight, 1.0)

    def strongest(self, column: int) -> tuple[RunningBank, int, bool]:
        """Give the signal's strongest bet: its bank, the statistic's place there, and whether it bets upwards."""
        best: tuple[float, RunningBank, int, bool] | None = None
        for bank in self.banks:
            own = np.flatnonzero(self.reference.statistics.columns[bank.fitted.index] == column)
            if not len(own):
                continue
            weighted = bank.weighted()[own]
            at, bet = np.unravel_index(int(weighted.argmax()), weighted.shape)
            value = float(weighted[at, bet])
            if best is None or value > best[0]:
                best = (value, bank, int(own[at]), int(bet) < weighted.shape[1] // 2)
        if best is None:
            raise ValueError(f"signal {column} is not watched")
        return best[1:]

    def reset(self) -> None:
        for bank in self.banks:
            bank.reset()
        self.history.reset()

    def items(self) -> dict[str, object]:
        items: dict[str, object] = {
            "row": self.row,
            "pending": self.pending,
            "pending_at": self.pending_at,
            "before": self.before,
        }
        items |= {f"history.{name}": item for name, item in self.history.items().items()}
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
                setattr(self.history if part else self, field, item)


def make_shift_detector(reference: Reference, alarms_per: float = 1e6) -> ShiftDetector:
    """Make the shift detector of one stream, with at most one expected false alarm in `alarms_per` inferences."""
    return ShiftDetector(reference, alarms_per)
