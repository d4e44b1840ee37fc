"""The label collector: reads the rings that `driftline.label` writes, one for each process that labels.

They are rings like those of inferences, read and cleared away in the same manner; each record is one label. Whoever may
write to a run directory may write them, so texts are cleaned, and what is no label is counted as lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from driftline import wire
from driftline.labelled import LABEL
from msgspec import structs

from agent.model import Label, Labels
from collectors.ring_header import clean
from collectors.ring_source import RingSource
from collectors.rings import RingCollector
from collectors.signals.contract import OPAQUE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.ports import Item
    from collectors.ring_file import Records
    from collectors.ring_header import RingHeader, Signature
    from collectors.signals.contract import Difference


@dataclass(frozen=True, slots=True)
class LabelRows:
    """Labels of one reading; times on the clock of the ring. Stands where a ring of inferences has `Rows`."""

    labels: tuple[Label, ...]
    lost: int
    last_seq: int
    uncopied: int = 0
    changes: tuple[tuple[int, Difference], ...] = ()

    def __len__(self) -> int:
        return len(self.labels)


class LabelMaker:
    """Makes labels of the records of one ring."""

    def make(self, records: Records, signatures: Sequence[Signature]) -> LabelRows:
        """Return the labels of records whose signature numbers are all within `signatures`."""
        places = [_place(signature) for signature in signatures]
        found = []
        numbers, ends = records.heads["signature"].tolist(), records.heads["end_ns"].tolist()
        for slot, number, end_ns in zip(records.slots, numbers, ends, strict=True):
            at = places[number]
            label = _label(slot[at : at + LABEL.size].tobytes(), min(end_ns, 1 << 62)) if at else None
            if label is not None:
                found.append(label)
        return LabelRows(tuple(found), len(records.heads) - len(found), records.last_seq)


class LabelSource(RingSource):
    """Reads one label ring. What happens to the ring is no news of a stream; only what was lost is told."""

    @staticmethod
    def _make_rows(_header: RingHeader) -> LabelMaker:  # type: ignore[override]  # labels stand for rows
        return LabelMaker()

    def collect(self, max_records: int, max_bytes: int) -> tuple[list[Item], int]:
        """Return what is new, and how many bytes of records that took. Raises RingError, OSError."""
        items, size = super().collect(max_records, max_bytes)
        labels = [item for item in items if isinstance(item, Labels)]
        lost = sum(getattr(item, "count", 0) for item in items if not isinstance(item, Labels))
        return [*labels, Labels((), lost=lost)] if lost else list(labels), size

    def _blocks(self, got: object) -> Iterator[Item]:
        batches: list[LabelRows] = got.batches  # type: ignore[attr-defined]
        if not batches:
            return
        told = list(chain.from_iterable(batch.labels for batch in batches))
        walls_ns = self._walls_ns(np.array([one.time_ns for one in told], np.int64)).tolist()
        yield Labels(
            tuple(structs.replace(one, time_ns=time_ns) for one, time_ns in zip(told, walls_ns, strict=True)),
            source=self.source,
            last_seq=batches[-1].last_seq,
            lost=sum(batch.lost for batch in batches),
        )


class LabelCollector(RingCollector):
    """Yields the labels of all label rings in some directories. Parameters as for `RingCollector`."""

    name = "labels"
    suffix = wire.LABELS_SUFFIX
    source = LabelSource


def _place(signature: Signature) -> int:
    """Return where the label lies in a slot; 0 where there is none."""
    for part in signature.parts:
        if part.dtype == OPAQUE and part.name == "label" and part.bytes == LABEL.size:
            return wire.PAYLOAD_AT + part.at
    return 0


def _label(packed: bytes, end_ns: int) -> Label | None:
    if len(packed) < LABEL.size:
        return None
    number, value, text_bytes, model_bytes, text, model = LABEL.unpack(packed)
    said = clean(text[:text_bytes].decode("utf-8", "replace"))
    if not said and not math.isfinite(value):
        return None
    return Label(
        id=number,
        value=None if said else value,
        text=said,
        model=clean(model[:model_bytes].decode("utf-8", "replace")),
        time_ns=end_ns,
    )
