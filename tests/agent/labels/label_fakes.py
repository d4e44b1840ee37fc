"""Small stand-ins for the store of labels and for what learns and judges errors."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.clock import ManualClock
from agent.labels.book import LabelBook
from agent.labels.config import LabelsConfig
from agent.model import Block, Label, Labels, Signal, Stream
from tests.agent.fakes import MemoryStore, factories

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.labels.stream import StreamLabels
    from agent.steady import Step
    from agent.truth import Inference, LabelRecord

VALVE = Stream(model="valve", sha256="ab" * 32, pid=7)
CLASSIFIED = (
    Signal("pressure", "input"),
    Signal("prediction", "output", "categorical"),
    Signal("confidence", "output"),
)
VALUED = (Signal("pressure", "input"), Signal("value", "output"))
SECOND_NS = 1_000_000_000


class LabelMemory:
    """Keeps labels in a list, and knows the inferences that it was given."""

    def __init__(self) -> None:
        self.records: list[LabelRecord] = []
        self.read_to: dict[str, int] = {}
        self.inferences: list[Inference] = []
        self.broken = False

    def append_labels(self, records: Sequence[LabelRecord], source: str, last_seq: int) -> None:
        """Append."""
        self.records += records
        self.read_to[source] = last_seq

    def find_inferences(self, ids: NDArray[np.uint64], model: str) -> list[Inference]:
        """Look through all."""
        if self.broken:
            raise OSError("the disk is gone")
        wanted = set(ids.tolist())
        return [i for i in self.inferences if i.id in wanted and model in {"", i.stream.model}]

    def find_labels(self, ids: NDArray[np.uint64]) -> list[LabelRecord]:
        """Look through all."""
        wanted = set(ids.tolist())
        return [record for record in self.records if record.id in wanted and record.key]

    def labels_between(self, key: str, since_ns: int, until_ns: int) -> list[LabelRecord]:
        """Look through all."""
        return [r for r in self.records if r.key == key and since_ns <= r.inferred_ns <= until_ns]

    def labels_since(self, number: int) -> list[LabelRecord]:
        """Return the tail."""
        return [record for record in self.records if record.number > number]

    def last_label(self) -> int:
        """Return the last number."""
        return max((record.number for record in self.records), default=0)


class Bench:
    """A label book with its surroundings; `judged` are the errors that it handed on."""

    def __init__(self, **config: float) -> None:
        self.store, self.states, self.clock = LabelMemory(), MemoryStore(), ManualClock()
        self.judged: list[tuple[str, list[float]]] = []
        self._config = LabelsConfig(**{"reference_labels": 50, "window": 100} | config)  # type: ignore[arg-type]
        self.book = self.start()

    def start(self) -> LabelBook:
        """Begin, or begin again after a crash, with what is stored."""
        learner: Any = ErrorLearner  # of its reference, only what a panel without detectors looks at
        make = dataclasses.replace(factories(), learner=learner, detectors={})

        def judge(stream: StreamLabels, block: Block) -> None:
            stream.judge(block)
            self.judged.append((stream.stream.key, block.values[:, 0].tolist()))

        self.book = LabelBook(self.store, self.states, make, self._config, self.clock, judge, 1e6)
        return self.book

    def tell(self, *labels: Label, source: str = "", last_seq: int = 0) -> tuple[int, int, int, int]:
        """Hand labels in; return matched, replaced, waiting and refused."""
        said = self.book.take(Labels(labels, source, last_seq))
        return said.matched, said.replaced, said.waiting, said.refused


class ErrorReference:
    """Remembers nothing but its size."""

    signals = (Signal("wrong", "output", "flag", "1"),)
    notes: tuple[str, ...] = ()

    def __init__(self, mean: float, rows: int) -> None:
        self.mean, self.rows = mean, rows

    def encode(self) -> bytes:
        """Return it as text."""
        return f"{self.mean} {self.rows}".encode()


class ErrorLearner:
    """Learns from the first block."""

    rows, target = 0, 1

    def __init__(self, signals: tuple[Signal, ...]) -> None:
        self.signals = signals

    def add(self, block: Block) -> ErrorReference:
        """Take the mean."""
        return ErrorReference(float(block.values.mean()), len(block))

    def rebase(self, step: Step) -> None:
        """Know no times."""

    def archive(self) -> bytes:
        """Keep nothing."""
        return b""


def inferred(
    ids: Sequence[int],
    answers: Sequence[float],
    *,
    stream: Stream = VALVE,
    signals: tuple[Signal, ...] = CLASSIFIED,
    classes: tuple[str, ...] = (),
) -> Block:
    """Inferences, a second apart, with these ids and answers, all 90 % sure."""
    count = len(ids)
    columns = [np.zeros(count), np.array(answers), np.full(count, 0.9)][: len(signals)]
    return Block(
        stream=stream,
        signals=signals,
        time_ns=(np.arange(count, dtype=np.int64) + 1) * SECOND_NS,
        latency_s=np.full(count, 0.001),
        status=np.zeros(count, np.uint8),
        values=np.column_stack(columns).astype(np.float32),
        ids=np.array(ids, np.uint64),
        classes=classes,
    )


def right(number: int, value: float, model: str = "") -> Label:
    """A label in numbers."""
    return Label(id=number, value=value, model=model, time_ns=10_000 * SECOND_NS)


def named(number: int, text: str) -> Label:
    """A label in words."""
    return Label(id=number, text=text, time_ns=10_000 * SECOND_NS)
