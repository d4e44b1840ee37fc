"""Labels as the records that are kept of them, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from agent.model import Label, Stream
from agent.truth import LabelRecord

if TYPE_CHECKING:
    from agent.truth import Inference


def record_of(label: Label, number: int) -> LabelRecord:
    """Return the record of a label whose inference is not known."""
    return LabelRecord(
        number=number,
        id=label.id,
        told_ns=label.time_ns,
        value=math.nan if label.value is None else label.value,
        text=label.text,
        wanted=label.model,
    )


def matched(record: LabelRecord, inference: Inference, error: float, previous: float) -> LabelRecord:
    """Return the record of a label with its inference."""
    return msgspec.structs.replace(
        record,
        key=inference.stream.key,
        model=inference.stream.model,
        version=inference.stream.version,
        inferred_ns=inference.time_ns,
        answer=inference.answer,
        confidence=inference.confidence,
        error=error,
        previous=previous,
    )


def label_of(record: LabelRecord) -> Label:
    """Return the label that a record was made of."""
    value = None if math.isnan(record.value) else record.value
    return Label(id=record.id, value=value, text=record.text, model=record.wanted, time_ns=record.told_ns)


def stream_of(record: LabelRecord) -> Stream:
    """Return as much of a stream as its labels tell: enough for its key."""
    stream = Stream(model=record.model, version=record.version)
    tag = record.key.removeprefix(f"{record.model}@")
    return stream if stream.key == record.key else msgspec.structs.replace(stream, sha256=tag)
