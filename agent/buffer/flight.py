"""The last rows of all streams, whole, in bounded memory: what a finding looks back on.

Each row is stored, stood for by a row that is, or neither yet; `take_out` gives those that are not stored, with weights
that keep the sum of all stored weights equal to the number of inferences.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from agent.model import Block

BLOCK_BYTES = 1_000  # what a block's arrays take beside their content
ROW_BYTES = 25  # time, latency, status, id and whether it is stored
_PACE_NS = 60_000_000_000


@dataclass(slots=True)
class Entry:
    """A block as it came. `seen_ns` is the monotonic time at which it did; `stored` says which of its rows are."""

    number: int
    seen_ns: int
    block: Block
    stored: NDArray[np.bool_]


class LastRows:
    """Blocks in the order in which they came, `limit_bytes` of them; the oldest leave."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._entries: deque[Entry] = deque()
        self.bytes = 0
        self.left = 0  # the number of the newest entry that has left, or of what was before the first

    def add(self, entry: Entry) -> None:
        """Take a block in."""
        self._entries.append(entry)
        self.bytes += size_of(entry.block)
        while self._entries and self.bytes > self._limit:
            oldest = self._entries.popleft()
            self.bytes -= size_of(oldest.block)
            self.left = oldest.number

    def since(self, key: str, number: int, until: int | None = None) -> Iterator[Entry]:
        """Yield what came of a stream after `number`, and up to `until`."""
        for entry in list(self._entries):
            if number < entry.number and (until is None or entry.number <= until) and entry.block.stream.key == key:
                yield entry

    def take_out(self, key: str, seen_ns: int, gap: int) -> list[Block]:
        """Return the rows of a stream that came since `seen_ns` and are not stored, and count them as stored.

        The newest `gap` of them are stood for by none: each stands for itself, the first also for such that are older.
        """
        entries = [entry for entry in self._entries if entry.block.stream.key == key and entry.seen_ns >= seen_ns]
        out = []
        for entry in reversed(entries):
            chosen = np.flatnonzero(~entry.stored)
            if len(chosen):
                weights = np.zeros(len(chosen), np.float32)
                own = min(gap, len(chosen))
                weights[len(chosen) - own :] = 1.0
                gap -= own
                out.append(pick(entry.block, chosen, weights))
                entry.stored[:] = True
        if gap and out and out[-1].weights is not None:
            out[-1].weights[0] += gap
        return out[::-1]

    def take_some(self, key: str, seen_ns: int, every: int) -> list[Block]:
        """Return one in `every` of the rows that `take_out` would give; others stand for them, or will."""
        out, passed = [], 0
        for entry in self._entries:
            if entry.block.stream.key == key and entry.seen_ns >= seen_ns:
                waiting = np.flatnonzero(~entry.stored)
                chosen = waiting[-passed % every :: every]
                passed += len(waiting)
                if len(chosen):
                    out.append(pick(entry.block, chosen, np.zeros(len(chosen), np.float32)))
                    entry.stored[chosen] = True
        return out

    def pace(self, key: str, now_ns: int) -> float:
        """Return how fast the rows of a stream have come that are here: bytes a nanosecond, over a minute at least."""
        entries = [entry for entry in self._entries if entry.block.stream.key == key]
        span_ns = max(_PACE_NS, now_ns - entries[0].seen_ns) if entries else _PACE_NS
        return sum(len(entry.block) * row_bytes(entry.block) for entry in entries) / span_ns

    def take_newest(self, key: str, gap: int) -> Block | None:
        """Return the newest row of a stream that is not stored, for `gap` rows, and count it as stored."""
        for entry in reversed(self._entries):
            rows = np.flatnonzero(~entry.stored)
            if entry.block.stream.key == key and len(rows):
                entry.stored[rows[-1]] = True
                return pick(entry.block, rows[-1:], np.array([gap], np.float32))
        return None

    def waiting(self, key: str, seen_ns: int) -> list[tuple[int, int]]:
        """Return how much `take_out` would give: for each block, rows, and bytes of one."""
        return [
            (int(np.count_nonzero(~entry.stored)), row_bytes(entry.block))
            for entry in self._entries
            if entry.block.stream.key == key and entry.seen_ns >= seen_ns
        ]

    def move(self, corrected: Callable[[Block], Block]) -> None:
        """Replace every block by one with other times."""
        for entry in self._entries:
            entry.block = corrected(entry.block)

    def keys(self) -> set[str]:
        """Return the streams of which there are rows."""
        return {entry.block.stream.key for entry in self._entries}


def pick(block: Block, rows: NDArray[np.intp] | slice, weights: NDArray[np.float32] | None = None) -> Block:
    """Give a block some of its rows."""
    if weights is None and block.weights is not None:
        weights = block.weights[rows]
    return replace(
        block,
        time_ns=block.time_ns[rows],
        latency_s=block.latency_s[rows],
        status=block.status[rows],
        values=block.values[rows],
        ids=None if block.ids is None else block.ids[rows],
        weights=weights,
    )


def row_bytes(block: Block) -> int:
    """Return about what a row of a block takes, in memory and in the log."""
    return 4 * len(block.signals) + ROW_BYTES


def size_of(block: Block) -> int:
    """Return about what a block takes in memory."""
    return len(block) * row_bytes(block) + BLOCK_BYTES
