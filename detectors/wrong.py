"""The detector of falling accuracy: more answers are wrong, by labels, than among the first labels.

It judges an error stream: a row a label, in the order in which labels were told, 1 where the answer was wrong. Null:
whatever came before, the next answer that is labelled is wrong with probability at most the limit, which is the upper
95 % confidence bound (Clopper-Pearson) of the share among the first labels, and ROOM more: a smaller fall is real but
nobody retrains for it. Bets and sums as in `detectors.risen`, one row a bet; at most one false alarm in `alarms_per`
labels while the null holds. The promise is thus conditional on that bound. Where labels are told for suspicious cases
only, or errors come in runs that the first labels did not have, the null does not hold and neither does the promise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.model import Block, Score
from agent.truth import WRONG
from detectors.onset import History
from detectors.packing import pack_state, part_of, unpack_state
from detectors.risen import bet, bets_on, highest_share

if TYPE_CHECKING:
    from detectors.learned import Reference

FORMAT = 1
LEVEL = 0.05
ROOM = 0.01
RISES = np.array((0.03, 0.08, 0.2, 0.5))  # of the share of wrong answers: from what shows in months to what is plain
LONGEST = 128  # four times as many labels are remembered, to date an onset


class WrongDetector:
    """Conforms to `agent.ports.Detector`; `Score.value` is log evidence in nats, `threshold` log `alarms_per`.

    Looks at the signal `wrong` alone: 0 or 1. `Block.latency_s` is how long after the inference the label was told, so
    that an onset is dated by inferences. Where at least 97 % of the first answers were wrong it is silent: that
    cannot be seen to become worse.
    """

    name = "labels"

    def __init__(self, reference: Reference, alarms_per: float) -> None:
        self.alarms_per = alarms_per
        self._column = reference.column(WRONG.name) or 0
        self._signal = reference.signals[self._column]
        share = float(reference.profile.mean[self._column])
        self.limit = highest_share(round(share * reference.rows), reference.rows, LEVEL) + ROOM
        self._bets = bets_on(self.limit, RISES) if self.limit < 1 - ROOM else np.zeros(len(RISES))
        self._fingerprint = reference.fingerprint
        self._row = 0
        self._sums = np.zeros(len(RISES))
        self._history = History(1, LONGEST)
        self._scored: tuple[Block, int, Any, History, list[Score]] | None = None

    def score(self, block: Block) -> list[Score]:
        """Judge a block without changing the state; at most one score."""
        sums, history = self._sums, self._history.copy()
        found: list[Score] = []
        inferred = block.time_ns - np.round(np.nan_to_num(block.latency_s) * 1e9).astype(np.int64)
        rows = zip(block.values[:, self._column].tolist(), inferred.tolist(), block.time_ns.tolist(), strict=True)
        for row, (wrong, inferred_ns, told_ns) in enumerate(rows, start=self._row):
            if math.isnan(wrong):
                continue
            sums = bet(sums, wrong, 1, self.limit, self._bets)
            history.add(np.array([wrong], np.float16), row, inferred_ns)
            total = float(sums.mean())
            if total < self.alarms_per:
                continue
            if self._bets.any() and not found:
                onset_row, onset_ns = history.onset(0, self.limit, upwards=True)
                found.append(
                    Score(
                        detector=self.name,
                        stream=block.stream,
                        signal=self._signal,
                        time_ns=told_ns,
                        row=row,
                        value=math.log(total),
                        threshold=math.log(self.alarms_per),
                        onset_row=onset_row,
                        onset_ns=onset_ns,
                    )
                )
            sums = np.zeros(len(RISES))
        self._scored = (block, self._row + len(block), sums, history, found)
        return found

    def learn(self, block: Block) -> None:
        """Take the block that was just scored into the state."""
        if self._scored is None or self._scored[0] is not block:
            self.score(block)
        if self._scored is not None:
            _, self._row, self._sums, self._history, _ = self._scored
        self._scored = None

    def evidence(self) -> dict[str, float]:
        """Return the share in [0, 1] of the way to an alarm, on the log scale."""
        total = max(float(self._sums.mean()), 1.0) if self._bets.any() else 1.0
        return {self._signal.name: min(1.0, math.log(total) / math.log(max(self.alarms_per, math.e)))}

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        items = {f"history.{name}": item for name, item in self._history.items().items()}
        return pack_state("labels", FORMAT, items | {"row": self._row, "sums": self._sums}, self._fingerprint)

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read or belongs to another reference."""
        items = unpack_state(state, "labels", FORMAT, self._fingerprint)
        history = History(1, LONGEST)
        history.load(part_of(items, "history"))
        sums, row = items.get("sums"), items.get("row")
        if not (isinstance(row, int) and isinstance(sums, np.ndarray) and sums.shape == (len(RISES),)):
            raise ValueError("stored labels state has other parts than this version")
        self._row, self._sums, self._history = row, sums, history
        self._scored = None
