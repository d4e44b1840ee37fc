"""One watched model: learns its reference, then has every block judged by the detectors. Stores what a restart needs.

All processes that serve the same model file share one monitor. A detector that fails is taken out and named in the
parts' health; the others go on.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from agent.clock import utc
from agent.ports import UnfitError
from agent.statistics import StreamStatistics
from agent.status import PartHealth, SignalStatus, StreamStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from agent.model import Block, Effect, Score, Signal, Stream, StreamChange, StreamState
    from agent.ports import Detector, Learner, Recent, Reference, StateStore

ROW_TIMES = 4_096  # blocks whose times are remembered, to date an onset


@dataclass(frozen=True, slots=True)
class Factories:
    """How a monitor makes its parts; `agent.wiring` fills this in.

    `detectors` maps a name to a factory and to the share of the stream's alarm budget that it may spend
    (0: it stands outside the budget). A reference is handed only to parts that were made for its class, hence Any.
    """

    learner: Callable[[tuple[Signal, ...]], Learner]
    decode_reference: Callable[[bytes], Reference]
    recent: Callable[[Any], Recent]
    detectors: Mapping[str, tuple[Callable[[Any, float], Detector], float]]


class SavedMonitor(msgspec.Struct):
    """What a monitor keeps over a restart, in one piece, so that its parts always belong together."""

    rows: int
    alarms_per: float
    offsets: dict[str, int]  # per detector: the monitor's row at which the detector's own count began
    detectors: dict[str, bytes]


class StreamMonitor:
    """Judges one stream.

    Parameters
    ----------
    stream
        The stream as first seen; later processes with the same key are the same model.
    factories
        How to make learner, reference and detectors.
    store
        Where the reference and the detectors' states are kept.
    alarms_per
        The stream's share of the budget: at most one expected false alarm in so many inferences.

    """

    def __init__(self, stream: Stream, factories: Factories, store: StateStore, alarms_per: float) -> None:
        self.stream = stream
        self.statistics = StreamStatistics()
        self.lost = 0
        self.dropped = 0
        self.running: set[str] = set()  # sources that are open
        self.changes: deque[StreamChange] = deque(maxlen=20)
        self.rows = 0  # rows judged since the reference was complete
        self.reference: Reference | None = None
        self.notes: tuple[str, ...] = ()
        self._factories = factories
        self._store = store
        self._alarms_per = alarms_per
        self._learner: Learner | None = None
        self._learning: tuple[Signal, ...] = ()
        self._recent: Recent | None = None
        self._detectors: dict[str, Detector] = {}
        self._offsets: dict[str, int] = {}
        self._failed: dict[str, str] = {}
        self._unfit: dict[str, str] = {}  # detectors that have nothing to judge in this stream
        self._times: deque[tuple[int, int]] = deque(maxlen=ROW_TIMES)  # (first row of a block, its time)
        self._restore()

    @property
    def key(self) -> str:
        """The identity that the reference belongs to."""
        return self.stream.key

    def mean_rate(self) -> float:
        """Inferences per second since the first; 0 before there are any two."""
        return self.statistics.mean_rate()

    def set_budget(self, alarms_per: float) -> None:
        """Spend at most one false alarm in `alarms_per` inferences from here on."""
        self._alarms_per = alarms_per
        for name, detector in self._detectors.items():
            share = self._factories.detectors[name][1]
            if share:
                detector.alarms_per = alarms_per / share

    def process(self, block: Block, seen_ns: int) -> list[Score]:
        """Judge a block, seen at `seen_ns` of the monotonic clock, and learn from it.

        Returns the alarms in it, dated; none while the reference is learned.
        """
        self.statistics.add(block, seen_ns)
        if self.reference is None:
            self._learn_reference(block)
            return []
        block = self._aligned(block, self.reference.signals)
        self._times.append((self.rows, int(block.time_ns[0])))
        scores = []
        for name, detector in list(self._detectors.items()):
            try:
                offset = self._offsets[name]
                scores += [self._dated(score, offset) for score in detector.score(block) if score.crossed]
                detector.learn(block)
            except Exception as error:  # noqa: BLE001  # a detector that fails must not take the others down
                self._failed[name] = f"{type(error).__name__}: {error}"
                del self._detectors[name]
        if self._recent is not None:
            self._recent.add(block)
        self.rows += len(block)
        return scores

    def effects(self, rows: int | None = None) -> tuple[Effect, ...]:
        """How far the last `rows` rows are from the reference, a signal each; empty while learning."""
        return () if self._recent is None else self._recent.effects(rows)

    def save(self) -> None:
        """Keep the detectors' states, for a restart."""
        if self.reference is None:
            return
        states = {name: detector.state() for name, detector in self._detectors.items()}
        saved = SavedMonitor(self.rows, self._alarms_per, self._offsets, states)
        self._store.put_state(self.key, "monitor", msgspec.msgpack.encode(saved))

    def health(self) -> list[PartHealth]:
        """Name the detectors of this stream that had to be taken out, or had nothing to judge."""
        failed = [PartHealth(name=f"{self.key} {name}", ok=False, note=note) for name, note in self._failed.items()]
        return failed + [PartHealth(name=f"{self.key} {name}", ok=True, note=why) for name, why in self._unfit.items()]

    def status(self, now_ns: int, state: StreamState) -> StreamStatus:
        """Describe the stream, `now_ns` on the monotonic clock; `state` is decided by who knows the findings."""
        figures = self.statistics
        p50, p99 = figures.latency_quantiles(now_ns)
        rows, target = (self.reference.rows,) * 2 if self.reference else (0, 0)
        if self._learner is not None:
            rows, target = self._learner.rows, self._learner.target
        return StreamStatus(
            stream=self.stream,
            key=self.key,
            state=state,
            inferences=figures.inferences,
            errors=figures.errors,
            rate=figures.rate(now_ns),
            reference_rows=rows,
            reference_target=target,
            reference_notes=self.notes,
            lost=self.lost,
            dropped=self.dropped,
            latency_p50_s=p50,
            latency_p99_s=p99,
            latency_sum_s=figures.latency_sum_s,
            latency_count=figures.latency_count,
            latency_buckets=figures.latency_buckets(),
            latency_trend=figures.latency_trend(),
            confidence=figures.confidence,
            predictions=figures.predictions(),
            last_inference=None if figures.last_inference_ns is None else utc(figures.last_inference_ns),
            alarm_every_inferences=self._alarms_per if self.reference else None,
            signals=self._signal_status(),
        )

    def _signal_status(self) -> tuple[SignalStatus, ...]:
        if self.reference is None:
            return ()
        evidence: dict[str, float] = {}
        for detector in self._detectors.values():
            for name, share in detector.evidence().items():
                evidence[name] = max(share, evidence.get(name, 0.0))
        effects = {effect.signal.name: effect for effect in self.effects()}
        return tuple(
            SignalStatus(signal=signal, evidence=evidence.get(signal.name, 0.0), effect=effects.get(signal.name))
            for signal in self.reference.signals
        )

    def _learn_reference(self, block: Block) -> None:
        if self._learner is None:
            self._learner = self._factories.learner(block.signals)
            self._learning = block.signals
        reference = self._learner.add(self._aligned(block, self._learning))
        if reference is not None:
            self._store.put_state(self.key, "reference", reference.encode())
            self._watch(reference)

    def adopt(self, reference: Reference) -> None:
        """Use a reference that was made elsewhere (from a file), instead of learning one."""
        self._watch(reference)

    def advance_to(self, row: int) -> None:
        """Count on from `row` where that is further: a finding knows rows that the stored state had not reached."""
        missed = max(0, row - self.rows)
        self.rows += missed
        self._offsets = {name: offset + missed for name, offset in self._offsets.items()}

    def _watch(self, reference: Reference) -> None:
        self.reference = reference
        self.notes = reference.notes
        self._learner = None
        self._recent = self._factories.recent(reference)
        self._detectors, self._failed, self._unfit = {}, {}, {}
        for name, (make, share) in self._factories.detectors.items():
            try:
                self._detectors[name] = make(reference, self._alarms_per / share if share else 0.0)
            except UnfitError as error:
                self._unfit[name] = str(error)
            except Exception as error:  # noqa: BLE001  # a detector that cannot be made must not take the others down
                self._failed[name] = f"{type(error).__name__}: {error}"
        self._offsets = dict.fromkeys(self._detectors, self.rows)

    def _restore(self) -> None:
        """Go on with the stored reference; a part whose state cannot be read starts anew and says so."""
        stored = self._store.get_state(self.key, "reference")
        if stored is None:
            return
        try:
            self._watch(self._factories.decode_reference(stored))
        except ValueError as error:
            self.notes = (f"the stored reference could not be read ({error}); learning a new one",)
            return
        stored = self._store.get_state(self.key, "monitor")
        if stored is None:
            return
        try:
            saved = msgspec.msgpack.decode(stored, type=SavedMonitor)
        except msgspec.MsgspecError as error:
            self.notes = (*self.notes, f"the detectors started anew: their stored state could not be read ({error})")
            return
        self.rows = saved.rows
        self.set_budget(saved.alarms_per)
        for name, detector in self._detectors.items():
            self._offsets[name] = self.rows
            state = saved.detectors.get(name)
            try:
                if state is not None:
                    detector.restore(state)
                    self._offsets[name] = saved.offsets.get(name, 0)
            except ValueError as error:
                self.notes = (*self.notes, f"{name} started anew: its stored state could not be read ({error})")

    @staticmethod
    def _aligned(block: Block, signals: Sequence[Signal]) -> Block:
        """Give the block the reference's columns, in its order; a column that is gone is missing (NaN)."""
        if block.signals == tuple(signals):
            return block
        at = {signal.name: column for column, signal in enumerate(block.signals)}
        values = np.full((len(block), len(signals)), np.nan, np.float32)
        for column, signal in enumerate(signals):
            if signal.name in at:
                values[:, column] = block.values[:, at[signal.name]]
        return replace(block, signals=tuple(signals), values=values)

    def _dated(self, score: Score, offset: int) -> Score:
        """Count the score's rows as the monitor does, and say when the onset was."""
        score = msgspec.structs.replace(score, row=score.row + offset, onset_row=score.onset_row + offset)
        onset_ns = score.onset_ns or (self._times[0][1] if self._times else score.time_ns)
        for row, time_ns in () if score.onset_ns else reversed(self._times):
            if row <= score.onset_row:
                onset_ns = time_ns
                break
        return msgspec.structs.replace(score, onset_ns=min(onset_ns, score.time_ns))
