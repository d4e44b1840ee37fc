"""Rows of a span that is too long to be kept whole: runs of rows that follow one another, spread evenly over it.

Within a run rows hang together as in the stream; between runs lies a gap of always the same number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from detectors.statistics import BASE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from agent.steady import Step

RUN = 60  # rows: several times the blocks of a signal that hardly hangs together, and some runs in each hour


@dataclass
class Runs:
    """Keeps at most `most` rows: of every `every` runs of the stream the first, and twice as few whenever it is full.

    Without `thin` it keeps the first rows, and is full then.
    """

    most: int
    thin: bool
    seen: int = 0  # rows, kept or not
    kept: int = 0
    every: int = 1
    _parts: list[tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.int64]]] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether it takes no more."""
        return not self.thin and self.kept >= self.most

    def add(self, values: NDArray[np.float32], latency_s: NDArray[np.float64], time_ns: NDArray[np.int64]) -> None:
        """Take in rows: values [n, S], latencies [n] and times [n]."""
        first = 0
        while first < len(values) and not self.full:
            if self.kept >= self.most:
                self._halve()
            room = self.most - self.kept
            numbers = self.seen + np.arange(len(values) - first)
            wanted = np.flatnonzero(numbers // RUN % self.every == 0)
            taken = len(numbers) if len(wanted) <= room else int(wanted[room])
            at = first + wanted[:room]
            if len(at):
                self._parts.append((values[at], latency_s[at], time_ns[at]))
                self.kept += len(at)
            self.seen += taken
            first += taken

    def rebase(self, step: Step) -> None:
        """Correct the times, after the clock was set."""
        self._parts = [(values, latency, step.moved_all(times)) for values, latency, times in self._parts]

    def rows(self) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.int64]]:
        """Give what was kept: values, latencies and times. There must be any."""
        values, latency, times = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        return values, latency, times

    def _halve(self) -> None:
        """Keep every second run of those that are kept."""
        parts = self.rows()
        stays = np.arange(self.kept) // RUN % 2 == 0
        self._parts = [(parts[0][stays], parts[1][stays], parts[2][stays])]
        self.kept = int(stays.sum())
        self.every *= 2


def stretched(steps: ArrayLike, every: int) -> NDArray[np.int64]:
    """Give lengths in base blocks, found in rows of one run in `every`, as lengths in the stream.

    What is well within a run is as long there. Longer blocks reach over gaps; in the stream they are made as long as
    the time that they stand for, so that two of them are never nearer than two that were found to be independent.
    """
    length = np.asarray(steps, np.int64)
    return np.where(length * BASE > RUN // 2, length * every, length)


def stretched_rows(rows: NDArray[np.int64], every: int) -> NDArray[np.float64]:
    """Give lengths in rows in the same way."""
    return np.where(rows > RUN // 2, rows * every, rows).astype(np.float64)
