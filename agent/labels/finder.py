"""Finds the inferences of labels, and the labels that they have already: in memory first, then in the buffer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.labels.recent import RecentInferences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from agent.model import Block, Label
    from agent.truth import Inference, LabelRecord, LabelStore

    T = TypeVar("T")

MAX_UNCOMMITTED = 200_000  # more labels between two commits than this are a full disk, and the newest are enough

Candidates = dict[tuple[int, str], list["tuple[Inference, int | None]"]]


class Finder:
    """Knows recent inferences, and asks the buffer for others. `trouble` says why it could not be asked last."""

    class Found:
        """What was found for some labels."""

        def __init__(self, finder: Finder, candidates: Candidates, labelled: dict[tuple[int, str], float]) -> None:
            self._finder, self._candidates, self._labelled = finder, candidates, labelled

        def inference(self, label: Label) -> Inference | None:
            """Return the newest inference that a label can mean."""
            candidates = self._candidates.get((label.id, label.model))
            return candidates[0][0] if candidates else None

        def other_models(self, label: Label) -> set[str]:
            """Return the models that a label can mean where it names none and there are several."""
            names = {inference.stream.model for inference, _ in self._candidates[label.id, label.model]}
            return names if len(names) > 1 else set()

        def replace(self, label: Label, error: float) -> float:
            """Remember the error by a label; return that by the label before, NaN where it is the first."""
            inference, place = self._candidates[label.id, label.model][0]
            recent, uncommitted = self._finder.recent, self._finder.uncommitted
            key = (label.id, inference.stream.key)
            before = uncommitted.get(key, math.nan) if place is None else recent.error(place)
            if math.isnan(before):
                before = self._labelled.get(key, math.nan)
            if place is not None:
                recent.mark(place, error)
            uncommitted[key] = error
            while len(uncommitted) > MAX_UNCOMMITTED:
                del uncommitted[next(iter(uncommitted))]
            return before

    def __init__(self, store: LabelStore) -> None:
        self.recent = RecentInferences()
        self.uncommitted: dict[tuple[int, str], float] = {}
        self.trouble = ""
        self._store = store

    def add(self, block: Block) -> None:
        """Know the inferences of a block."""
        self.recent.add(block)

    def committed(self) -> None:
        """Hear that the buffer has all labels."""
        self.uncommitted.clear()

    def find(self, labels: Sequence[Label]) -> Found:
        """Look for the inferences of labels."""
        candidates: Candidates = {}
        stored: set[int] = set()
        for model in dict.fromkeys(label.model for label in labels):
            ids = np.array([label.id for label in labels if label.model == model], np.uint64)
            for inference, place in self.recent.find(ids, model):
                candidates.setdefault((inference.id, model), []).append((inference, place))
            left = np.array([one for one in ids.tolist() if (one, model) not in candidates], np.uint64)
            for inference in self._ask(self._store.find_inferences, left, model) if len(left) else ():
                candidates.setdefault((inference.id, model), []).append((inference, None))
                stored.add(inference.id)
        for some in candidates.values():
            if some[0][1] is None:
                some.sort(key=lambda pair: -pair[0].time_ns)
        had = self._ask(self._store.find_labels, np.array(sorted(stored), np.uint64)) if stored else []
        return self.Found(self, candidates, {(record.id, record.key): record.error for record in had})

    def labels_of(self, key: str, since_ns: int, until_ns: int) -> list[LabelRecord]:
        """Return the committed labels of a stream's inferences of this time, oldest first."""
        return self._ask(self._store.labels_between, key, since_ns, until_ns) if since_ns <= until_ns else []

    def _ask(self, question: Callable[..., list[T]], *about: Any) -> list[T]:
        try:
            found = question(*about)
        except Exception as error:  # noqa: BLE001  # the labels wait, and are looked for again
            self.trouble = f"the buffer cannot be searched: {type(error).__name__}: {error}"
            return []
        self.trouble = ""
        return found
