"""How a stream was in the last minutes, in steps of five seconds: what the dashboard shows of the present.

In memory alone, and bounded: of each step a few hundred latencies, and sums. Times are wall time, of when they ran.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from agent.model import Block
    from agent.steady import Step

STEP_NS = 5_000_000_000
STEPS = 61  # five minutes, and the step that is not over
MOST_LATENCIES = 256  # of a step; of more, some that are evenly spaced


@dataclass(slots=True)
class Beat:
    """One step. latencies: in seconds, some of them, newest block last. confidence: how many values, and their sum."""

    inferences: int = 0
    failed: int = 0
    latencies: list[NDArray[np.float32]] = field(default_factory=list)
    held: int = 0
    confidence: tuple[int, float] = (0, 0.0)
    evidence: float | None = None

    def quantiles(self, *shares: float) -> list[float | None]:
        """Return the latencies that these shares of the inferences did not pass; None where none was measured."""
        if not self.held:
            return [None] * len(shares)
        return [float(value) for value in np.quantile(np.concatenate(self.latencies), shares)]


class Pulse:
    """The last minutes of one stream."""

    def __init__(self) -> None:
        self._beats: dict[int, Beat] = {}  # by the number of the step since 1970

    def add(self, block: Block) -> None:
        """Take a block in."""
        steps = block.time_ns // STEP_NS
        first, last = int(steps.min()), int(steps.max())
        if first == last:  # nearly always
            self._add(first, block, slice(None))
        for step in np.unique(steps).tolist() if first != last else ():
            self._add(step, block, np.flatnonzero(steps == step))
        newest = max(self._beats)
        for step in [step for step in self._beats if step <= newest - STEPS]:
            del self._beats[step]

    def judged(self, evidence: Callable[[], Mapping[str, float]]) -> None:
        """Have how far it is on the way to an alarm noted, once a step."""
        beat = self._beats[max(self._beats)] if self._beats else None
        if beat is not None and beat.evidence is None:
            beat.evidence = max(evidence().values(), default=None)

    def rebase(self, by: Step) -> None:
        """Correct the times, after the clock was set: a step goes where most of it belongs."""
        self._beats = {by.moved(step * STEP_NS + STEP_NS // 2) // STEP_NS: beat for step, beat in self._beats.items()}

    def beats(self) -> dict[int, Beat]:
        """Return the steps in which something ran, by their numbers since 1970, as they are now: they stay so."""
        return {step: replace(beat, latencies=list(beat.latencies)) for step, beat in self._beats.items()}

    def _add(self, step: int, block: Block, rows: NDArray[np.intp] | slice) -> None:
        beat = self._beats.setdefault(step, Beat())
        status = block.status[rows]
        beat.inferences += len(status)
        beat.failed += int(np.count_nonzero(status))
        latency = block.latency_s[rows]
        latency = latency[np.isfinite(latency)]
        left = MOST_LATENCIES - beat.held
        if len(latency) and left > 0:
            kept = latency[:: -(-len(latency) // left)].astype(np.float32)
            beat.latencies.append(kept)
            beat.held += len(kept)
        column = next((at for at, signal in enumerate(block.signals) if signal.name == "confidence"), None)
        if column is not None:
            sure = block.values[rows, column]
            sure = sure[np.isfinite(sure)]
            count, total = beat.confidence
            beat.confidence = (count + len(sure), total + float(sure.sum(dtype=np.float64)))
