"""The newest inferences of all streams by their ids, so that most labels need no look at the disk.

Bounded: KEPT rows of 31 bytes. Rows that are not committed yet are here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.truth import Inference, answer_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import Block, Signal, Stream
    from agent.steady import Step
    from agent.truth import Answer

KEPT = 65_536
_FEW = 64  # ids that are looked for one by one; sorting costs as much as so many comparisons with all rows
_MAX_PLACES = 4_096


class RecentInferences:
    """A ring of rows in the order in which they came."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._seen = 0
        self._ids = np.zeros(kept, np.uint64)
        self._times = np.zeros(kept, np.int64)
        self._answers = np.full(kept, np.nan, np.float32)
        self._confidences = np.full(kept, np.nan, np.float32)
        self._places = np.zeros(kept, np.uint16)
        self._errors = np.full(kept, np.nan, np.float32)  # by the newest label; NaN: none
        self._known: list[tuple[Stream, Answer]] = []
        self._place_of: dict[tuple[Stream, tuple[Signal, ...]], int] = {}

    def add(self, block: Block) -> None:
        """Take a block in; the oldest rows leave."""
        answer = answer_of(block.signals)
        if block.ids is None or answer is None:
            return
        place = self._place(block.stream, block.signals, answer)
        rows = slice(max(0, len(block) - self._kept), len(block))
        count = rows.stop - rows.start
        at = (self._seen + np.arange(count)) % self._kept
        self._ids[at] = block.ids[rows]
        self._times[at] = block.time_ns[rows]
        self._answers[at] = block.values[rows, answer.column]
        self._confidences[at] = np.nan if answer.confidence is None else block.values[rows, answer.confidence]
        self._places[at] = place
        self._errors[at] = np.nan
        self._seen += count

    def rebase(self, step: Step) -> None:
        """Correct the times of this boot, after the clock was set."""
        self._times = step.moved_all(self._times)

    def find(self, ids: NDArray[np.uint64], model: str) -> list[tuple[Inference, int]]:
        """Return the inferences with these ids, newest first, each with its place; of the model where one is named."""
        filled = self._ids[: min(self._seen, self._kept)]
        if len(ids) <= _FEW:
            hits = [np.flatnonzero(filled == one) for one in np.unique(ids)]
            at = np.concatenate(hits) if hits else np.empty(0, np.int64)
        else:
            at = np.flatnonzero(np.isin(filled, ids))
        at = at[np.argsort((at - self._seen) % self._kept)[::-1]]
        found = [(self._inference(place), place) for place in at.tolist()]
        return [pair for pair in found if model in {"", pair[0].stream.model}]

    def error(self, place: int) -> float:
        """Return the error by the label that the row at a place has; NaN where it has none."""
        return float(self._errors[place])

    def mark(self, place: int, error: float) -> None:
        """Remember that the row at a place has a label."""
        self._errors[place] = error

    def _inference(self, at: int) -> Inference:
        stream, answer = self._known[self._places[at]]
        return Inference(
            id=int(self._ids[at]),
            stream=stream,
            time_ns=int(self._times[at]),
            answer=float(self._answers[at]),
            confidence=float(self._confidences[at]),
            kind=answer.kind,
        )

    def _place(self, stream: Stream, signals: tuple[Signal, ...], answer: Answer) -> int:
        place = self._place_of.get((stream, signals))
        if place is None:
            if len(self._known) == _MAX_PLACES:  # processes come and go; what they left is on the disk
                self._seen = 0
                self._known.clear()
                self._place_of.clear()
            place = self._place_of[stream, signals] = len(self._known)
            self._known.append((stream, answer))
        return place
