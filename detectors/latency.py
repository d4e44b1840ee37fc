"""The slow detector: a service whose inferences have become slower, for longer than a stall.

Null: whatever came before, at most SLOW_SHARE of the next block's inferences take longer than the limit. That leaves
room for jitter and for neighbours that take the processor now and then. The limit is far above the reference's 95th
percentile, max(2 x, + 1 ms): a smaller change is real but nobody drives to a site for it, and the scheduler of a busy
two-core board makes it every minute. Bets and sums as in `detectors.risen`; budget as in `detectors.shift`.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import numpy as np

from agent.model import Block, Score, Signal
from detectors.ahead import LooksAhead
from detectors.onset import History
from detectors.packing import pack_state, part_of, unpack_state
from detectors.risen import bet
from detectors.wording import durations

if TYPE_CHECKING:
    from agent.model import Stream
    from detectors.learned import Reference

FORMAT = 1
SLOW_SHARE = 0.25
BETS = np.array((0.5, 1.0, 2.0, 3.6))  # below 1 / SLOW_SHARE, so that a block without slow inferences cannot ruin them
TIMES_P95, SECONDS_OVER_P95 = 2.0, 1e-3
MIN_ROWS_REFERENCE = 100  # a 95th percentile of fewer is a guess
BLOCK_ROWS = 8
BLOCK_NS = 200_000_000  # ten blocks make an alarm: a stall of less than two seconds is none
_SIGNAL = Signal("latency", "runtime", "continuous", "s")


class LatencyDetector(LooksAhead["_State"]):
    """Conforms to `agent.ports.Detector`; `Score.value` is log evidence in nats, `threshold` log `alarms_per`.

    A block is at least BLOCK_ROWS inferences and BLOCK_NS long. Inferences without a latency are passed over, and so is
    the whole stream where the reference has none.
    """

    name = "latency"

    def __init__(self, reference: Reference, alarms_per: float) -> None:
        self.alarms_per = alarms_per
        runtime = [s for s in reference.signals if s.role == "runtime" and s.name.startswith("latency")]
        self._signal = runtime[0] if runtime else _SIGNAL
        p95 = float(reference.profile.latency[1])
        measured = reference.profile.latency_rows >= MIN_ROWS_REFERENCE
        self.limit_s = max(TIMES_P95 * p95, p95 + SECONDS_OVER_P95) if measured else math.inf
        self._usual_s = float(reference.profile.latency[0])
        self._fingerprint = reference.fingerprint
        super().__init__(_State())

    def evidence(self) -> dict[str, float]:
        """Return the share in [0, 1] of the way to an alarm, on the log scale."""
        share = math.log(max(self._state.total(), 1.0)) / math.log(max(self.alarms_per, math.e))
        return {self._signal.name: min(1.0, share)}

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        return pack_state("latency", FORMAT, self._state.items(), self._fingerprint)

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read or belongs to another reference."""
        items = unpack_state(state, "latency", FORMAT, self._fingerprint)
        fresh = _State()
        fresh.load(items)
        self._go_on_from(fresh)

    def _advance(self, state: _State, block: Block) -> list[Score]:
        first = state.row
        state.row += len(block)
        if math.isinf(self.limit_s):
            return []
        found: list[Score] = []
        rows = zip(block.latency_s.tolist(), block.time_ns.tolist(), strict=True)
        for row, (latency, time_ns) in enumerate(rows, start=first):
            closed = math.isfinite(latency) and state.take(latency, self.limit_s, row, time_ns)
            if closed and state.total() >= self.alarms_per:
                found = found or [self._score(state, block.stream, row, time_ns)]  # at most one a block
                state.reset()
        return found

    def _score(self, state: _State, stream: Stream, row: int, time_ns: int) -> Score:
        onset_row, onset_ns = state.history.onset(0, SLOW_SHARE, upwards=True)
        return Score(
            detector=self.name,
            stream=stream,
            signal=self._signal,
            time_ns=time_ns,
            row=row,
            value=math.log(state.total()),
            threshold=math.log(self.alarms_per),
            onset_row=onset_row,
            onset_ns=onset_ns,
            detail="{}, was {}; limit {}".format(*durations(state.typical_s, self._usual_s, self.limit_s)),
        )


_PLAIN = ("row", "sums", "slow", "rows", "taken", "began_row", "began_ns", "typical_s")


class _State:
    def __init__(self) -> None:
        self.row = 0
        self.sums = np.zeros(len(BETS))
        self.slow = self.rows = self.taken = 0  # of the open block; `taken` is rows in all blocks since the reset
        self.began_row = self.began_ns = 0
        self.typical_s = 0.0  # average over the last few blocks, for people
        self.history = History(1)

    def copy(self) -> _State:
        twin = copy.copy(self)
        twin.sums, twin.history = self.sums.copy(), self.history.copy()
        return twin

    def take(self, latency: float, limit: float, row: int, time_ns: int) -> bool:
        """Take one inference in; tell whether it closed a block."""
        if self.rows == 0:
            self.began_row, self.began_ns = row, time_ns
        self.rows += 1
        self.slow += latency > limit
        self.typical_s += (latency - self.typical_s) / min(self.taken + self.rows, 4 * BLOCK_ROWS)
        timed = time_ns > 0
        if self.rows < BLOCK_ROWS or (timed and 0 <= time_ns - self.began_ns < BLOCK_NS):
            return False
        share = self.slow / self.rows
        self.sums = bet(self.sums, share, self.rows, SLOW_SHARE, BETS)
        self.history.add(np.array([share], np.float16), self.began_row, self.began_ns)
        self.taken += self.rows
        self.slow = self.rows = 0
        return True

    def total(self) -> float:
        """Evidence in rows: each sum counts the rows of its blocks, so that blocks may differ in length."""
        return float(self.sums.mean())

    def reset(self) -> None:
        self.sums = np.zeros(len(BETS))
        self.history.reset()

    def items(self) -> dict[str, object]:
        items: dict[str, object] = {name: getattr(self, name) for name in _PLAIN}
        return items | {f"history.{name}": item for name, item in self.history.items().items()}

    def load(self, items: dict[str, object]) -> None:
        if items.keys() != self.items().keys():
            raise ValueError("stored latency state has other parts than this version")
        if not isinstance(items["sums"], np.ndarray) or items["sums"].shape != self.sums.shape:
            raise ValueError("stored latency state has other bets than this version")
        self.history.load(part_of(items, "history"))
        for name in _PLAIN:
            setattr(self, name, items[name])
