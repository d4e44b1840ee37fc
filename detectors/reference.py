"""How a reference comes to be: fitted to rows at hand, or learned from the first rows of a stream.

Rows are taken in the order in which they ran: how block means vary is learned from that order. Values are float32.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from agent.model import Signal
from detectors.archive import Rows
from detectors.bets import fit_banks
from detectors.blocklength import Lengths, choose_lengths
from detectors.calibration import MIN_LABELLED, Calibration, fit_calibration, labelled
from detectors.context import NO_CONTEXT, Corrected, as_times, fit_context
from detectors.grid import Grid, fit_grid
from detectors.joint import fit_joint
from detectors.learned import Reference, decode_reference
from detectors.notes import reference_notes
from detectors.profile import fit_profile
from detectors.rhythm import DAY_NS, HOURS, MIN_DAYS
from detectors.runs import RUN, Runs, stretched
from detectors.statistics import ANSWER, BASE, RELATION, STRAIN, StatisticSet, choose_statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from agent.model import Block
    from agent.steady import Step

__all__ = ["Reference", "ReferenceConfig", "ReferenceLearner", "decode_reference", "fit_reference"]

MIN_ROWS = 2 * BASE
ENOUGH_FOR_DAYS = 2 * MIN_DAYS * HOURS * RUN  # rows: halved, they are still a run for each hour
SAMPLE_ROWS, SAMPLE_VALUES = 1_000, 200_000
MAX_CATEGORIES = 20
OUTPUTS = ("prediction", "confidence", "margin", "entropy")
LATENCY = ("latency", "latency_s")
FLAGS = ("repeated_frame", "stuck_pixels", "input_nonfinite", "output_nonfinite")


class ReferenceConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`[reference]`: how much of a new model's stream is learned before it is judged.

    rows: enough for a mean to be known to a twentieth of a standard deviation, bounds for all signals included.
    seconds: ten minutes, so that whatever repeats within seconds or minutes (a belt, a compressor, a door) is in it; a
        burst is not taken for a day. Shorter gives judgement earlier, of a stream that is less known.
    max_rows: bounds memory; at a high rate the reference ends here whatever `seconds` says, unless that is three days
        or more: then so many rows, at least 8,640, are spread over the days, and daily rhythms are learned.
    """

    rows: Annotated[int, msgspec.Meta(ge=MIN_ROWS)] = 1_000
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 600.0
    max_rows: Annotated[int, msgspec.Meta(ge=MIN_ROWS)] = 20_000

    def __post_init__(self) -> None:
        if self.max_rows < self.rows:
            raise ValueError(f"reference.max_rows = {self.max_rows} is less than reference.rows = {self.rows}")


def fit_reference(
    signals: ArrayLike,
    names: Sequence[str | Signal],
    categorical: Sequence[str] | None = None,
    latency_s: ArrayLike | None = None,
    correct: ArrayLike | None = None,
    time_ns: ArrayLike | None = None,
    every: int = 1,
) -> Reference:
    """Learn a reference from rows in the order in which they ran.

    Parameters
    ----------
    signals : array [n, S]
        One row an inference; NaN is missing. At least 20 rows.
    names : sequence of str or Signal
        One a column. Of a plain name the role follows from the name, the kind from the values.
    categorical : sequence of str, optional
        Names of the columns whose values are codes without order of their own. None: `prediction`, and columns of at
        most 20 distinct whole numbers. Ignored for columns given as Signal.
    latency_s : array [n], optional
        Latencies in seconds; None: the column `latency` or `latency_s`, where there is one.
    correct : array [n], optional
        1 where the model's answer was right, 0 where it was wrong, NaN where that is not known. With a column
        `confidence` it calibrates the estimate of accuracy; where it cannot, `notes` says why.
    time_ns : array [n] of int, optional
        When each row ran, in nanoseconds of UTC since 1970. Where three whole days or more are in it, daily rhythms
        are learned and taken off (`detectors.context`), here and from rows that are judged.
    every : int
        The rows are one run of 60 out of so many, as `detectors.runs` keeps them; 1: they are all there.

    Raises
    ------
    ValueError
        Where shapes disagree, a name comes twice, there are fewer than 20 rows, `correct` holds anything else, or a
        labelled confidence is no probability.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(500, 2))
    >>> reference = fit_reference(rows, ["a", "b"])
    >>> reference.rows, reference.notes
    (500, ())
    """
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(np.asarray(signals, np.float64), np.float32)
    if rows.ndim != 2 or rows.shape[1] != len(names):  # noqa: PLR2004
        raise ValueError(f"signals have shape {rows.shape}, but there are {len(names)} names")
    if len(rows) < MIN_ROWS:
        raise ValueError(f"a reference needs at least {MIN_ROWS} rows, not {len(rows)}")
    known = tuple(_signal(name, rows[:, at], categorical) for at, name in enumerate(names))
    doubles = {s.name for s in known if sum(s.name == t.name for t in known) > 1}
    if doubles:
        raise ValueError(f"two columns are named {min(doubles)!r}")
    grid = fit_grid(rows, np.array([s.kind == "categorical" for s in known], bool))
    statistics, found = choose_statistics(rows, known, grid)
    memories = _memories(rows, grid, statistics, found)
    alone = choose_lengths(memories, statistics.owners)
    corrected = Corrected(NO_CONTEXT, found, alone, None)
    if time_ns is not None:
        corrected = fit_context(as_times(time_ns, len(rows)), memories, statistics, found, alone, every)
    banks = fit_banks(statistics, corrected.found, corrected.lengths, corrected.wider)
    latency = np.asarray(latency_s, np.float64) if latency_s is not None else _latency(rows, known)
    profile = fit_profile(rows, latency, every)
    calibration, doubts = _calibration(rows, known, correct)
    keep = max(MIN_ROWS, min(SAMPLE_ROWS, SAMPLE_VALUES // max(1, len(known)), len(rows)))
    kept = np.linspace(0, len(rows) - 1, keep).astype(np.int64)
    return Reference(
        signals=known,
        rows=len(rows),
        notes=_notes(known, len(rows), corrected.lengths) + doubts,
        lengths=stretched(alone.length[: len(known)], every),
        grid=grid,
        statistics=statistics,
        banks=tuple(replace(b, step=int(stretched(b.step, every))) for b in banks),
        joint=fit_joint(corrected.found, banks),
        context=corrected.context,
        profile=profile,
        sample=rows[kept],
        calibration=calibration,
        truth=None if calibration is None else np.asarray(correct, np.float32)[kept],
    )


class ReferenceLearner:
    """Conforms to `agent.ports.Learner`.

    Done when `target_rows` rows are there and `min_seconds` lie between the first and the last, so that a burst is not
    taken for a day; or at `max_rows`, which bounds its memory. Where `min_seconds` are days enough for a daily rhythm
    it does not end at `max_rows`, but keeps so many runs of rows spread over all of them (`detectors.runs`). Rows that
    ended in an exception or hold nothing but NaN do not count.

    Raises
    ------
    ValueError
        Where the bounds contradict one another.
    """

    def __init__(self, signals: Sequence[Signal], target_rows: int, min_seconds: float, max_rows: int) -> None:
        if not MIN_ROWS <= target_rows <= max_rows:
            raise ValueError(f"a reference of {target_rows} rows must lie between {MIN_ROWS} and max_rows {max_rows}")
        self._target = target_rows
        self.rows = 0  # taken in; those that are kept may be fewer
        self._signals = tuple(signals)
        self._min_ns = round(min_seconds * 1e9)
        self._runs = Runs(max_rows, thin=self._min_ns >= MIN_DAYS * DAY_NS and max_rows >= ENOUGH_FOR_DAYS)
        self._span: tuple[int, int] | None = None

    @property
    def target(self) -> int:
        """How many rows it will be at the rate so far; at least `target_rows`, and no more than it can take."""
        span = self._span[1] - self._span[0] if self._span else 0
        expected = self.rows * self._min_ns / span if span > 0 else 0
        return round(max(self._target, expected if self._runs.thin else min(expected, self._runs.most)))

    def add(self, block: Block) -> Reference | None:
        """Take a block in; return the reference once there is enough."""
        self.take(block)
        if self._span is None or self.rows < self._target:
            return None
        if self._span[1] - self._span[0] < self._min_ns and not self._runs.full:
            return None
        return self.fit()

    def take(self, block: Block) -> None:
        """Take a block in, as far as there is room."""
        good = np.flatnonzero((block.status == 0) & ~np.isnan(block.values).all(axis=1))
        if len(good) and not self._runs.full:
            self._runs.add(block.values[good], block.latency_s[good], block.time_ns[good])
            times = block.time_ns[good[: self._runs.seen - self.rows]]
            self.rows = self._runs.seen
            first, last = int(times.min()), int(times.max())
            self._span = (min(first, self._span[0]), max(last, self._span[1])) if self._span else (first, last)

    def rebase(self, step: Step) -> None:
        """Correct the times of the rows, after the clock was set."""
        self._runs.rebase(step)
        if self._span is not None:
            times = self._runs.rows()[2]  # the newest may be none of them
            first, last = sorted((step.moved(self._span[0]), step.moved(self._span[1])))
            self._span = min(first, int(times.min())), max(last, int(times.max()))

    def archive(self) -> bytes:
        """Return the rows that were taken in."""
        return self._rows().encode()

    def fit(self) -> Reference:
        """Fit to what was taken in, however much it is. Raises ValueError where that is too little for anything."""
        return fit_rows(self._rows())

    def _rows(self) -> Rows:
        if not self.rows:
            raise ValueError("there is no row to learn from")
        values, latency, times = self._runs.rows()
        return Rows(self._signals, values, latency, time_ns=times, every=self._runs.every)


def fit_rows(rows: Rows) -> Reference:
    """Fit a reference to rows as they are archived."""
    return fit_reference(
        rows.values,
        rows.signals,
        latency_s=rows.latency_s,
        correct=rows.correct,
        time_ns=rows.time_ns,
        every=rows.every,
    )


def _calibration(
    rows: NDArray[np.float32], signals: Sequence[Signal], correct: ArrayLike | None
) -> tuple[Calibration | None, tuple[str, ...]]:
    if correct is None:
        return None, ()
    truth = np.asarray(correct, np.float64)
    if truth.shape != rows.shape[:1]:
        raise ValueError(f"correct has shape {truth.shape}, but there are {len(rows)} rows")
    confidence = next((rows[:, at] for at, signal in enumerate(signals) if signal.name == "confidence"), None)
    if confidence is None:
        return None, ("there are labels, but no column `confidence`: accuracy cannot be estimated without labels",)
    count = len(labelled(confidence, truth)[0])
    if count < MIN_LABELLED:
        return None, (f"only {count} rows have a label: {MIN_LABELLED} are needed to calibrate the estimated accuracy",)
    return fit_calibration(confidence, truth), ()


def _memories(
    rows: NDArray[np.float32], grid: Grid, statistics: StatisticSet, found: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Give what the memory of each view is read from: level, scatter and holes, a series [n, 3, V] each."""
    width = rows.shape[1]
    series = np.zeros((len(rows), 3, len(statistics.owners)))
    place = grid.look_up(rows)
    series[:, 0, :width] = place.ranks
    series[:, 1, :width] = np.where(place.missing, 0.5, np.abs(2 * place.ranks - 1))
    series[:, 2, :width] = place.missing
    for kind, part in ((RELATION, 0), (ANSWER, 0), (STRAIN, 1)):
        at = slice(int(statistics.cuts[kind]), int(statistics.cuts[kind + 1]))
        series[:, part, statistics.views[at]] = found[:, at]
    return series


def _notes(signals: Sequence[Signal], rows: int, chosen: Lengths) -> tuple[str, ...]:
    width = len(signals)
    return reference_notes(rows, signals, np.maximum(chosen.length[:width] * BASE, 1), chosen.settled[:width])


def _signal(name: str | Signal, column: NDArray[np.float32], categorical: Sequence[str] | None) -> Signal:
    if isinstance(name, Signal):
        return name
    if name in LATENCY:
        return Signal(name, "runtime", "continuous", "s")
    if name in FLAGS:
        return Signal(name, "input", "flag")
    if categorical is None:
        seen = np.unique(column[np.isfinite(column)])
        coded = name == "prediction" or (0 < len(seen) <= MAX_CATEGORIES and bool(np.all(seen == np.round(seen))))
    else:
        coded = name in categorical
    return Signal(name, "output" if name in OUTPUTS else "input", "categorical" if coded else "continuous")


def _latency(rows: NDArray[np.float32], signals: Sequence[Signal]) -> NDArray[np.float64]:
    for at, signal in enumerate(signals):
        if signal.role == "runtime" and signal.name in LATENCY:
            return rows[:, at].astype(np.float64)
    return np.full(len(rows), np.nan)
