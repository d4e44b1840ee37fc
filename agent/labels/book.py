"""The label book: finds the inference of each label, compares, keeps, counts, and hands the errors on to be judged.

Every label becomes a record under a number; records are durable with the next commit, together with how far their ring
was read. A restart takes up the records after the last number that a saved state knows, so none is lost or counted
twice.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
from driftline.ids import written

from agent.labels.compare import NotComparableError, error_of, is_value
from agent.labels.count import LabelCount
from agent.labels.finder import Finder
from agent.labels.known import KnownStream, SavedBook, models_of, read_book
from agent.labels.records import label_of, matched, record_of, stream_of
from agent.labels.saved import PART
from agent.labels.stream import StreamLabels
from agent.labels.waiting import WaitingLabels
from agent.status import LabelsStatus, PartHealth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from agent.clock import Clock
    from agent.clock_watch import Dated
    from agent.labels.config import LabelsConfig
    from agent.model import Block, Label, Labels, Stream
    from agent.panel import Factories
    from agent.ports import StateStore
    from agent.status import TruthStatus
    from agent.steady import Step
    from agent.truth import LabelledRows, LabelRecord, LabelStore, LabelSummary

DEVICE = "device"  # the key under which the book's own state is kept
MAX_STREAMS = 256


class LabelBook:
    """The labels of all streams of the device.

    Parameters
    ----------
    store
        Keeps labels and finds inferences.
    states
        Keeps figures and detectors over a restart.
    factories
        How the error stream of each stream is learned and judged.
    judge
        Has a block of an error stream judged, and carries on its findings.

    """

    def __init__(
        self,
        store: LabelStore,
        states: StateStore,
        factories: Factories,
        config: LabelsConfig,
        clock: Clock,
        judge: Callable[[StreamLabels, Block], None],
        alarms_per: float,
    ) -> None:
        self._store, self._states, self._factories = store, states, factories
        self._config, self._clock, self._judge = config, clock, judge
        self._alarms_per = alarms_per
        self._finder = Finder(store)
        self._waiting = WaitingLabels(round(config.wait_seconds * 1e9))
        self._streams: dict[str, StreamLabels] = {}
        self._replay: dict[str, list[LabelRecord]] = {}
        self._known: dict[str, KnownStream] = {}
        self._saved = b""
        self._lost = 0
        self._number = 0
        self._restore()

    def add(self, block: Block, *, learning: bool) -> None:
        """Know the inferences of a block; `learning` tells that its stream's reference is made of them."""
        if not len(block):
            return
        key = block.stream.key
        began = self._know(key).see(block, learning=learning)
        if key in self._replay or (began and self._states.get_state(key, PART)):
            self._stream(block.stream)
        if key in self._streams and began:
            self._renew(self._streams[key])
        if key in self._streams:
            self._streams[key].served_by(block.stream)
        self._finder.add(block)
        called = self._waiting.called_for(block.ids) if block.ids is not None else []
        if called:
            self._store.append_labels(self._sort(called, LabelCount(), wait=True), "", 0)

    def take(self, told: Labels) -> LabelSummary:
        """Take labels in, and say what became of them. Raises KeyError for a mark of what is not recorded."""
        self._lost += told.lost
        count = LabelCount()
        self._store.append_labels(self._sort(told.labels, count, wait=True), told.source, told.last_seq)
        return count.summary()

    def tick(self) -> None:
        """Look a last time for the inferences of labels that have waited long enough."""
        for records in list(self._replay.values()):  # of streams that have not shown up since the start
            self._stream(stream_of(records[-1]))
        late = self._waiting.overdue(self._clock.monotonic_ns())
        if late:
            count = LabelCount()
            self._store.append_labels(self._sort(late, count, wait=False), "", 0)
            self._waiting.not_found += count.waiting

    def committed(self) -> None:
        """Hear that all that was appended is durable."""
        self._finder.committed()

    def save(self) -> None:
        """Keep figures and detectors, for a restart."""
        for stream in self._streams.values():
            stream.save()
        first = self._waiting.first_number
        number = self._number if first is None else first - 1
        if not self._replay:  # else some of it is in no state yet
            saved = msgspec.msgpack.encode(SavedBook(number, self._waiting.not_found, self._lost, self._known))
            if saved != self._saved:
                self._saved = saved
                self._states.put_state(DEVICE, PART, saved)

    def rebase(self, step: Step) -> None:
        """Correct the times of this boot, after the clock was set."""
        parts: list[Dated] = [self._finder.recent, self._waiting, *self._known.values(), *self._streams.values()]
        for part in parts:
            part.rebase(step)

    def status(self, key: str) -> TruthStatus | None:
        """Describe the labels of a stream; None where it has none."""
        stream = self._streams.get(key)
        found = None if stream is None else stream.status()
        return found if found is not None and (found.labels or found.refused) else None

    def device_status(self) -> LabelsStatus:
        """Describe the labels that belong to no stream."""
        return LabelsStatus(waiting=len(self._waiting), not_found=self._waiting.not_found, lost=self._lost)

    def news_of_confidence(self) -> list[tuple[str, LabelledRows]]:
        """Return, once, the labelled rows of references of which there are clearly more than when they were last."""
        return [(key, stream.labelled_rows()) for key, stream in self._streams.items() if stream.has_more_pairs()]

    def relearned(self, key: str, since_ns: int, until_ns: int, wanted: int, stream: Stream | None) -> None:
        """Hear that a stream has another reference, for which its inferences of this time stand, or the next `wanted`.

        Labels of the old one's inferences say nothing more of a confidence, nor of how often it errs in health; stored
        ones of the new one's do. `stream` is None where it has not run since the start.
        """
        known = self._know(key)
        known.begin(known.newest_ns + 1 if wanted else since_ns, until_ns, wanted)
        found = self._streams.get(key) if stream is None else self._stream(stream)
        if found is not None:
            self._renew(found)

    def names(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the classes by number, of each stream that has any, by its key."""
        return {key: known.classes for key, known in self._known.items() if known.classes}

    def rows(self, key: str) -> int:
        """Return how many labels of a stream were judged."""
        return self._streams[key].rows if key in self._streams else 0

    def labelled_rows(self, key: str) -> LabelledRows | None:
        """Return the labelled rows of a stream's reference; None where no stream has that key."""
        stream = self._streams.get(key)
        return None if stream is None else stream.labelled_rows()

    def set_budget(self, key: str, alarms_per: float, rate: float) -> None:
        """Give a stream's detectors of errors their share, as in `StreamLabels.set_budget`."""
        if key in self._streams:
            self._streams[key].set_budget(alarms_per, rate)

    def health(self) -> list[PartHealth]:
        """Say how the book and its detectors are."""
        notes = [*filter(None, (self._note, self._finder.trouble)), *(s.note for s in self._streams.values() if s.note)]
        parts = [PartHealth(name="labels", ok=False, note=note) for note in notes]
        return [*parts, *(part for s in self._streams.values() for part in s.health())]

    def _sort(self, labels: Sequence[Label], count: LabelCount, *, wait: bool) -> list[LabelRecord]:
        """Match labels, and have what is new judged; return the records to be kept."""
        found = self._finder.find(labels)
        records: list[LabelRecord] = []
        matched: dict[str, list[LabelRecord]] = {}
        for label in labels:
            record = self._match(label, found, count)
            if record is None:
                continue
            records.append(record)
            if record.key:
                matched.setdefault(record.key, []).append(record)
                self._waiting.forget(label.id, label.model)
            elif wait:
                self._waiting.add(label, record.number, self._clock.monotonic_ns())
        for key, some in matched.items():
            self._learn(self._streams[key], some)
        return records if wait else [record for record in records if record.key]

    def _match(self, label: Label, found: Finder.Found, count: LabelCount) -> LabelRecord | None:
        """Return the record of a label, without a key where its inference is not known; None where it is refused."""
        inference = found.inference(label)
        if inference is None:
            if label.right is not None:  # which says nothing without it
                raise KeyError(f"no inference with the id {written(label.id)} is recorded")
            count.waiting += 1
            if label.model and label.model not in (models := models_of(self._known)):
                count.warn(f"no model {label.model} is known here; there are {', '.join(models) or 'none yet'}")
            return self._record(label)
        others = found.other_models(label)
        stream = self._stream(inference.stream)
        if stream is None or others:
            names = ", ".join(sorted(others))
            count.refuse(f"the id belongs to inferences of {names}: name the model" if others else "too many models")
            return None
        known = stream.known
        if label.right:
            label = msgspec.structs.replace(label, value=inference.answer, right=None)
        values = is_value(inference, label, known.classes) or (stream.values and not known.classes)
        try:
            error = error_of(inference, label, known.classes, values=values)
        except NotComparableError as reason:
            stream.refuse()
            count.refuse(str(reason))
            return None
        stream.see_kind(values=values)
        if not values and (odd := known.oddness(label, inference.stream.model)):
            count.warn(odd)
        previous = found.replace(label, error)
        count.matched += math.isnan(previous)
        count.replaced += not math.isnan(previous)
        return matched(self._record(label), inference, error, previous)

    def _record(self, label: Label) -> LabelRecord:
        self._number += 1
        return record_of(label, self._number)

    def _learn(self, stream: StreamLabels, records: Sequence[LabelRecord]) -> None:
        block = stream.take(records)
        if block is not None:
            self._judge(stream, block)

    def _stream(self, stream: Stream) -> StreamLabels | None:
        found = self._streams.get(stream.key)
        if found is None and len(self._streams) >= MAX_STREAMS:
            self._replay.pop(stream.key, None)
        elif found is None:
            config = self._config
            found = self._streams[stream.key] = StreamLabels(
                stream,
                self._factories,
                self._states,
                window=config.window,
                reference_labels=config.reference_labels,
                alarms_per=self._alarms_per,
                known=self._know(stream.key),
            )
            missed = [r for r in self._replay.pop(stream.key, []) if r.number > found.number]
            if missed:
                if any(record.error not in {0.0, 1.0} for record in missed):
                    found.see_kind(values=True)
                self._learn(found, missed)
            self._renew(found)
        return found

    def _renew(self, stream: StreamLabels) -> None:
        """Have a stream begin anew where its reference is another, with what labels of that are stored."""
        if stream.is_of_another_reference:
            known = stream.known
            stream.begin(self._finder.labels_of(stream.stream.key, known.since_ns, known.learned_ns))

    def _know(self, key: str) -> KnownStream:
        if key not in self._known:
            if len(self._known) >= MAX_STREAMS:
                return KnownStream()
            self._known[key] = KnownStream()
        return self._known[key]

    def _restore(self) -> None:
        """Take up what no saved state knows: labels that still wait, and those that came after the last save."""
        saved, self._note = read_book(self._states.get_state(DEVICE, PART))
        self._lost, self._waiting.not_found, self._known = saved.lost, saved.not_found, saved.streams
        self._number = max(saved.number, self._store.last_label())
        now, wall = self._clock.monotonic_ns(), self._clock.wall_ns()
        for record in self._store.labels_since(saved.number):
            if record.key:
                self._replay.setdefault(record.key, []).append(record)
                self._waiting.forget(record.id, record.wanted)
            else:
                self._waiting.add(label_of(record), record.number, now - max(0, wall - record.told_ns))
