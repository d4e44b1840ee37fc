"""Rows that are unusual together: `half_space_trees` as a detector of a stream.

An alarm is where the last WINDOW rows are, on average, more unusual than those of the reference by DEVIATIONS standard
deviations of such an average: if rows were independent, less than once in 10^9 rows. Rows of streams with memory are
not, and the trees' masses are those of one window at a time: there is no promise, this stands outside the alarm budget.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from agent.model import Block, Score
from detectors.packing import pack, unpack
from detectors.river.catalogue import KINDS, TREES
from detectors.river.loader import river_version
from detectors.river.trees import ScaledTrees

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from agent.model import Signal
    from detectors.learned import Reference
    from detectors.river.config import RiverConfig

FORMAT = 1
WINDOW = 100  # rows
DEVIATIONS = 6.0  # P = 1e-9 of a normal distribution
MIDDLE = 0.5
LIMIT = MIDDLE + DEVIATIONS / math.sqrt(12 * WINDOW)  # the variance of a uniform rank is 1/12
NAMED = 4  # signals in a sentence


class OutlierDetector:
    """Conforms to `agent.ports.Detector`; `Score.value` is the mean rank of the last WINDOW rows, `threshold` LIMIT.

    Reported once a block while it lasts, for the signal that tells most of the row's score. The trees go on learning:
    what lasts for a window (river's `window_size`) is usual then. Outside the alarm budget.

    Parameters
    ----------
    name
        What scores and states are called, as `river half_space_trees`.
    config
        The parameters.
    watched
        The signals, each with its column in the blocks.
    reference
        Gives the range of each signal, and the rows that the trees learn first.

    Raises
    ------
    ImportError
        Where river is not installed.
    """

    def __init__(
        self, name: str, config: RiverConfig, watched: Sequence[tuple[Signal, int]], reference: Reference
    ) -> None:
        self.name = name
        self.alarms_per = math.inf
        self._signals = tuple(signal for signal, _ in watched)
        self._columns = np.array([column for _, column in watched], np.int64)
        self._trees = ScaledTrees(
            [signal.name for signal in self._signals],
            config.parameters,
            reference.sample[:, self._columns].astype(np.float64),
            reference.profile.low[self._columns],
            reference.profile.high[self._columns],
        )
        self._identity = {
            "river": river_version(),
            "parameters": dict(sorted(config.parameters.items())),
            "signals": [signal.name for signal in self._signals],
            "reference": reference.fingerprint,
        }
        self._state = _State(0, np.full(WINDOW, MIDDLE), np.zeros(WINDOW, np.int64))
        self._ahead: _Ahead | None = None  # a block that was scored and is not learned yet: the trees have seen it

    def score(self, block: Block) -> list[Score]:
        """Judge a block, each row by the trees that have not seen it."""
        if self._ahead is not None:
            if self._ahead.block is block:
                return list(self._ahead.scores)
            self._take_back(self._ahead)
        before, masses = self._state, self._trees.items()
        rows = self._trees.scaled(block.values[:, self._columns].astype(np.float64))
        rows[block.status != 0] = np.nan
        found = self._trees.advance(rows)
        judged = np.flatnonzero(np.isfinite(found))
        ranks = np.concatenate((before.ranks, self._trees.ranks(found[judged])))
        numbers = np.concatenate((before.rows, before.row + judged))
        means = np.lib.stride_tricks.sliding_window_view(ranks, WINDOW).mean(axis=1)[1:]
        scores = []
        if len(means) and means.max() >= LIMIT:
            first = int(np.flatnonzero(means >= LIMIT)[0])
            window = slice(first + 1, first + 1 + WINDOW)
            onset = int(numbers[window][_begin(ranks[window])])
            at = int(judged[first])
            scores.append(self._score(block, rows[at], at, onset, float(means.max())))
        self._state = _State(before.row + len(block), ranks[-WINDOW:], numbers[-WINDOW:])
        self._ahead = _Ahead(block, before, masses, scores)
        return list(scores)

    def learn(self, block: Block) -> None:
        """Take the block that was just scored into the state."""
        if self._ahead is None or self._ahead.block is not block:
            self.score(block)
        self._ahead = None

    def evidence(self) -> dict[str, float]:
        """Return nothing: the trees look at no signal alone."""
        return {}

    def state(self) -> bytes:
        """Return everything that a restart needs."""
        state, trees = (self._ahead.state, self._ahead.trees) if self._ahead else (self._state, self._trees.items())
        return pack(self.name, FORMAT, {"identity": self._identity} | state._asdict() | trees)

    def restore(self, state: bytes) -> None:
        """Go on from `state`. Raises ValueError where it cannot be read, or was made by another river or otherwise."""
        items = unpack(state, self.name, FORMAT)
        identity = items.pop("identity", None)
        if not isinstance(identity, dict) or identity.keys() != self._identity.keys():
            raise ValueError(f"stored {self.name} state has other parts than this version")
        for what, ours in self._identity.items():
            if identity[what] != ours:
                stored = f" {identity[what]}, not {ours}" if what != "reference" else ""
                raise ValueError(f"stored {self.name} state belongs to another {what}{stored}")
        row, ranks, rows = (items.pop(name, None) for name in _State._fields)
        arrays = isinstance(ranks, np.ndarray) and isinstance(rows, np.ndarray)
        if not isinstance(row, int) or not arrays or ranks.shape != (WINDOW,) or rows.shape != (WINDOW,):
            raise ValueError(f"stored {self.name} state has other parts than this version")
        if self._ahead is not None:
            self._take_back(self._ahead)
        self._trees.load(items)
        self._state = _State(row, ranks, rows)

    def _take_back(self, ahead: _Ahead) -> None:
        """Make the trees what they were before a block that was scored and not learned."""
        self._trees.load(ahead.trees)
        self._state, self._ahead = ahead.state, None

    def _score(self, block: Block, row: Any, at: int, onset: int, mean: float) -> Score:
        told = self._signals[self._trees.most_telling(row)]
        names = [signal.name for signal in self._signals]
        others = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        together = f"{', '.join(names[:NAMED])}{others}"
        return Score(
            detector=self.name,
            stream=block.stream,
            signal=told,
            time_ns=int(block.time_ns[at]),
            row=self._state.row + at,
            value=mean,
            threshold=LIMIT,
            onset_row=onset,
            detail=f"{KINDS[TREES].title} says rows are unusual in {together} together, most in {told.name}: "
            f"more than {mean:.0%} of the reference's rows, on average",
        )


def _begin(ranks: NDArray[np.float64]) -> int:
    """Return where the excess began: by maximum likelihood of a mean that moved once (as in `detectors.onset`)."""
    excess = np.cumsum(ranks[::-1] - MIDDLE)
    length = 1 + int(np.argmax(np.maximum(excess, 0.0) ** 2 / np.arange(1, len(ranks) + 1)))
    return len(ranks) - length


class _State(NamedTuple):
    row: int
    ranks: Any  # [WINDOW] of the last judged rows
    rows: Any  # [WINDOW] their numbers


class _Ahead(NamedTuple):
    block: Block
    state: _State
    trees: dict[str, Any]
    scores: list[Score]
