"""The detectors that judge one stream by one reference: made together, fed together, saved together.

A detector that fails is taken out and named; the others go on.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from agent.ports import UnfitError
from agent.status import PartHealth, SignalStatus
from agent.steady import RELEASED_NS, Step
from agent.truth import AccuracySource, Calibrated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from agent.model import AccuracyEstimate, Block, Effect, Score, Signal
    from agent.ports import Detector, Learner, Recent, Reference
    from agent.saved import SavedMonitor
    from agent.truth import LabelledRows

ROW_TIMES = 4_096  # blocks whose times are remembered, to date an onset
STEPS = (
    16  # times that the clock was set, which a detector may not have noticed: it dates an onset by the clock of then
)
# So old may sizes of effects be that are shown, while nothing is wrong and otherwise: a look at 20 signals is 10 ms.
CALM_NS, WRONG_NS = 5_000_000_000, 1_900_000_000


class Needed(msgspec.Struct, frozen=True):
    """How much makes a reference: so many rows over so many seconds, or `max_rows`."""

    rows: int
    seconds: float
    max_rows: int


@dataclass(frozen=True, slots=True)
class Factories:
    """How a monitor makes its parts; `agent.wiring` fills this in.

    `detectors` maps a name to a factory and to the share of the stream's alarm budget that it may spend
    (0: it stands outside the budget). `fit` makes a reference of all the rows that it is given, put beside those of a
    training file where there are any, and archives them; it raises ValueError. A reference is handed only to parts that
    were made for its class, hence Any.
    """

    learner: Callable[[tuple[Signal, ...]], Learner]
    trained_learner: Callable[[tuple[Signal, ...], bytes], Learner]  # with the rows of a training file
    decode_reference: Callable[[bytes], Reference]
    refit_reference: Callable[[bytes], Reference]  # from what `Learner.archive` gave
    fit: Callable[[tuple[Signal, ...], Sequence[Block], bytes], tuple[Reference, bytes]]
    needed: Needed
    recent: Callable[[Any], Recent]
    detectors: Mapping[str, tuple[Callable[[Any, float], Detector], float]]


class Panel:
    """Judges by `reference`, from `row` of the stream on."""

    def __init__(self, reference: Reference, factories: Factories, alarms_per: float, row: int) -> None:
        self.reference = reference
        self.rows = self.first_row = row
        self.failed: dict[str, str] = {}
        self.unfit: dict[str, str] = {}  # detectors that have nothing to judge in this stream
        self._recent = factories.recent(reference)
        self._shares = {name: share for name, (_, share) in factories.detectors.items()}
        self._detectors: dict[str, Detector] = {}
        for name, (make, share) in factories.detectors.items():
            try:
                self._detectors[name] = make(reference, alarms_per / share if share else 0.0)
            except UnfitError as error:
                self.unfit[name] = str(error)
            except Exception as error:  # noqa: BLE001  # a detector that cannot be made must not take the others down
                self.failed[name] = f"{type(error).__name__}: {error}"
        self._offsets = dict.fromkeys(self._detectors, row)
        self._times: deque[tuple[int, int]] = deque(maxlen=ROW_TIMES)  # (first row of a block, its time)
        self._shown: tuple[int, int, dict[str, Effect]] | None = None  # effects: at which row, when, and what
        self._steps: deque[tuple[int, Step]] = deque(maxlen=STEPS)  # of the clock, each with its row

    @property
    def names(self) -> tuple[str, ...]:
        """The detectors that are at work."""
        return tuple(self._detectors)

    def rebase(self, step: Step) -> None:
        """Correct the times that are remembered, after the clock was set."""
        self._times = deque(((row, step.moved(time_ns)) for row, time_ns in self._times), maxlen=ROW_TIMES)
        self._steps.append((self.rows, step))

    def set_budget(self, alarms_per: float) -> None:
        """Spend at most one false alarm in `alarms_per` inferences from here on."""
        for name, detector in self._detectors.items():
            share = self._shares[name]
            if share:
                detector.alarms_per = alarms_per / share

    def judge(self, block: Block) -> list[Score]:
        """Have every detector judge a block and learn it; return the alarms, dated."""
        block = aligned(block, self.reference.signals)
        self._times.append((self.rows, int(block.time_ns[0])))
        scores = []
        for name, detector in list(self._detectors.items()):
            try:
                offset = self._offsets[name]
                scores += [self._dated(score, offset) for score in detector.score(block) if score.crossed]
                detector.learn(block)
            except Exception as error:  # noqa: BLE001  # a detector that fails must not take the others down
                self.failed[name] = f"{type(error).__name__}: {error}"
                del self._detectors[name]
        self._recent.add(block)
        self.rows += len(block)
        return scores

    def row_at(self, time_ns: int) -> int:
        """Return the row that ran at a time, as far as is remembered."""
        row = self.rows
        for row, began_ns in reversed(self._times):  # noqa: B007  # the last one that was looked at is the answer
            if began_ns <= time_ns:
                break
        return row

    def show(self, block: Block) -> None:
        """Take a block into the recent rows alone: it was judged before."""
        self._recent.add(aligned(block, self.reference.signals))

    def effects(self, rows: int | None = None) -> tuple[Effect, ...]:
        """How far the last `rows` rows are from the reference, a signal each."""
        return self._recent.effects(rows)

    def sides(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return rows of the reference and the newest ones, to be laid over one another."""
        return self._recent.sides()

    def pace(self, row: int) -> tuple[float | None, float | None]:
        """Return the inferences a second before a row, as far back as is remembered, and since; None: not known."""
        split = sum(first <= row for first, _ in self._times)
        times = list(self._times)
        return _rate(times[:split]), _rate(times[split:])

    def evidence(self) -> dict[str, float]:
        """Per signal, the share of the way to an alarm, of the detector that is furthest on it."""
        evidence: dict[str, float] = {}
        for detector in self._detectors.values():
            for name, share in detector.evidence().items():
                evidence[name] = max(share, evidence.get(name, 0.0))
        return evidence

    def signals(self, now_ns: int, *, calm: bool) -> tuple[SignalStatus, ...]:
        """Describe each signal, at `now_ns` of the monotonic clock; effects are at most CALM_NS or WRONG_NS old."""
        evidence = self.evidence()
        effects = self._effects_to_show(now_ns, calm=calm)
        return tuple(
            SignalStatus(signal=signal, evidence=evidence.get(signal.name, 0.0), effect=effects.get(signal.name))
            for signal in self.reference.signals
        )

    def _effects_to_show(self, now_ns: int, *, calm: bool) -> dict[str, Effect]:
        if self._shown is not None:
            row, shown_ns, effects = self._shown
            few = self.rows - self.first_row >= 2 * (row - self.first_row)  # they were made of
            if row == self.rows or (not few and now_ns - shown_ns < (CALM_NS if calm else WRONG_NS)):
                return effects
        effects = {effect.signal.name: effect for effect in self.effects()}
        self._shown = (self.rows, now_ns, effects)
        return effects

    def accuracy(self) -> AccuracyEstimate | None:
        """Say how often the model was right lately, as the first detector that can; None where none can."""
        for name, detector in self._detectors.items():
            if isinstance(detector, AccuracySource):
                try:
                    made = detector.accuracy()
                    first = self._offsets[name]
                    return made and msgspec.structs.replace(made, first_row=made.first_row + first)
                except Exception as error:  # noqa: BLE001  # an estimate that fails must not take the status down
                    self.failed[name] = f"{type(error).__name__}: {error}"
        return None

    def calibrate(self, rows: LabelledRows) -> None:
        """Tell the detectors that ask for it what a confidence turned out to be worth."""
        for name, detector in list(self._detectors.items()):
            if isinstance(detector, Calibrated):
                try:
                    detector.calibrate(rows)
                except Exception as error:  # noqa: BLE001  # one that fails must not take the others down
                    self.failed[name] = f"{type(error).__name__}: {error}"
                    del self._detectors[name]

    def health(self, key: str) -> list[PartHealth]:
        """Name the detectors of the stream `key` that had to be taken out, or had nothing to judge."""
        out = [PartHealth(name=f"{key} {name}", ok=False, note=note) for name, note in self.failed.items()]
        return out + [PartHealth(name=f"{key} {name}", ok=True, note=note) for name, note in self.unfit.items()]

    def states(self) -> tuple[dict[str, int], dict[str, bytes]]:
        """Return, per detector, where its count of rows begins, and its state."""
        return dict(self._offsets), {name: detector.state() for name, detector in self._detectors.items()}

    def restore(self, saved: SavedMonitor) -> dict[str, str]:
        """Go on from saved states; return the detectors that cannot read theirs and begin anew, and why."""
        began_anew = {}
        self.rows = saved.rows
        # A detector that was there from the beginning knows when that was; the store of an older version does not.
        self.first_row = max(self.first_row, min(saved.offsets.values(), default=0))
        for name, detector in self._detectors.items():
            self._offsets[name] = self.rows
            state = saved.detectors.get(name)
            try:
                if state is not None:
                    detector.restore(state)
                    self._offsets[name] = saved.offsets.get(name, 0)
            except ValueError as error:
                began_anew[name] = str(error)
        return began_anew

    def advance_to(self, row: int, *, judged: bool) -> None:
        """Count on from `row` where that is further; the rows missed were `judged` by this reference, or before it."""
        missed = max(0, row - self.rows)
        self.rows += missed
        self.first_row += 0 if judged else missed
        self._offsets = {name: offset + missed for name, offset in self._offsets.items()}

    def _dated(self, score: Score, offset: int) -> Score:
        """Count the score's rows as the stream does, and say when the onset was."""
        score = msgspec.structs.replace(score, row=score.row + offset, onset_row=score.onset_row + offset)
        onset_ns = score.onset_ns or (self._times[0][1] if self._times else score.time_ns)
        for at, step in self._steps if score.onset_ns else ():
            if score.onset_row < at:  # the detector dated it by the clock of then
                onset_ns = step.moved(onset_ns)
        for row, time_ns in () if score.onset_ns else reversed(self._times):
            if row <= score.onset_row:
                onset_ns = time_ns
                break
        if onset_ns < RELEASED_NS <= score.time_ns:  # dated by a clock that was never set, in an earlier boot
            onset_ns = score.time_ns
        return msgspec.structs.replace(score, onset_ns=min(onset_ns, score.time_ns))


def aligned(block: Block, signals: Sequence[Signal]) -> Block:
    """Give a block the columns `signals`, in their order; a column that is gone is missing (NaN)."""
    if block.signals == tuple(signals):
        return block
    at = {signal.name: column for column, signal in enumerate(block.signals)}
    values = np.full((len(block), len(signals)), np.nan, np.float32)
    for column, signal in enumerate(signals):
        if signal.name in at:
            values[:, column] = block.values[:, at[signal.name]]
    return replace(block, signals=tuple(signals), values=values)


def _rate(times: Sequence[tuple[int, int]]) -> float | None:
    """Give rows a second of (row, time) pairs; None where they span no time."""
    if len(times) < 2 or times[-1][1] <= times[0][1]:  # noqa: PLR2004  # a span has two ends
        return None
    return (times[-1][0] - times[0][0]) / (times[-1][1] - times[0][1]) * 1e9
