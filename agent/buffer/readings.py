"""Which host readings are stored: one a minute of each series, and all around a finding."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.model import Reading

EVERY_NS = 59_000_000_000  # a minute, less what a measurement comes early
MOST_KEPT = 20_000  # readings in memory: five minutes of 300 series


class ReadingSampler:
    """Thins readings, and remembers those it left out for `before_ns`."""

    def __init__(self, before_ns: int) -> None:
        self._before_ns = before_ns
        self._newest: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        self._left_out: deque[tuple[int, Reading]] = deque(maxlen=MOST_KEPT)
        self._until_ns: int | None = None

    def take(self, readings: Sequence[Reading], now_ns: int) -> list[Reading]:
        """Return those to be stored; `now_ns` is monotonic."""
        if self._until_ns is not None and now_ns < self._until_ns:
            return list(readings)
        while self._left_out and self._left_out[0][0] < now_ns - self._before_ns:
            self._left_out.popleft()
        kept = []
        for reading in readings:
            series = (reading.name, reading.labels)
            newest = self._newest.get(series)
            if newest is None or now_ns - newest >= EVERY_NS:
                self._newest[series] = now_ns
                kept.append(reading)
            else:
                self._left_out.append((now_ns, reading))
        if len(self._newest) > MOST_KEPT:
            self._newest.clear()
        return kept

    def open_window(self, until_ns: int) -> list[Reading]:
        """Store all readings until then; return those of the last minutes that were left out."""
        self._until_ns = max(until_ns, self._until_ns or until_ns)
        found = [reading for _, reading in self._left_out]
        self._left_out.clear()
        return found
