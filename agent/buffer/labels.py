"""Labels in the segments, and inferences found by their ids. The newest segment is looked at first.

A segment from before there were ids has neither column nor table; it is passed over.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.buffer import label_schema, schema
from agent.buffer.answers import find_answers
from agent.buffer.columns import column_names
from agent.buffer.pending import Told
from agent.buffer.text import storable
from agent.truth import Inference, LabelRecord, answer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from agent.buffer.engine import Engine
    from agent.buffer.pending import Pending
    from agent.buffer.segment import Segment

MOST_READ = 50_000  # labels that are read back at a start: 35 MB for a moment
AT_ONCE = 20_000  # ids a lookup: bounds what a query holds
_NUMBERS = ("value", "answer", "confidence", "error", "previous")
_TEXTS = ("text", "wanted", "key", "model", "version")


def write_labels(engine: Engine, alias: str, records: Sequence[LabelRecord], era: int) -> None:
    """Append labels to a segment, inside the transaction that is open."""
    columns: dict[str, NDArray[Any]] = {
        "number": np.array([record.number for record in records], np.int64),
        "id": np.array([record.id for record in records], np.uint64),
        "a": np.full(len(records), era, np.uint8),
        "told": np.clip(np.array([record.told_ns for record in records], np.int64), 0, schema.LATEST_NS),
        "inferred": np.clip(np.array([record.inferred_ns for record in records], np.int64), 0, schema.LATEST_NS),
    }
    for name in _NUMBERS:
        columns[name] = np.array([getattr(record, name) for record in records], np.float64)
    for name in _TEXTS:
        columns[name] = np.array([storable(getattr(record, name)) for record in records], object)
    engine.insert(label_schema.INSERT_LABELS.format(db=alias), columns)


class LabelShelf:
    """Conforms to `agent.truth.LabelStore`. `ask` puts a question to the open files, the newest segment first."""

    def __init__(self, pending: Pending, ask: Callable[[Callable[[Engine, list[Segment]], Any]], Any]) -> None:
        self._pending = pending
        self._ask = ask
        self.models: set[str] = set()  # of which labels come

    def append_labels(self, records: Sequence[LabelRecord], source: str, last_seq: int) -> None:
        """Take labels in, and how far their ring was read, to be durable at the next commit."""
        self.models.update(record.model for record in records if record.model)
        self._pending.add_labels(Told(tuple(records), source, last_seq))

    def find_inferences(self, ids: NDArray[np.uint64], model: str) -> list[Inference]:
        """Return committed inferences with these ids, of the newest segment that has them; of any model where empty."""

        def look(engine: Engine, segments: list[Segment]) -> list[Inference]:
            found: list[Inference] = []
            left = np.unique(ids)
            for segment in segments:
                if not len(left):
                    break
                if segment.has(schema.LABELS):
                    segment.show(engine.insert)
                    here = [one for part in _parts(left) for one in _of_segment(engine, segment, part, model)]
                    here += [one for part in _parts(left) for one in find_answers(engine, segment, part, model)]
                    found += here
                    left = np.setdiff1d(left, np.array([one.id for one in here], np.uint64))
            return found

        return self._ask(look)  # type: ignore[no-any-return]  # what is asked says what is returned

    def find_labels(self, ids: NDArray[np.uint64]) -> list[LabelRecord]:
        """Return the committed labels with these ids that were matched, oldest first."""
        parts = list(_parts(np.unique(ids)))
        return self._read(
            lambda engine, select: [
                row for part in parts for row in engine.select(f"{select} {label_schema.FIND_LABELS}", {"id": part})
            ]
        )

    def labels_between(self, key: str, since_ns: int, until_ns: int) -> list[LabelRecord]:
        """Return a stream's committed labels of inferences of this time, oldest first; of very many the newest."""
        since, until = (min(max(time_ns, 0), schema.LATEST_NS) for time_ns in (since_ns, until_ns))
        about = [key, since, until, MOST_READ]
        found = self._read(lambda engine, select: engine.run(f"{select} {label_schema.LABELS_BETWEEN}", about))
        return found[-MOST_READ:]

    def labels_since(self, number: int) -> list[LabelRecord]:
        """Return the committed labels after a number, oldest first; of very many the newest."""
        found = self._read(
            lambda engine, select: engine.run(f"{select} {label_schema.READ_LABELS}", [number, MOST_READ])
        )
        return found[-MOST_READ:]

    def last_label(self) -> int:
        """Return the number of the newest committed label, 0 where there is none."""
        newest = self._ask(
            lambda engine, segments: max(
                (
                    engine.run(label_schema.READ_LAST_LABEL.format(db=s.alias))[0][0]
                    for s in segments
                    if s.has(schema.LABELS)
                ),
                default=0,
            )
        )
        return int(newest)

    def _read(self, question: Callable[[Engine, str], list[tuple[Any, ...]]]) -> list[LabelRecord]:
        rows = self._ask(
            lambda engine, segments: [
                row
                for s in segments
                if s.has(schema.LABELS)
                for row in question(engine, label_schema.read_labels(s.alias, s.eras.shifts))
            ]
        )
        return sorted(map(_record, rows), key=lambda record: record.number)


def _of_segment(engine: Engine, segment: Segment, ids: NDArray[np.uint64], model: str) -> list[Inference]:
    streams = {number: stream for stream, number in segment.streams.items()}
    found = []
    for number, signals in segment.tables.items():
        answer = answer_of(signals)
        if answer is None:
            continue
        names = column_names(signal.name for signal in signals)
        sure = names[answer.confidence] if answer.confidence is not None else ""
        sql = schema.find_rows(segment.source, number, names[answer.column], sure)
        for identity, at, time_ns, said, confidence in engine.select(sql, {"id": ids}):
            stream = streams.get(at)
            if stream is not None and model in {"", stream.model}:
                found.append(
                    Inference(
                        id=identity,
                        stream=stream,
                        time_ns=time_ns,
                        answer=_number(said),
                        confidence=_number(confidence),
                        kind=answer.kind,
                    )
                )
    return found


def _parts(ids: NDArray[np.uint64]) -> Iterable[NDArray[np.uint64]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))


def _record(row: tuple[Any, ...]) -> LabelRecord:
    fields: dict[str, Any] = dict(zip(label_schema.LABEL_COLUMNS, row, strict=True))
    fields |= {name: _number(fields[name]) for name in _NUMBERS}
    return LabelRecord(**fields)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
