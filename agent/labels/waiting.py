"""Labels whose inference is not known yet: kept for a while, in the order in which they came, bounded and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from agent.model import Label
    from agent.steady import Step

MOST = 10_000


class WaitingLabels:
    """A queue in which a label is found by its id. `not_found` counts those that left it without their inference."""

    def __init__(self, wait_ns: int, most: int = MOST) -> None:
        self.not_found = 0
        self._wait_ns = wait_ns
        self._most = most
        self._labels: dict[tuple[int, str], tuple[Label, int, int]] = {}  # label, its number, when its time is over
        self._ids: NDArray[np.uint64] | None = None

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def first_number(self) -> int | None:
        """The lowest number among those that wait."""
        return min((number for _, number, _ in self._labels.values()), default=None)

    def add(self, label: Label, number: int, now_ns: int) -> None:
        """Let a label wait; it takes the place of an earlier one with the same id. The oldest leaves a full queue."""
        self._labels.pop((label.id, label.model), None)
        self._labels[label.id, label.model] = (label, number, now_ns + self._wait_ns)
        self._ids = None
        if len(self._labels) > self._most:
            del self._labels[next(iter(self._labels))]
            self.not_found += 1

    def rebase(self, step: Step) -> None:
        """Correct when the labels were told, after the clock was set; how long they wait is not told by it."""
        for key, (label, number, deadline) in self._labels.items():
            self._labels[key] = (structs.replace(label, time_ns=step.moved(label.time_ns)), number, deadline)

    def called_for(self, ids: NDArray[np.uint64]) -> list[Label]:
        """Take out the labels whose inferences are among these."""
        if not self._labels:
            return []
        if self._ids is None:
            self._ids = np.array([one for one, _ in self._labels], np.uint64)
        wanted = set(self._ids[np.isin(self._ids, ids)].tolist())
        return [self._take(key) for key in list(self._labels) if key[0] in wanted] if wanted else []

    def overdue(self, now_ns: int) -> list[Label]:
        """Take out the labels whose time is over."""
        late = []
        for key, (_, _, deadline) in self._labels.items():
            if deadline > now_ns:
                break
            late.append(key)
        return [self._take(key) for key in late]

    def forget(self, number: int, model: str) -> None:
        """Take out the label of an id, which was matched."""
        if (number, model) in self._labels:
            self._take((number, model))

    def _take(self, key: tuple[int, str]) -> Label:
        self._ids = None
        return self._labels.pop(key)[0]
