"""The labels of one stream: its figures, its error stream, and what its confidences turned out to be worth.

The error stream is a stream of its own: one row a label, its one signal `wrong` 0 or 1, learned and judged like any
other by the detectors that are attached to it. Where answers are values, an answer is wrong if it is further off than
nine in ten were among the first labels.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from agent.clock import utc
from agent.labels.figures import Figures
from agent.labels.news import KEPT, is_news
from agent.labels.saved import PART, read_labels
from agent.model import Block
from agent.panel import Panel
from agent.saved import SavedMonitor
from agent.status import PartHealth
from agent.truth import WRONG, LabelledRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent.labels.known import KnownStream
    from agent.model import Effect, Score, Stream
    from agent.panel import Factories
    from agent.ports import StateStore
    from agent.status import TruthStatus
    from agent.steady import Step
    from agent.truth import LabelRecord

FAR = 0.9  # of the first errors lie within what is called right, where answers are values
MAX_PAIRS = 5_000
FEWEST_PAIRS, MORE_PAIRS = 50, 1.25


class StreamLabels:
    """Takes the labels of one stream in.

    Parameters
    ----------
    stream
        The stream that was labelled.
    factories
        How to learn and judge the error stream.
    states
        Where it is kept over a restart.
    window, reference_labels
        As in `LabelsConfig`.
    alarms_per
        At most one expected false alarm in so many labels, until `set_budget` says better.
    known
        What its blocks say of it.

    """

    def __init__(
        self,
        stream: Stream,
        factories: Factories,
        states: StateStore,
        *,
        window: int,
        reference_labels: int,
        alarms_per: float,
        known: KnownStream,
    ) -> None:
        self.stream = stream
        self.known = known
        self.panel: Panel | None = None  # None: not enough labels yet to say how often it errs in health
        self._factories = factories
        self._alarms_per = alarms_per
        self._states = states
        self._window = window
        self._reference_labels = reference_labels
        self._saved, self.note = read_labels(states.get_state(stream.key, PART))
        self._changed = False
        self._told_pairs = 0
        self._known = self._saved.newest  # with those of the last telling, oldest first
        self._resume()

    @property
    def number(self) -> int:
        """The last label that was taken in."""
        return self._saved.number

    @property
    def values(self) -> bool:
        """Whether the answers are values and not classes."""
        return self._saved.figures.values

    def served_by(self, stream: Stream) -> None:
        """Learn which process serves the stream now."""
        self.stream = stream

    def see_kind(self, *, values: bool) -> None:
        """Find out whether answers are values: what was counted as the other before meant nothing."""
        if self.values != values:
            self._saved.figures = Figures(values=values)
            self._saved.newest = self._known = []
            self._forget_health()

    @property
    def is_of_another_reference(self) -> bool:
        """Whether the stream has another reference than the one whose labelled rows are kept here."""
        return self._saved.since_ns != self.known.since_ns

    def begin(self, records: Iterable[LabelRecord]) -> None:
        """Begin anew with another reference, of whose rows there are these labels, oldest first."""
        saved, newest = self._saved, {record.id: record for record in records}
        saved.since_ns, saved.pairs, self._told_pairs = self.known.since_ns, {}, 0
        self._forget_health()
        self._changed = True
        for record in newest.values():
            self._pair(record)
        saved.early = [(record.told_ns, record.inferred_ns, record.error) for record in newest.values()]
        self._learn_health()

    def refuse(self) -> None:
        """Count a label that cannot be compared."""
        self._saved.refused += 1
        self._changed = True

    def take(self, records: Sequence[LabelRecord]) -> Block | None:
        """Take labels in; return what they add to the error stream, if there is anything to judge yet."""
        saved, new = self._saved, []
        for record in records:
            saved.number = max(saved.number, record.number)
            saved.figures.add(record, self._window)
            if math.isnan(record.previous):
                new.append((record.told_ns, record.inferred_ns, record.error))
            else:
                saved.replaced += 1
            self._pair(record)
        self._changed = True
        new.sort(key=lambda label: label[1])  # a file may hold an old episode behind what is newer
        self._known = sorted([*saved.newest, *((inferred, error) for _, inferred, error in new)])
        saved.newest = self._known[-KEPT:]
        if self.panel is None:
            saved.early += new
            self._learn_health()
            return None
        return self._block(new) if new else None

    def judge(self, block: Block) -> list[Score]:
        """Have the error stream's detectors judge a block; return the alarms."""
        if self.panel is None:
            return []
        first = self.panel.rows
        return [score for score in self.panel.judge(block) if self._lasts(score, block, score.row - first)]

    def effects(self, rows: int | None = None) -> tuple[Effect, ...]:
        """How far the errors of the last labels are from those of the first."""
        return () if self.panel is None else self.panel.effects(rows)

    @property
    def rows(self) -> int:
        """How many labels were judged."""
        return 0 if self.panel is None else self.panel.rows

    def has_more_pairs(self) -> bool:
        """Tell whether there are a quarter more labelled rows of the reference than when they were last returned."""
        known = len(self._saved.pairs)
        return known >= max(FEWEST_PAIRS, MORE_PAIRS * self._told_pairs)

    def labelled_rows(self) -> LabelledRows:
        """Return confidence and truth of the reference's rows that have a label."""
        pairs = list(self._saved.pairs.values())
        self._told_pairs = len(pairs)  # not kept: who is told after a restart knows what it was told before
        return LabelledRows(np.array([c for c, _ in pairs], np.float32), np.array([right for _, right in pairs], bool))

    def set_budget(self, alarms_per: float, rate: float) -> None:
        """Spend at most one false alarm in as many labels as come with `alarms_per` inferences at `rate` a second."""
        labelled = self._saved.figures.rate()
        self._alarms_per = alarms_per * min(1.0, labelled / rate if labelled and rate > 0 else 1.0)
        if self.panel is not None:
            self.panel.set_budget(self._alarms_per)

    def status(self) -> TruthStatus:
        """Describe it."""
        reference = self._saved.reference_error
        evidence = 0.0 if self.panel is None else self.panel.evidence().get(WRONG.name, 0.0)
        newest = self._saved.newest
        return msgspec.structs.replace(
            self._saved.figures.status(reference),
            replaced=self._saved.replaced,
            refused=self._saved.refused,
            wrong_evidence=evidence,
            middle=utc(newest[len(newest) // 2][0]) if newest else None,
        )

    def health(self) -> list[PartHealth]:
        """Name the detectors of errors that had to be taken out."""
        failed = {} if self.panel is None else self.panel.failed
        return [PartHealth(name=f"{self.stream.key} {name}", ok=False, note=note) for name, note in failed.items()]

    def rebase(self, step: Step) -> None:
        """Correct the times of this boot, after the clock was set."""
        self._saved.rebase(step)
        self._known = [(step.moved(inferred), error) for inferred, error in self._known]
        self._changed = True
        if self.panel is not None:
            self.panel.rebase(step)

    def save(self) -> None:
        """Keep what changed, for a restart."""
        if self._changed:
            if self.panel is not None:
                offsets, detectors = self.panel.states()
                self._saved.panel = SavedMonitor(
                    mark=b"",
                    rows=self.panel.rows,
                    alarms_per=self._alarms_per,
                    offsets=offsets,
                    detectors=detectors,
                )
            self._states.put_state(self.stream.key, PART, msgspec.msgpack.encode(self._saved))
            self._changed = False

    def _lasts(self, score: Score, block: Block, at: int) -> bool:
        alarm_ns = int(block.time_ns[at] - round(block.latency_s[at] * 1e9))
        limit = self._saved.limit or 0.0
        told = [(inferred, error > limit) for inferred, error in self._known]
        return is_news(told, score.onset_ns, alarm_ns, self._saved.reference_error or 0.0)

    def _block(self, new: Sequence[tuple[int, int, float]]) -> Block:
        told, inferred, errors = (np.array(column) for column in zip(*new, strict=True))
        wrong = errors > (self._saved.limit or 0.0)
        limit = self._saved.limit
        signal = WRONG if limit is None else msgspec.structs.replace(WRONG, unit=f">{limit:.3g}")
        return Block(
            stream=self.stream,
            signals=(signal,),
            time_ns=told.astype(np.int64),
            latency_s=(told - inferred) / 1e9,  # how much later the truth was told
            status=np.zeros(len(new), np.uint8),
            values=wrong.astype(np.float32)[:, None],
        )

    def _pair(self, record: LabelRecord) -> None:
        """Keep what a label says of its confidence, where its inference belongs to the reference."""
        pairs = self._saved.pairs
        learned = self.known.covers(record.inferred_ns) and math.isfinite(record.confidence)
        if learned and not self.values and (record.id in pairs or len(pairs) < MAX_PAIRS):
            pairs[record.id] = (record.confidence, record.error == 0)

    def _forget_health(self) -> None:
        self._saved.forget_health()
        self.panel = None

    def _learn_health(self) -> None:
        """Judge by the first labels from here on, where there are enough of them."""
        saved = self._saved
        if len(saved.early) < self._reference_labels:
            return
        new, saved.early = saved.early, []
        if self.values:
            saved.limit = float(np.quantile([error for *_, error in new], FAR))
        block = self._block(new)
        reference = self._factories.learner(block.signals).add(block)
        if reference is None:
            raise ValueError(f"{len(block)} labels are too few to learn from")
        saved.reference, saved.reference_error = reference.encode(), float(block.values.mean())
        self.panel = Panel(reference, self._factories, self._alarms_per, 0)

    def _resume(self) -> None:
        """Give the detectors their stored states; a state of another version begins anew and says so."""
        saved = self._saved
        if not saved.reference:
            return
        try:
            reference = self._factories.decode_reference(saved.reference)
        except ValueError as error:
            self.note = f"how often it errs in health is learned anew: it could not be read ({error})"
            saved.forget_health()
            return
        self.panel = Panel(reference, self._factories, self._alarms_per, 0)
        if saved.panel is None:
            return
        began_anew = self.panel.restore(saved.panel)
        if began_anew:
            self.note = f"{', '.join(began_anew)} of errors began anew: {'; '.join(set(began_anew.values()))}"
        recent = [(0, 0, error) for error in saved.figures.window.values()]
        self.panel.show(self._block(recent))
