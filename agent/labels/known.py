"""What the blocks of a stream say that its labels need, and what the book keeps of all streams over a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from agent.labels.compare import truth_of
from agent.truth import answer_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.model import Block, Label
    from agent.steady import Step


class KnownStream(msgspec.Struct):
    """What blocks and `driftline baseline` say of a stream.

    classes: their names. since_ns, learned_ns: its reference stands for the inferences of this time, the last included;
    labels of these tell what a confidence is worth. learning: it grows yet. wanted: so many inferences more belong to
    it, where it was imported. newest_ns: of all inferences. answers: the lowest and the highest class that was
    answered, where they have no names.
    """

    classes: tuple[str, ...] = ()
    learned_ns: int = 0
    since_ns: int = 0
    learning: bool = False
    wanted: int = 0
    newest_ns: int = 0
    answers: tuple[float, float] | None = None

    def see(self, block: Block, *, learning: bool) -> bool:
        """Take over what a block says; tell whether another reference began with it."""
        self.classes = block.classes or self.classes
        first, last = int(block.time_ns.min()), int(block.time_ns.max())
        began = learning and not self.learning and self.learned_ns > 0
        if began:
            self.begin(first, 0)
        self.learning = learning
        if learning or self.wanted > 0:
            self.learned_ns = max(self.learned_ns, last)
            self.wanted = max(0, self.wanted - len(block))
        self.newest_ns = max(self.newest_ns, last)
        self._see_answers(block)
        return began

    def begin(self, since_ns: int, learned_ns: int, wanted: int = 0) -> None:
        """Hear that there is another reference."""
        self.since_ns, self.learned_ns, self.wanted, self.learning = since_ns, learned_ns, wanted, False

    def rebase(self, step: Step) -> None:
        """Correct the times of this boot, after the clock was set."""
        self.since_ns, self.learned_ns = step.moved(self.since_ns), step.moved(self.learned_ns)
        self.newest_ns = step.moved(self.newest_ns)

    def covers(self, time_ns: int) -> bool:
        """Tell whether an inference of this time belongs to the reference."""
        return self.since_ns <= time_ns <= self.learned_ns

    def never_said(self, truth: float) -> bool:
        """Tell whether a class is beyond all that were answered, where classes have no names."""
        return not self.classes and self.answers is not None and not self.answers[0] <= truth <= self.answers[1]

    def oddness(self, label: Label, model: str) -> str:
        """Say what is odd about a label of a class, which is taken all the same; empty where nothing is."""
        if label.right is False or not self.never_said(truth := truth_of(label, self.classes, model)):
            return ""
        return f"{truth:g} is no class that {model} has answered so far: such a label makes it wrong"

    def _see_answers(self, block: Block) -> None:
        answer = answer_of(block.signals)
        if self.classes or answer is None or answer.kind != "class":
            return
        said = block.values[:, answer.column]
        said = said[np.isfinite(said)]
        if len(said):
            low, high = self.answers or (np.inf, -np.inf)
            self.answers = min(low, float(said.min())), max(high, float(said.max()))


class SavedBook(msgspec.Struct):
    """What a restart needs: records after `number` may be in no state yet. `streams`: what is known of each, by key."""

    number: int = 0
    not_found: int = 0
    lost: int = 0
    streams: dict[str, KnownStream] = {}  # msgspec copies it


def read_book(stored: bytes | None) -> tuple[SavedBook, str]:
    """Read what was stored of the book; return it, or a beginning and why it is none of what was stored."""
    try:
        return SavedBook() if stored is None else msgspec.msgpack.decode(stored, type=SavedBook), ""
    except msgspec.MsgspecError as error:
        return SavedBook(), f"the counts of labels not found started anew: they could not be read ({error})"


def models_of(keys: Iterable[str]) -> list[str]:
    """Return the models that keys of streams name.

    >>> models_of(["valve@ab12", "gauge", "valve@cd34"])
    ['gauge', 'valve']
    """
    return sorted({key.rpartition("@")[0] or key for key in keys})
