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
from detectors.packing import pack_state, unpack_state
from detectors.shift_state import ShiftState
from detectors.statistics import WORDS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from detectors.learned import Reference

FORMAT = 5
PIECE = 1_024  # rows taken at once, which bounds the memory of a call
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
    Rows are judged in base blocks of ten, counted from the detector's start, so that the result does not depend on
    how the stream is cut. After an alarm the sums start anew and the sharpened means return to the reference: while a
    shift lasts it is reported again and again. Memory and time per row do not grow.
    """

    name = "shift"

    def __init__(self, reference: Reference, alarms_per: float) -> None:
        self.alarms_per = alarms_per
        self._reference = reference
        self._state = ShiftState(reference)
        self._scored: tuple[Block, ShiftState, list[Score]] | None = None

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
                rows = rows.astype(np.float32)
        times = self._reference.context.times(time_ns, len(rows))
        return self._advance(self._state, rows, times, None, _NO_STREAM)

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
        return pack_state("shift", FORMAT, self._state.items(), self._reference.fingerprint)

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read or belongs to another reference."""
        items = unpack_state(state, "shift", FORMAT, self._reference.fingerprint)
        fresh = ShiftState(self._reference)
        fresh.load(items)
        self._state = fresh
        self._scored = None

    def _advance(
        self,
        state: ShiftState,
        rows: NDArray[np.float32],
        times: NDArray[np.int64],
        good: NDArray[np.bool_] | None,
        stream: Stream,
    ) -> list[Score]:
        found: dict[int, Score] = {}
        numbers = state.row + np.arange(len(rows), dtype=np.int64)
        state.row += len(rows)
        if good is not None and not good.all():
            rows, numbers, times = rows[good], numbers[good], times[good]
        for first in range(0, len(rows), PIECE):
            piece = slice(first, first + PIECE)
            ends = state.take(rows[piece], numbers[piece], times[piece])
            while (crossed := state.advance(self.alarms_per)) is not None:
                evidence = state.evidence()
                for column in np.flatnonzero(evidence >= min(self.alarms_per, float(evidence.max()))).tolist():
                    if column not in found:
                        number, time_ns = ends[:, crossed].tolist()
                        found[column] = self._score(state, column, float(evidence[column]), number, time_ns, stream)
                state.reset()
        state.drop()
        return sorted(found.values(), key=lambda score: -score.value)

    def _score(self, state: ShiftState, column: int, evidence: float, row: int, time_ns: int, stream: Stream) -> Score:
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


def make_shift_detector(reference: Reference, alarms_per: float = 1e6) -> ShiftDetector:
    """Make the shift detector of one stream, with at most one expected false alarm in `alarms_per` inferences."""
    return ShiftDetector(reference, alarms_per)
