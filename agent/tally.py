"""What one identity of a model did in a span of time, in figures that add up: the pieces of what the dashboard draws.

Latencies are counted in the buckets of `agent.summary`, so that quantiles are within one per cent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from agent.summary import GAMMA, LEAST_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

LOWEST = math.ceil(math.log(LEAST_S) / math.log(GAMMA)) - 1
HIGHEST = math.ceil(math.log(1e6) / math.log(GAMMA))  # a call that takes longer counts as this long: a dozen days
_NOTHING = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Tally:
    """Inferences, those that failed, and what was measured.

    first, counts: how many latencies are in bucket `first`, the next, and so on. evidence: the highest share of the way
    to an alarm; None where nothing judged. classes: by the name of a reference, how many values of the prediction are
    in each of its bins. means: of each signal, how many values, and their sum. began_ns, ended_ns: wall time of what it
    is of. span_s: of the longest summary in it.
    """

    inferences: int = 0
    failed: int = 0
    first: int = 0
    counts: NDArray[np.int64] = field(default_factory=lambda: _NOTHING)
    evidence: float | None = None
    classes: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    means: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    began_ns: int = 0
    ended_ns: int = 0
    span_s: float = 0.0

    def quantile(self, share: float) -> float | None:
        """Return the latency in seconds that a share of the inferences did not pass; None where none was measured."""
        total = int(self.counts.sum())
        if not total:
            return None
        at = int(np.searchsorted(np.cumsum(self.counts), share * (total - 1), side="right"))
        return float(2 * GAMMA ** (self.first + at) / (GAMMA + 1))

    def mean(self, signal: str) -> float | None:
        """Return the mean of a signal; None where it had no value."""
        count, total = self.means.get(signal, (0, 0.0))
        return total / count if count else None

    def part(self, parts: int, at: int) -> Tally:
        """Return the share of one of so many equal spans that it covers, where how it was spread is not known."""
        counted = _share(self.inferences, parts, at), _share(self.failed, parts, at)
        return Tally(*counted, self.first, self.counts, self.evidence, means=self.means)


def add(tallies: Iterable[Tally]) -> Tally:
    """Return one tally of all."""
    found = [tally for tally in tallies if tally.inferences or len(tally.counts)]
    if len(found) == 1:
        return found[0]
    wide = np.zeros(HIGHEST - LOWEST + 1, np.int64)
    classes: dict[str, NDArray[np.int64]] = {}
    means: dict[str, tuple[int, float]] = {}
    for tally in found:
        place(wide, tally.first, tally.counts)
        for name, bins in tally.classes.items():
            known = classes.get(name)
            if known is None or len(known) == len(bins):
                classes[name] = bins if known is None else known + bins
        for name, (count, total) in tally.means.items():
            before, of_before = means.get(name, (0, 0.0))
            means[name] = (before + count, of_before + total)
    return Tally(
        sum(tally.inferences for tally in found), sum(tally.failed for tally in found), *trimmed(wide),
        max((tally.evidence for tally in found if tally.evidence is not None), default=None), classes, means,
        min((tally.began_ns for tally in found), default=0), max((tally.ended_ns for tally in found), default=0),
        max((tally.span_s for tally in found), default=0.0),
    )  # fmt: skip


def place(wide: NDArray[np.int64], first: int, counts: Sequence[int] | NDArray[np.int64]) -> None:
    """Add counts from a bucket on to those of all buckets; what lies beyond them counts as the outermost."""
    if LOWEST <= first <= HIGHEST + 1 - len(counts):
        wide[first - LOWEST : first - LOWEST + len(counts)] += np.asarray(counts, np.int64)
    else:
        np.add.at(wide, np.clip(np.arange(first, first + len(counts)), LOWEST, HIGHEST) - LOWEST, counts)


def trimmed(wide: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """Return the first bucket that holds anything, and the counts from there to the last."""
    held = np.flatnonzero(wide)
    if not len(held):
        return 0, _NOTHING
    return LOWEST + int(held[0]), wide[held[0] : held[-1] + 1].copy()


def _share(count: int, parts: int, at: int) -> int:
    return count * (at + 1) // parts - count * at // parts
