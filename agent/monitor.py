"""One watched model: learns its reference, then has every block judged by the detectors. Stores what a restart needs.

All processes that serve the same model file share one monitor. After a restart the rows that were stored since the last
save are judged again, from the saved states on: however the agent ended, it goes on with what it had on the disk.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from agent import saved as part
from agent.panel import Panel, aligned
from agent.saved import SavedMonitor, StreamStore, decode_saved, encode_saved
from agent.statistics import StreamStatistics
from agent.status import StreamStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.model import Block, Effect, Score, Signal, Stream, StreamChange, StreamState
    from agent.panel import Factories
    from agent.ports import Learner, MonitorStore, Reference
    from agent.status import PartHealth, SeriesStatus
    from agent.steady import Step
    from agent.truth import LabelledRows

SAVE_ROWS = 20_000  # rows after which the states are saved again; a restart judges them in a second or two
WRONG = ("warning", "critical")  # states in which people look at how large a change is
RECENT_ROWS = 2_000  # stored rows that a restart looks at again, to know how large a change is


class StreamMonitor:
    """Judges one stream.

    Parameters
    ----------
    stream
        The stream as first seen; later processes with the same key are the same model.
    factories
        How to make learner, reference and detectors.
    store
        Where the reference, the detectors' states and the rows are kept.
    alarms_per
        The stream's share of the budget: at most one expected false alarm in so many inferences.

    """

    def __init__(self, stream: Stream, factories: Factories, store: MonitorStore, alarms_per: float) -> None:
        self.stream, self.statistics, self.lost, self.dropped = stream, StreamStatistics(), 0, 0
        self.running: dict[str, Stream] = {}  # what each source that is open told
        self.changes: deque[StreamChange] = deque(maxlen=20)
        self.beside: Callable[[], tuple[Effect, ...]] = tuple  # effects of what is no signal of its blocks
        self.notes: tuple[str, ...] = ()
        self.began_anew: dict[str, str] = {}  # detectors whose stored state could not be read, and why
        self.resumed = False  # whether the count of rows goes on from a stored one
        self.store = StreamStore(store, stream.key)
        self._factories = factories
        self.alarms_per = alarms_per
        self._learner: Learner | None = None
        self._learning: tuple[Signal, ...] = ()
        self.panel: Panel | None = None  # what judges it, by its reference; None while that is learned
        self._rows = 0  # judged before the present panel
        self._unproven = False
        self._saved: dict[bool, bytes] = {}  # by whether it was to last
        self._saved_at = 0
        self._restore()

    @property
    def key(self) -> str:
        """The identity that the reference belongs to."""
        return self.stream.key

    @property
    def progress(self) -> tuple[int, int]:
        """Rows that the reference has, and that it will have."""
        if self.reference is not None:
            return (self.reference.rows,) * 2
        learner = self._learner
        return (0, self._factories.needed.rows) if learner is None else (learner.rows, learner.target)

    def rows_since(self, row: int) -> int:
        """Count the rows judged since `row`, by the present reference."""
        return 0 if self.panel is None else self.rows - max(row, self.panel.first_row)

    def mean_rate(self) -> float:
        """Inferences per second since the first; 0 before there are any two."""
        return self.statistics.mean_rate()

    @property
    def reference(self) -> Reference | None:
        """What the stream is compared with; None while it is learned."""
        return None if self.panel is None else self.panel.reference

    @property
    def signals(self) -> tuple[Signal, ...]:
        """The stream's columns, in the order of its reference; empty before the first row."""
        return self._learning if self.panel is None else self.panel.reference.signals

    @property
    def rows(self) -> int:
        """Rows judged since the first reference was complete."""
        return self._rows if self.panel is None else self.panel.rows

    def pace(self, row: int) -> tuple[float | None, float | None]:
        """Return the inferences a second before a row, and since; None: not known."""
        return (None, None) if self.panel is None else self.panel.pace(row)

    def set_budget(self, alarms_per: float) -> None:
        """Spend at most one false alarm in `alarms_per` inferences from here on."""
        self.alarms_per = alarms_per
        if self.panel is not None:
            self.panel.set_budget(alarms_per)

    def process(self, block: Block, seen_ns: int) -> list[Score]:
        """Judge a block, seen at `seen_ns` of the monotonic clock, and learn from it; return its alarms, dated."""
        self.statistics.add(block, seen_ns)
        return self._judge(block)

    def effects(self, rows: int | None = None) -> tuple[Effect, ...]:
        """How far the last `rows` rows are from the reference, a signal each; and what the series beside them say."""
        recent = () if self.panel is None else self.panel.effects(rows)
        return (*recent, *self.beside())

    def calibrate(self, rows: LabelledRows) -> None:
        """Tell the detectors that ask for it what a confidence turned out to be worth."""
        if self.panel is not None:
            self.panel.calibrate(rows)

    @property
    def wants_saving(self) -> bool:
        """Whether so much was judged since the last save that it should not wait longer."""
        return self.panel is not None and self.rows - self._saved_at >= SAVE_ROWS

    def rebase(self, step: Step) -> None:
        """Correct the times of this boot, after the clock was set."""
        for dated in (self.statistics, self.store, self.panel, self._learner):
            if dated is not None:
                dated.rebase(step)

    def save(self, mark: bytes, *, lasting: bool = True) -> None:
        """Keep the detectors' states, which have seen all rows up to `mark`, no others; `lasting`: over a power cut."""
        if self.panel is None:
            return
        offsets, states = self.panel.states()
        saved = SavedMonitor(mark=b"", rows=self.rows, alarms_per=self.alarms_per, offsets=offsets, detectors=states)
        if (encoded := encode_saved(saved)) != self._saved.get(lasting):  # one that rests costs the flash nothing
            self.store.put(part.MONITOR, encode_saved(msgspec.structs.replace(saved, mark=mark)), lasting=lasting)
            self._saved |= {False: encoded, lasting: encoded}
        self._saved_at = self.rows

    def health(self) -> list[PartHealth]:
        """Name the detectors of this stream that had to be taken out, or had nothing to judge."""
        return [] if self.panel is None else self.panel.health(self.key)

    def status(self, now_ns: int, state: StreamState, series: tuple[SeriesStatus, ...] = ()) -> StreamStatus:
        """Describe the stream, `now_ns` on the monotonic clock; `state` is decided by who knows the findings."""
        rows, target = self.progress
        return StreamStatus(
            stream=self.stream,
            key=self.key,
            state=state,
            reference_rows=rows,
            reference_target=target,
            reference_notes=self.notes,
            lost=self.lost,
            dropped=self.dropped,
            alarm_every_inferences=self.alarms_per if self.reference else None,
            signals=() if self.panel is None else self.panel.signals(now_ns, calm=state not in WRONG),
            series=series,
            accuracy=None if self.panel is None else self.panel.accuracy(),
            **self.statistics.figures(now_ns),
        )

    def adopt(self, reference: Reference) -> None:
        """Judge by a reference from here on; nothing is kept of it."""
        self.panel = Panel(reference, self._factories, self.alarms_per, self.rows)
        self._learner = None
        self.notes = self.store.judged_by(reference, self.panel.evidence)
        self._saved_at = self.rows - SAVE_ROWS  # a new reference is saved with the next commit

    def take_reference(self, reference: Reference, rows: bytes, learned_ns: int, how: str, by: str = "") -> None:
        """Keep a new reference and judge by it from here on; `rows` is what it was learned from, as archived."""
        self.store.keep_reference(reference.encode(), rows, learned_ns, how, by, first_row=self.rows)
        self.adopt(reference)

    def learn_anew(self, mark: bytes, training: bytes = b"") -> None:
        """Forget the reference, and learn from the rows behind `mark`, put beside those of a training file."""
        self.store.begin_learning(mark, training)
        self._rows = self.rows
        self.panel = self._learner = None
        self.notes = ()
        self._rejudge(mark)

    def placed(self, score: Score) -> Score:
        """Give the rows of a score that knows only times: it is at the newest row."""
        onset_row = self.rows if self.panel is None else self.panel.row_at(score.onset_ns)
        return msgspec.structs.replace(score, row=self.rows, onset_row=onset_row)

    def advance_to(self, row: int) -> None:
        """Count on from `row` where that is further: a finding knows rows that the stored state had not reached."""
        if self.panel is not None:
            self.panel.advance_to(row, judged=not self._unproven)
        self._rows = max(self._rows, row)

    def _judge(self, block: Block) -> list[Score]:
        # As it is stored, so that judging the stored rows again comes to the same.
        block = replace(block, latency_s=block.latency_s.astype(np.float32).astype(np.float64))
        if self._unproven:
            self._prove(block.signals)
        if self.panel is None:
            self._learn(block)
            return []
        return self.panel.judge(block)

    def _prove(self, signals: tuple[Signal, ...]) -> None:
        """Give up a reference that came before its model ever ran here, where it knows other signals."""
        if all(signal.role == "runtime" for signal in signals):
            return  # every call has failed so far: what it will show is not known
        self._unproven = False
        own, known = {s.name for s in signals}, {s.name for s in self.signals}
        if own != known:
            self.learn_anew(self.store.mark())
            differ = ", ".join(sorted(own ^ known))
            self.notes = (f"the imported reference was of other signals ({differ}); learning a new one",)

    def _learn(self, block: Block) -> None:
        if self._learner is None:
            self._learning = block.signals
            self._learner = self._make_learner(self.store.get(part.TRAINING))
        reference = self._learner.add(aligned(block, self._learning))
        if reference is not None:
            how = "a training file and the stream" if self.store.get(part.TRAINING) else "the stream"
            self.take_reference(reference, self._learner.archive(), int(block.time_ns[-1]), how)

    def _make_learner(self, training: bytes) -> Learner:
        if training:
            try:
                return self._factories.trained_learner(self._learning, training)
            except ValueError as error:
                self.store.put(part.TRAINING, b"")
                self.notes = (f"import the training file again: what was kept of it cannot be read ({error})",)
        return self._factories.learner(self._learning)

    def _restore(self) -> None:
        """Go on with what is stored; a part that cannot be read starts anew and says so."""
        reference, doubt = self.store.reference(self._factories.decode_reference, self._factories.refit_reference)
        if reference is not None:
            self._rows = self.store.first_row
            self.adopt(reference)
            if not doubt:
                self._resume()
                return
            self.began_anew = dict.fromkeys(
                self._factories.detectors, f"this version fitted the reference anew: {doubt}"
            )
        elif doubt:
            self.learn_anew(self.store.mark())
            self.notes = (f"the stored reference could not be read ({doubt}); learning a new one",)
        else:
            self._rejudge(self.store.get(part.LEARNING))

    def _resume(self) -> None:
        """Give the detectors their stored states, and have them judge again what was stored since."""
        stored = self.store.get(part.MONITOR)
        if not stored or self.panel is None:
            self._unproven = True  # nothing was ever judged by it
            return
        try:
            saved = decode_saved(stored)
        except ValueError as error:
            self.began_anew = dict.fromkeys(self._factories.detectors, str(error))
            return
        self.resumed = True
        self.set_budget(saved.alarms_per)
        self.began_anew = self.panel.restore(saved)
        self._saved_at = self.rows
        with self._stored_rows("how large a change is shows again in some minutes"):
            for block in self.store.last_rows(min(RECENT_ROWS, self.rows), saved.mark):
                self.panel.show(block)
        self._rejudge(saved.mark)

    def _rejudge(self, mark: bytes) -> None:
        """Judge what was stored since `mark`. Alarms in it were told: findings are durable before their rows are."""
        with self._stored_rows("the rest was not judged"):
            for block in self.store.rows_since(mark):
                self._judge(block)

    @contextmanager
    def _stored_rows(self, otherwise: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            self.notes = (*self.notes, f"not all rows stored before the start could be read ({error}); {otherwise}")
