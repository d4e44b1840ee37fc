"""Quality faults: what is plainly wrong with the data itself, outside the false-alarm budget.

A check marks single rows; a fault is reported while `need` of the last WINDOW rows are marked. `need` follows from the
reference: with the largest rate p that it allows (95 % upper bound), (WINDOW over need) p^need <= CHANCE, so that
marks that come independently raise it less than once in 10^9 rows; SUSTAINED at least, and a check whose rate is too
high for that is off. The exception is NaN out of the model where the reference had none: once is a fault.
A stuck sensor is a run RUNS times as long as any in the reference's n rows: if the longest of them had probability
about 1/n to start at a row, this one has about n^-RUNS.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agent.model import Block, Score
from detectors.ahead import LooksAhead
from detectors.packing import pack_state, unpack_state

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import Stream
    from detectors.learned import Reference

FORMAT = 1
WINDOW = 20  # rows
SUSTAINED = 10  # rows of the window
CHANCE = 1e-9
RUNS, SHORTEST_RUN = 4, 30
CONTINUOUS_VALUES = 20  # distinct values: with fewer a signal may rest on one for good reason
BEYOND_QUARTILES, BEYOND_RANGE = 1.5, 0.5  # the margin beyond the reference's range
SINGLE = ("output_nonfinite",)


@dataclass(frozen=True, slots=True)
class _Check:
    column: int
    what: str  # "missing", "range" or "flag"
    need: int
    low: float
    high: float


class QualityDetector(LooksAhead["_State"]):
    """Conforms to `agent.ports.Detector`; `Score.value` and `threshold` count rows: of the last WINDOW, or of a run.

    A fault is reported once a block while it lasts. `alarms_per` is taken for uniformity and not used.
    """

    name = "quality"

    def __init__(self, reference: Reference, alarms_per: float = math.inf) -> None:
        self.alarms_per = alarms_per
        self._signals = reference.signals
        self._fingerprint = reference.fingerprint
        self._checks = tuple(check for at in range(len(self._signals)) for check in _checks(reference, at))
        self._columns = np.array([check.column for check in self._checks], np.int64)
        self._needs = np.array([check.need for check in self._checks], np.int64)
        self._lows = np.array([check.low for check in self._checks], np.float32)
        self._highs = np.array([check.high for check in self._checks], np.float32)
        self._nan_is_fault = np.array([check.what == "missing" for check in self._checks], bool)
        self._run_limits = _run_limits(reference)
        self._low, self._high = reference.profile.low, reference.profile.high
        super().__init__(_State(len(self._signals), len(self._checks)))

    def evidence(self) -> dict[str, float]:
        """Return, per signal, the largest share of the way to a fault of its checks."""
        shares = dict.fromkeys((signal.name for signal in self._signals), 0.0)
        marked = self._state.marks.sum(axis=0) / self._needs if len(self._checks) else np.zeros(0)
        for check, share in zip(self._checks, marked.tolist(), strict=True):
            name = self._signals[check.column].name
            shares[name] = max(shares[name], min(1.0, share))
        for at in np.flatnonzero(np.isfinite(self._run_limits)).tolist():
            name = self._signals[at].name
            shares[name] = max(shares[name], min(1.0, float(self._state.runs[at] / self._run_limits[at])))
        return shares

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        return pack_state("quality", FORMAT, vars(self._state), self._fingerprint)

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read or belongs to another reference."""
        items = unpack_state(state, "quality", FORMAT, self._fingerprint)
        fresh = _State(len(self._signals), len(self._checks))
        if items.keys() != vars(fresh).keys():
            raise ValueError("stored quality state has other parts than this version")
        vars(fresh).update(items)
        self._go_on_from(fresh)

    def _advance(self, state: _State, block: Block) -> list[Score]:
        numbers = state.row + np.arange(len(block), dtype=np.int64)
        state.row += len(block)
        good = block.status == 0
        if not good.any():
            return []
        rows, numbers, times = block.values[good], numbers[good], block.time_ns[good]
        found: dict[int, Score] = {}
        for score, column in (
            *self._marked(state, block.stream, rows, numbers, times),
            *self._stuck(state, block.stream, rows, numbers, times),
        ):
            if column not in found or found[column].value / found[column].threshold < score.value / score.threshold:
                found[column] = score
        return sorted(found.values(), key=lambda score: -score.value / score.threshold)

    def _marked(
        self,
        state: _State,
        stream: Stream,
        rows: NDArray[np.float32],
        numbers: NDArray[np.int64],
        times: NDArray[np.int64],
    ) -> list[tuple[Score, int]]:
        values = rows[:, self._columns]
        finite = np.isfinite(values)
        marks = np.where(self._nan_is_fault, ~finite, finite & ((values < self._lows) | (values > self._highs)))
        both = np.concatenate((state.marks, marks))
        sums = np.concatenate((np.zeros((1, len(self._checks)), np.int64), np.cumsum(both, axis=0, dtype=np.int64)))
        counts = sums[WINDOW:] - sums[:-WINDOW]  # [n + 1]; the first is the window before this block
        where = np.concatenate((state.marked_at, np.stack((numbers, times))), axis=1)
        over = counts >= self._needs
        scores = []
        for at in np.flatnonzero(over[1:].any(axis=0)).tolist():
            row = int(over[1:, at].argmax())
            if not over[row, at]:  # it was not going on already: it began with the first mark of the window
                began = row + 1 + int(both[row + 1 : row + 1 + WINDOW, at].argmax())
                state.since[:, at] = where[:, began]
            peak = int(counts[1:, at].max())
            scores.append(self._score(stream, self._checks[at], peak, (numbers[row], times[row]), state.since[:, at]))
            starts = np.flatnonzero(over[1:, at] & ~over[:-1, at])
            if len(starts) and starts[-1] > row:  # it stopped and began anew: that is where a later block goes on from
                began = int(starts[-1]) + 1
                state.since[:, at] = where[:, began + int(both[began : began + WINDOW, at].argmax())]
        state.marks = both[-WINDOW:].copy()
        state.marked_at = where[:, -WINDOW:].copy()
        return scores

    def _stuck(
        self,
        state: _State,
        stream: Stream,
        rows: NDArray[np.float32],
        numbers: NDArray[np.int64],
        times: NDArray[np.int64],
    ) -> list[tuple[Score, int]]:
        same = np.concatenate((state.last[None], rows[:-1])) == rows
        at = np.arange(len(rows))[:, None]
        broken = np.maximum.accumulate(np.where(same, -1, at), axis=0)  # where the run that holds here began, or before
        runs = np.where(broken >= 0, at - broken + 1, state.runs + at + 1)
        scores = []
        for column in np.flatnonzero(runs.max(axis=0) >= self._run_limits).tolist():
            row = int((runs[:, column] >= self._run_limits[column]).argmax())
            began = int(broken[row, column])
            onset = (numbers[began], times[began]) if began >= 0 else state.run_began[:, column]
            check = _Check(column, "stuck", int(self._run_limits[column]), float(rows[row, column]), math.nan)
            longest = int(runs[:, column].max())
            scores.append(self._score(stream, check, longest, (numbers[row], times[row]), onset))
        state.runs = runs[-1].copy()
        started = broken[-1] >= 0
        state.run_began[0, started] = numbers[broken[-1][started]]
        state.run_began[1, started] = times[broken[-1][started]]
        state.last = rows[-1].copy()
        return scores

    def _score(
        self,
        stream: Stream,
        check: _Check,
        value: int,
        now: tuple[int, int] | NDArray[np.int64],
        onset: tuple[int, int] | NDArray[np.int64],
    ) -> tuple[Score, int]:
        signal = self._signals[check.column]
        score = Score(
            detector=self.name,
            stream=stream,
            signal=signal,
            time_ns=int(now[1]),
            row=int(now[0]),
            value=float(value),
            threshold=float(check.need),
            onset_row=int(onset[0]),
            onset_ns=int(onset[1]),
            detail=self._words(check, value),
        )
        return score, check.column

    def _words(self, check: _Check, value: int) -> str:
        if check.what == "stuck":
            return f"stuck at {check.low:g} for {value} inferences"
        share = f"in {value} of {WINDOW} inferences" if check.need > 1 else "in an inference"
        if check.what == "missing":
            return f"missing or not finite {share}"
        if check.what == "flag":
            return f"above {check.high:g} {share}"
        low, high = self._low[check.column], self._high[check.column]
        return f"out of range {share}: the reference went from {low:g} to {high:g}"


class _State:
    def __init__(self, signals: int, checks: int) -> None:
        self.row = 0
        self.marks = np.zeros((WINDOW, checks), bool)
        self.marked_at = np.zeros((2, WINDOW), np.int64)  # row and time of each row of `marks`
        self.since = np.zeros((2, checks), np.int64)
        self.runs = np.zeros(signals, np.int64)
        self.run_began = np.zeros((2, signals), np.int64)
        self.last = np.full(signals, np.nan, np.float32)

    def copy(self) -> _State:
        twin = copy.copy(self)
        twin.since, twin.run_began = self.since.copy(), self.run_began.copy()
        return twin


def _checks(reference: Reference, at: int) -> list[_Check]:
    signal, profile, rows = reference.signals[at], reference.profile, reference.rows
    if signal.role == "runtime":
        return []
    if signal.kind == "flag":
        return _flag_checks(reference, at)
    checks = []
    if profile.missing[at] == 0 and signal.role == "output":
        checks.append(_Check(at, "missing", 1, math.nan, math.nan))
    elif need := _need(profile.missing[at] * rows, rows):
        checks.append(_Check(at, "missing", need, math.nan, math.nan))
    if signal.kind == "continuous" and math.isfinite(profile.low[at]):
        low, high = float(profile.low[at]), float(profile.high[at])
        spread = float(profile.quartiles[1, at] - profile.quartiles[0, at])
        margin = max(BEYOND_QUARTILES * spread, BEYOND_RANGE * (high - low), 1e-6 * max(abs(low), abs(high)))
        if need := _need(2.0, rows):  # the two extremes are the reference's own
            checks.append(_Check(at, "range", need, low - margin, high + margin))
    return checks


def _flag_checks(reference: Reference, at: int) -> list[_Check]:
    """Judge a flag that is 0 or 1 by its rate, one that counts by its largest value."""
    profile, rows = reference.profile, reference.rows
    high = float(profile.high[at]) if math.isfinite(profile.high[at]) else 0.0
    limit = high if high > 1 else 0.0
    rate = 0.0 if high > 1 or not high > 0 else float(profile.mean[at])
    need = 1 if reference.signals[at].name in SINGLE and high == 0 else _need(rate * rows, rows)
    return [_Check(at, "flag", need, -math.inf, limit)] if need else []


def _need(seen: float, rows: int) -> int:
    """Give the marks of WINDOW that rows with the reference's rate do not reach by chance; 0 where there is no such."""
    rate = (seen + 3 + 1.64 * math.sqrt(seen)) / rows  # 95 % upper bound; 3 / n where nothing was seen
    for need in range(SUSTAINED, WINDOW + 1):
        if math.comb(WINDOW, need) * rate**need <= CHANCE:
            return need
    return 0


def _run_limits(reference: Reference) -> NDArray[np.float64]:
    """Give the length of a run that means stuck; infinite where rests are normal."""
    profile = reference.profile
    limits = np.maximum(SHORTEST_RUN, RUNS * profile.longest_run)
    for at, signal in enumerate(reference.signals):
        judged = signal.role == "input" and signal.kind == "continuous" and profile.distinct[at] > CONTINUOUS_VALUES
        if not judged:
            limits[at] = math.inf
    return limits
