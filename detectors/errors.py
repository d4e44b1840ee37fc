"""Calls that raise: a model that answers nothing is no healthy model, whatever its data looks like.

Deterministic, outside the alarm budget: a fault is reported while FAILED of the last WINDOW calls raised an exception.
A service whose calls fail independently with probability 1/4 gets there less than once in 10^9 calls
(binomial tail: P(at least 30 of 40) = 1.4e-10).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from agent.model import Block, Score, Signal
from detectors.packing import pack_state, unpack_state

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.learned import Reference

FORMAT = 1
WINDOW, FAILED = 40, 30  # calls
ERRORS = Signal("errors", "runtime", "flag", "1")


class ErrorDetector:
    """Conforms to `agent.ports.Detector`; `Score.value` and `threshold` count failed calls of the last WINDOW.

    `alarms_per` is taken for uniformity and not used.
    """

    name = "errors"

    def __init__(self, reference: Reference, alarms_per: float = math.inf) -> None:
        self.alarms_per = alarms_per
        self._fingerprint = reference.fingerprint
        self._row = 0
        self._last = np.zeros(WINDOW, bool)

    def score(self, block: Block) -> list[Score]:
        """Judge a block; at most one score, at its worst row."""
        failed = self._failed(block)
        at = int(failed.argmax())
        if failed[at] < FAILED:
            return []
        first = int(np.flatnonzero(failed >= FAILED)[0])
        window = np.concatenate((self._last, block.status != 0))[first + 1 : first + 1 + WINDOW]
        onset = self._row + first + 1 - WINDOW + int(window.argmax())
        return [
            Score(
                detector=self.name,
                stream=block.stream,
                signal=ERRORS,
                time_ns=int(block.time_ns[first]),
                row=self._row + first,
                value=float(failed[at]),
                threshold=float(FAILED),
                onset_row=max(onset, 0),
                detail=f"{failed[at]} of the last {WINDOW} calls raised an exception",
            )
        ]

    def learn(self, block: Block) -> None:
        """Take the block that was just scored into the state."""
        self._last = np.concatenate((self._last, block.status != 0))[-WINDOW:]
        self._row += len(block)

    def evidence(self) -> dict[str, float]:
        """Return nothing: calls that fail are no signal of the reference."""
        return {}

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        return pack_state("errors", FORMAT, {"row": self._row, "last": self._last}, self._fingerprint)

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read or belongs to another reference."""
        items = unpack_state(state, "errors", FORMAT, self._fingerprint)
        last, row = items.get("last"), items.get("row")
        if not isinstance(last, np.ndarray) or last.shape != (WINDOW,) or not isinstance(row, int):
            raise ValueError("stored errors state has other parts than this version")
        self._last, self._row = last, row

    def _failed(self, block: Block) -> NDArray[np.int64]:
        """Count, for each row, the failed calls among the last WINDOW."""
        failed = np.concatenate((self._last, block.status != 0)).cumsum()
        return failed[WINDOW:] - np.concatenate(([0], failed))[1 : len(block) + 1]
