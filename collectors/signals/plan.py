"""Decides, from a signature's shapes and dtypes, which signals a stream has, and computes them for many records.

The order is the same for a signature always: inputs, their non-finite flag, outputs, theirs, latency.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from driftline import wire
from msgspec.structs import replace

from agent.model import Signal
from collectors.ring_header import MAX_SIGNALS, number_type
from collectors.signals.contract import OPAQUE, contract
from collectors.signals.embedding import EmbeddingSignals
from collectors.signals.image import ImageSignals
from collectors.signals.image_faults import FrameMemory
from collectors.signals.image_layout import image_layout
from collectors.signals.named import NamedSignals
from collectors.signals.nonfinite import NonfiniteFlag
from collectors.signals.outputs import output_signals, scores_by_name
from collectors.signals.stored import StoredPart
from collectors.signals.tabular import MAX_COLUMNS, TabularSignals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.model import Role
    from collectors.ring_header import Identity, Signature
    from collectors.signals.stored import Extractor, Slots, Values

LATENCY = Signal("latency", "runtime", unit="s")
_TABLE_RANK = 2


class SignalPlan:
    """What to compute of the calls of one signature.

    Parameters
    ----------
    signature, identity
        From the ring's header.
    memories
        Frame memories of the stream by tensor name; missing ones are added.

    Attributes
    ----------
    signals
        All but latency, which is no part of the payload.
    batch, rows
        Rows of a call, and how many of them were stored: at least 1 unless the batch is empty.
    contract
        The shapes and dtypes that calls of one model share, whatever their batch.

    """

    def __init__(self, signature: Signature, identity: Identity, memories: dict[str, FrameMemory]) -> None:
        self.batch = _batch(signature, identity.kind)
        stored_inputs = _stored(signature, "input", self.batch, identity.kind)
        stored_outputs = _stored(signature, "output", self.batch, identity.kind)
        extractors = _named(signature, "input")
        extractors += _input_signals(stored_inputs, identity, memories)
        extractors += _nonfinite("input", stored_inputs)
        extractors += _named(signature, "output")
        extractors += output_signals(stored_outputs, identity.kind)
        extractors += _nonfinite("output", stored_outputs)
        self.signals, self._columns = _unique(extractors)
        self._extractors = [extractor for _, extractor in extractors]
        stored = [part.rows for part in (*stored_inputs, *stored_outputs) if part.stored_size]
        self.rows = min(self.batch, max([1, *stored]))
        self.contract = contract(signature, stored_inputs)
        named = (p for p in signature.parts if (p.role, p.name, p.dtype) == ("input", "id", OPAQUE) and not p.at % 8)
        self._ids = next(((wire.PAYLOAD_AT + p.at, min(p.bytes // 8, self.rows)) for p in named), (0, 0))

    def compute(self, slots: Slots) -> Values:
        """Return [records, rows, signals]; NaN where a row of an array was not stored."""
        out = np.full((len(slots), self.rows, len(self.signals)), np.nan, np.float32)
        for extractor, (start, columns) in zip(self._extractors, self._columns, strict=True):
            values = extractor.compute(slots)[:, : self.rows]
            out[:, : values.shape[1], start : start + len(columns)] = values[:, :, columns]
        return out

    def own_ids(self, slots: Slots) -> NDArray[np.uint64]:
        """Return the ids [records, k] that the service gave to the first k rows of each call, k 0 where none."""
        at, count = self._ids
        found: NDArray[np.uint64] = np.ascontiguousarray(slots[:, at : at + 8 * count]).view(np.uint64)
        return found.reshape(len(slots), count)


def _batch(signature: Signature, kind: str) -> int:
    """Return the rows of a call: axis 0 of the first array, inputs before outputs, that has more axes than one."""
    for part in sorted(signature.parts, key=lambda part: part.role):
        if len(part.shape) >= _TABLE_RANK:
            dtype = number_type(part)
            layout = None if dtype is None else image_layout(part.shape, dtype, kind)
            return part.shape[0] if layout is None or layout.batched else 1
    return 1


def _stored(signature: Signature, role: Role, batch: int, kind: str) -> list[StoredPart]:
    found = []
    for given in signature.parts:
        part = scores_by_name(given) or given
        dtype = number_type(part)
        if part.role == role and part.layout in {"whole", "head", "sampled"} and dtype is not None:
            layout = image_layout(part.shape, dtype, kind) if role == "input" else None
            single = layout is not None and not layout.batched
            found.append(StoredPart(part, batched=not single and part.shape[:1] == [batch]))
    return found


def _named(signature: Signature, role: Role) -> list[tuple[str, Extractor]]:
    parts = [part for part in signature.parts if part.role == role and part.layout == "named"]
    return [(part.name, NamedSignals(part)) for part in parts if scores_by_name(part) is None]


def _input_signals(
    parts: Sequence[StoredPart], identity: Identity, memories: dict[str, FrameMemory]
) -> list[tuple[str, Extractor]]:
    found: list[tuple[str, Extractor]] = []
    for part in parts:
        if not part.stored_size or not part.rows:
            continue
        layout = image_layout(part.part.shape, part.dtype, identity.kind)
        shapes = (part.part.sample_shape, part.part.patch_shape) if part.sampled else (part.row_shape,)
        if layout is not None and all(layout.fits(shape) for shape in shapes):
            memory = memories.setdefault(part.part.name, FrameMemory())
            found.append((part.part.name, ImageSignals(part, layout, memory)))
        elif identity.kind == "embedding" or (part.row_size > MAX_COLUMNS and identity.kind != "tabular"):
            if part.dtype.kind == "f":  # wide integers are codes of words or of symbols, and have no length
                found.append((part.part.name, EmbeddingSignals(part, "input")))
        elif not part.sampled:
            found.append((part.part.name, TabularSignals(part, part.part.names or identity.features)))
    return found


def _nonfinite(role: Role, parts: Sequence[StoredPart]) -> list[tuple[str, Extractor]]:
    floats = [part for part in parts if part.dtype.kind == "f" and part.stored_size and part.rows]
    return [("", NonfiniteFlag(role, floats))] if floats else []


def _unique(extractors: Sequence[tuple[str, Extractor]]) -> tuple[tuple[Signal, ...], list[tuple[int, list[int]]]]:
    """Name every signal once, by its tensor where two share a name; bound their number.

    Returns the signals, and for each extractor where its columns begin and which of them are taken.
    """
    taken = Counter(signal.name for _, extractor in extractors for signal in extractor.signals)
    signals: list[Signal] = []
    columns: list[tuple[int, list[int]]] = []
    seen = {LATENCY.name}
    for tensor, extractor in extractors:
        start, kept = len(signals), []
        for index, signal in enumerate(extractor.signals):
            name = f"{tensor}_{signal.name}" if taken[signal.name] > 1 and tensor else signal.name
            if name not in seen and len(signals) < MAX_SIGNALS:
                seen.add(name)
                signals.append(replace(signal, name=name))
                kept.append(index)
        columns.append((start, kept))
    return tuple(signals), columns
