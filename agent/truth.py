"""What is true about inferences, told later: the records that the label book keeps, and where it keeps and finds them.

The contract common to all ports (`agent.ports`) holds here too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, runtime_checkable

import msgspec

from agent.model import Signal, Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from agent.model import AccuracyEstimate

AnswerKind = Literal["class", "value"]

WRONG = Signal("wrong", "output", "flag", "1")  # the one signal of an error stream: 1 where an answer was wrong


class Answer(NamedTuple):
    """Where among a stream's signals its answer stands: columns, `confidence` None where the model gives none."""

    column: int
    confidence: int | None
    kind: AnswerKind


class Inference(msgspec.Struct, frozen=True, kw_only=True):
    """An inference that was found by its id. NaN: the model gave no answer, or no confidence."""

    id: int
    stream: Stream
    time_ns: int
    answer: float
    confidence: float
    kind: AnswerKind


class LabelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A label as it is kept, with what was found by it. A later one of the same id and stream takes its place.

    number: in the order in which the agent took them. wanted: the model that it named. key: the stream; empty while
    its inference has not been found. error: 0 right, 1 wrong; of a predicted value the absolute error.
    previous: the error by the label that this one replaces, NaN where there was none.
    """

    number: int
    id: int
    told_ns: int
    value: float = math.nan
    text: str = ""
    wanted: str = ""
    key: str = ""
    model: str = ""
    version: str = ""
    inferred_ns: int = 0
    answer: float = math.nan
    confidence: float = math.nan
    error: float = math.nan
    previous: float = math.nan


@dataclass(frozen=True, slots=True)
class LabelledRows:
    """Rows of a stream's reference whose truth is known: what a confidence is worth can be learned from them."""

    confidence: NDArray[np.float32]  # [n]
    correct: NDArray[np.bool_]  # [n]

    def __len__(self) -> int:
        return len(self.confidence)


@runtime_checkable
class Calibrated(Protocol):
    """A detector that wants to know what a confidence is worth."""

    def calibrate(self, rows: LabelledRows) -> None:
        """Take over all labelled rows of the reference that are known by now.

        Called again as more become known, and after a restart with what was told before: it tells them apart itself.
        """
        ...


@runtime_checkable
class AccuracySource(Protocol):
    """A detector that can also say how often the model was right lately."""

    def accuracy(self) -> AccuracyEstimate | None:
        """Return the newest estimate; None where there is nothing to estimate from. Cheap to ask often."""
        ...


class LabelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What became of some labels. They are in one of the first four; `replaced` had a label and have this one now.

    waiting: their inference is not known; kept for a while, as it may be on its way. refused: cannot be compared with
    the answer, each reason once in `reasons`. warnings: what is odd about labels that were taken, or wait: a class that
    was never answered, a model that is not known.
    """

    matched: int = 0
    replaced: int = 0
    waiting: int = 0
    refused: int = 0
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class LabelStore(Protocol):
    """The buffer, as the label book sees it."""

    def append_labels(self, records: Sequence[LabelRecord], source: str, last_seq: int) -> None:
        """Take labels in, and how far their ring was read, to be durable at the next commit."""
        ...

    def find_inferences(self, ids: NDArray[np.uint64], model: str) -> list[Inference]:
        """Return committed inferences with these ids, of the newest segment that has them; of any model where empty."""
        ...

    def find_labels(self, ids: NDArray[np.uint64]) -> list[LabelRecord]:
        """Return the committed labels with these ids that were matched, oldest first."""
        ...

    def labels_between(self, key: str, since_ns: int, until_ns: int) -> list[LabelRecord]:
        """Return a stream's committed labels of inferences of this time, oldest first; of very many the newest."""
        ...

    def labels_since(self, number: int) -> list[LabelRecord]:
        """Return the committed labels after a number, oldest first; of very many the newest."""
        ...

    def last_label(self) -> int:
        """Return the number of the newest committed label, 0 where there is none."""
        ...


def is_error_stream(signal: Signal) -> bool:
    """Tell whether a signal is that of an error stream; a feature may have its name. Its unit varies."""
    return (signal.name, signal.role, signal.kind) == (WRONG.name, WRONG.role, WRONG.kind)


def answer_of(signals: Sequence[Signal]) -> Answer | None:
    """Find a stream's answer: its first predicted class, else its first predicted value; None where it has neither."""

    def first(name: str) -> int | None:
        named = (
            at
            for at, signal in enumerate(signals)
            if signal.role == "output" and (signal.name == name or signal.name.endswith(f"_{name}"))
        )
        return next(named, None)

    kinds: tuple[tuple[str, AnswerKind], ...] = (("prediction", "class"), ("value", "value"))
    for name, kind in kinds:
        column = first(name)
        if column is not None:
            return Answer(column, first("confidence"), kind)
    return None
