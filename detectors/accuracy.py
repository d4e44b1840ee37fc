"""Judges the estimated accuracy over time: an alarm when it has fallen, where the estimate can be believed.

The bets are on y, the mean of P(right | confidence) over a step (one row, or as many as make steps uncorrelated),
against the null E[y given the past] >= floor, the floor being what the reference shows less TOLERANCE and what a
short reference leaves open: e = 1 + b (floor - y) has expectation at most 1 for any distribution of such a mean, and
is positive for b < 1 / (1 - floor). The Shiryaev-Roberts sum M <- (M + 1) e over several b, counted in rows, keeps
`alarms_per` as in detectors.shift (Shin, Ramdas and Rinaldo, arXiv:2203.03532). A crossing whose recent rows are no
selection of known ones is no alarm of a fallen accuracy: the estimate is void then, and the sums start anew.

It rests where the stream has no confidence or the reference no labels: an uncalibrated estimate is shown, not judged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from agent.model import Score
from detectors.calibration import MIN_LABELLED, fit_calibration, restore_calibration
from detectors.estimate import FEWEST, AccuracyEstimator
from detectors.packing import pack_state, part_of, unpack_state
from detectors.statistics import BASE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import AccuracyEstimate, Block
    from agent.truth import LabelledRows
    from detectors.calibration import Calibration
    from detectors.learned import Reference

FORMAT = 2
WINDOW = 1_000  # rows that are estimated for: known to about two points either way
MAX_VALUES = 200_000  # of the window; with very many signals it is shorter
FRESH_ROWS, FRESH_NS = 250, 10_000_000_000  # an estimate is made anew after so many rows and so long: it costs 10 ms
STALE_ROWS = 4_000  # or after so many rows, however short that was
TOLERANCE = 0.02  # a fall by less is not worth a visit
CHUNK = 64  # steps in one go: their product stays far inside a float
SHARES = (0.05, 0.15, 0.4)  # of the largest bet possible
MORE_LABELLED = 1.25  # times the labelled rows of the calibration there is make a new one: it costs the evidence so far


@dataclass(frozen=True, slots=True)
class _Ran:
    """A block taken in: evidence, sums and what fills no step after it, and the row at which the sums crossed."""

    evidence: float
    sums: NDArray[np.float64]
    rest: NDArray[np.float64]
    crossed: int | None


class AccuracyDetector:
    """Conforms to `agent.ports.Detector` and `agent.ports.AccuracySource`.

    `Score.value` is the log of the weighted sum, in rows, and `threshold` is log `alarms_per`.
    """

    name = "accuracy"

    def __init__(self, reference: Reference, alarms_per: float = math.inf) -> None:
        self.alarms_per = alarms_per
        self._reference = reference
        self._fingerprint = reference.fingerprint
        self._later: Calibration | None = None  # from labels that came after the reference was learned
        self._row = 0
        self._sums = np.zeros(len(SHARES))
        self._rest = np.zeros(0)  # P(right) of rows that do not fill a step yet
        width = len(reference.signals)
        self._recent = np.zeros((0, width), np.float32)
        self._recent_rows = np.zeros(0, np.int64)  # which rows of the stream these are: calls that failed are not in it
        self._window = max(FEWEST, min(WINDOW, MAX_VALUES // max(1, width)))
        self._made: tuple[int, int, AccuracyEstimate] | None = None  # at which row and time, and what
        self._time_ns = 0
        self._scored: tuple[Block, _Ran, bool] | None = None  # and whether the estimate was void at its crossing
        self._void_row = -FRESH_ROWS  # at which it was so last
        self._prepare()

    def calibrate(self, rows: LabelledRows) -> None:
        """Learn anew what a confidence is worth, from rows that were labelled since.

        Passed over are too few, fewer than the reference's own, and those that are hardly more than the last time: a
        restarted agent tells them all again.
        """
        own = 0 if self._reference.calibration is None else self._reference.calibration.rows
        known = 0.0 if self._later is None else MORE_LABELLED * self._later.rows
        if self._reference.column("confidence") is None or len(rows) < max(MIN_LABELLED, own, known):
            return
        self._later = fit_calibration(rows.confidence, rows.correct)
        self._prepare()
        self._sums = np.zeros(len(SHARES))  # what was bet was bet against another floor
        self._rest = np.zeros(0)

    def _prepare(self) -> None:
        """Derive estimator, steps, floor and bets from the reference and the calibration."""
        reference, column = self._reference, self._reference.column("confidence")
        self._estimator = None if column is None else AccuracyEstimator(reference, self._later)
        self._made = self._scored = None
        self._step = 1
        self._floor, self._bets = 0.0, np.zeros(len(SHARES))
        if self._estimator is None or self._estimator.calibration is None or column is None:
            return
        stated = reference.sample[:, column].astype(np.float64)
        p = self._estimator.probability(stated[np.isfinite(stated)])
        self._step = max(1, int(reference.lengths[column]) * BASE)
        error = 2.0 * float(p.std()) * math.sqrt(self._step / max(1, reference.rows)) if len(p) else 1.0
        self._floor = max(0.0, float(p.mean()) - max(TOLERANCE, error)) if len(p) else 0.0
        self._bets = np.array(SHARES) / max(1e-3, 1.0 - self._floor)

    def score(self, block: Block) -> list[Score]:
        """Judge a block; at most one score."""
        ran = self._run(block)
        evidence, crossed = ran.evidence, ran.crossed
        self._scored = (block, ran, False)
        if crossed is None or self._estimator is None or self._row < self._void_row + FRESH_ROWS:
            return []  # what was void a moment ago is so still: to look is 20 ms, and the sums would cross every moment
        estimate = self._estimator.estimate(self._taken(block)[0])
        if estimate is None or not estimate.valid:
            self._scored = (block, ran, True)
            return []
        labelled = "" if estimate.labelled is None else f" (labels: {100 * estimate.labelled:.0f} %)"
        return [
            Score(
                detector=self.name,
                stream=block.stream,
                signal=next(signal for signal in block.signals if signal.name == "confidence"),
                time_ns=int(block.time_ns[crossed]),
                row=self._row + crossed,
                value=evidence,
                threshold=math.log(self.alarms_per),
                onset_row=self._onset(block, crossed),
                detail=f"estimated accuracy {say_estimate(estimate)}{labelled}",
            )
        ]

    def learn(self, block: Block) -> None:
        """Take the block that was just scored into the state."""
        scored, self._scored = self._scored, None
        ran, void = scored[1:] if scored is not None and scored[0] is block else (self._run(block), False)
        self._sums, self._rest = ran.sums, ran.rest
        if void:
            self._void_row = self._row
        if self._estimator is not None:
            self._recent, self._recent_rows = self._taken(block)
        self._row += len(block)
        self._time_ns = int(block.time_ns[-1])

    def accuracy(self) -> AccuracyEstimate | None:
        """Estimate for the recent rows, made anew now and then; None without confidence or with too few rows."""
        if self._estimator is None:
            return None
        if self._made is not None:
            rows, age = self._row - self._made[0], self._time_ns - self._made[1]
            if rows < FRESH_ROWS or (0 <= age < FRESH_NS and rows < STALE_ROWS):
                return self._made[2]
        made = self._estimator.estimate(self._recent)
        if made is not None:
            made = replace(made, first_row=int(self._recent_rows[0]))
            self._made = (self._row, self._time_ns, made)
        return made

    def evidence(self) -> dict[str, float]:
        """Return the share of the way to an alarm."""
        if not self._judges or not math.isfinite(self.alarms_per):
            return {}
        return {"confidence": min(1.0, max(0.0, self._log_sum(self._sums)) / math.log(max(self.alarms_per, 2.0)))}

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        items = {
            "row": self._row, "time": self._time_ns, "sums": self._sums, "rest": self._rest, "recent": self._recent,
            "rows": self._recent_rows,
        }  # fmt: skip
        if self._later is not None:
            items |= {f"calibration.{name}": item for name, item in self._later.items().items()}
        return pack_state("accuracy", FORMAT, items, self._fingerprint)

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read or belongs to another reference."""
        items = unpack_state(state, "accuracy", FORMAT, self._fingerprint)
        arrays = [items.get(name) for name in ("sums", "rest", "recent", "rows")]
        numbers = [items.get(name) for name in ("row", "time")]
        if not all(isinstance(a, np.ndarray) for a in arrays) or not all(isinstance(n, int) for n in numbers):
            raise ValueError("stored accuracy state has other parts than this version")
        sums, rest, recent, rows = arrays
        width = self._recent.shape[1:]
        if (sums.shape, recent.shape, rest.ndim) != (self._sums.shape, (*rows.shape, *width), 1):  # type: ignore[union-attr]
            raise ValueError("stored accuracy state has parts of another shape")
        found = part_of(items, "calibration")
        self._later = restore_calibration(found) if found else None
        self._prepare()
        self._sums, self._rest, self._recent, self._recent_rows = sums, rest, recent, rows  # type: ignore[assignment]
        self._row, self._time_ns = numbers  # type: ignore[assignment]

    @property
    def _judges(self) -> bool:
        return self._estimator is not None and self._estimator.calibration is not None

    def _taken(self, block: Block) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Give the recent rows with those of a block, and which rows of the stream they are."""
        good = np.flatnonzero(block.status == 0)
        recent = np.concatenate((self._recent, block.values[good]))[-self._window :]
        return recent, np.concatenate((self._recent_rows, good + self._row))[-self._window :]

    def _run(self, block: Block) -> _Ran:
        """Carry the sums through a block."""
        if not self._judges:
            return _Ran(0.0, self._sums, self._rest, None)
        known, at = self._known(block)
        values = np.concatenate((self._rest, known))
        steps = len(values) // self._step
        means = values[: steps * self._step].reshape(steps, self._step).mean(axis=1)
        sums = self._sums
        for start in range(0, steps, CHUNK):
            factors = 1 + self._bets * (self._floor - means[start : start + CHUNK, None])
            products = np.cumprod(factors, axis=0)
            before = np.concatenate((np.ones((1, len(SHARES))), products[:-1]))
            path = products * (sums + np.cumsum(1 / before, axis=0))
            reached = self._step * path.mean(axis=1)
            over = np.flatnonzero(reached >= self.alarms_per)
            if len(over):
                end = (start + int(over[0]) + 1) * self._step - len(self._rest) - 1
                fresh = np.zeros(len(SHARES)), np.zeros(0)
                return _Ran(math.log(reached[over[0]]), *fresh, int(at[max(0, end)]))
            sums = path[-1]
        return _Ran(self._log_sum(sums), sums, values[steps * self._step :], None)

    def _log_sum(self, sums: NDArray[np.float64]) -> float:
        return math.log(max(1e-300, self._step * float(sums.mean())))

    def _known(self, block: Block) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Give P(right) of the rows that have a confidence, and which rows these are."""
        column = next(at for at, signal in enumerate(block.signals) if signal.name == "confidence")
        stated = block.values[:, column].astype(np.float64)
        at = np.flatnonzero(np.isfinite(stated) & (block.status == 0))
        return (self._estimator.probability(stated[at]) if self._estimator else stated[:0]), at

    def _onset(self, block: Block, crossed: int) -> int:
        """Give the row after which the rows fell short of the floor most, in sum."""
        last = self._row + crossed
        if self._estimator is None:
            return last
        recent, at = self._taken(block)
        recent, at = recent[at <= last], at[at <= last]
        column = next(at for at, signal in enumerate(block.signals) if signal.name == "confidence")
        p = self._estimator.probability(recent[:, column].astype(np.float64))
        short = np.cumsum(np.where(np.isfinite(p), p - self._floor, 0.0))
        after = int(short.argmax()) + 1
        return int(at[after]) if after < len(at) else last


def say_estimate(estimate: AccuracyEstimate) -> str:
    """Put a valid estimate into words.

    >>> from agent.model import AccuracyEstimate
    >>> say_estimate(AccuracyEstimate(rows=1000, estimate=0.94, low=0.91, high=0.96, calibrated=True, valid=True))
    '94 % (91 to 96)'
    """
    return f"{100 * estimate.estimate:.0f} % ({100 * estimate.low:.0f} to {100 * estimate.high:.0f})"
