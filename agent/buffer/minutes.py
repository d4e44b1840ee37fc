"""Summaries of each stream's minutes, made when a minute of wall time is over.

The rows of an open minute are kept as they came and summarised at once, a thousand columns' worth cheaper than one by
one; beyond MOST_ROWS they are summarised in parts, which merge. A row that comes after its minute was closed makes a
record of its own for that minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from agent.buffer.flight import pick
from agent.summary import bin_edges, summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from agent.baselines import Evidence, SignalBaseline
    from agent.model import Block, Signal
    from agent.summary import Summary

GRACE_NS = 2_000_000_000  # after its end a minute is waited for: a record lies in its ring for half a second
MOST_ROWS = 5_000
MOST_OPEN = 4_096  # minutes of all streams; a clock that runs wild closes the oldest


@dataclass(slots=True)
class _Minute:
    blocks: list[Block] = field(default_factory=list)
    rows: int = 0
    part: Summary | None = None


class Minutes:
    """The minutes that are open."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, tuple[Signal, ...], int], _Minute] = {}
        self._edges: dict[str, tuple[str, Mapping[str, NDArray[np.float32]]]] = {}
        self._evidence: dict[str, Evidence] = {}

    def know(self, key: str, reference: str, described: Sequence[SignalBaseline], evidence: Evidence = dict) -> None:
        """Bin a stream's values as its reference does; with none described, not at all.

        `evidence` is asked when a minute is closed.
        """
        self._evidence[key] = evidence
        self._edges[key] = (
            reference if described else "",
            {one.signal.name: np.array(bin_edges(one.quantiles, one.categories), np.float32) for one in described},
        )

    def add(self, block: Block, span_ns: int) -> None:
        """Take rows in; a minute lasts `span_ns`."""
        minutes = np.floor_divide(block.time_ns, span_ns)
        steps = np.diff(minutes)
        if len(minutes) and (steps >= 0).all():  # as always but when a clock was set: no row needs to be copied
            ends = [*(np.flatnonzero(steps) + 1).tolist(), len(minutes)]
            for first, end in zip([0, *ends], ends, strict=False):
                part = block if end - first == len(minutes) else pick(block, slice(first, end))
                self._add(part, int(minutes[first]) * span_ns, span_ns)
            return
        for minute in np.unique(minutes).tolist():
            self._add(pick(block, np.flatnonzero(minutes == minute)), minute * span_ns, span_ns)

    def close(self, now_ns: int, span_ns: int) -> list[Summary]:
        """Return the summaries of the minutes that are over at `now_ns` of wall time, oldest first."""
        over = [key for key in self._open if not now_ns - span_ns - GRACE_NS < key[2] <= now_ns + span_ns]
        over += sorted(self._open.keys() - set(over), key=lambda key: key[2])[: max(0, len(self._open) - MOST_OPEN)]
        done = [self._summary(key, self._open.pop(key), span_ns) for key in sorted(over, key=lambda key: key[2])]
        return [summary for summary in done if summary is not None]

    def close_all(self, span_ns: int) -> list[Summary]:
        """Return the summaries of all that is open."""
        return self.close(-(2**62), span_ns)

    def open_of(self, model: str, span_ns: int) -> list[Summary]:
        """Summarise what is open of a model's minutes, which stay open."""
        found = [(key, minute) for key, minute in self._open.items() if _model(minute) == model]
        return [one for key, minute in found if (one := self._summary(key, minute, span_ns)) is not None]

    def move(self, corrected: Callable[[Block], Block], span_ns: int) -> None:
        """Put the rows of open minutes to the times that they have now; what was summarised of one already stays."""
        blocks = [block for minute in self._open.values() for block in minute.blocks]
        for minute in self._open.values():
            minute.blocks, minute.rows = [], 0
        self._open = {key: minute for key, minute in self._open.items() if minute.part is not None}
        for block in blocks:
            self.add(corrected(block), span_ns)

    def drop(self, minutes: Iterable[tuple[str, int]], span_ns: int) -> None:
        """Forget what is open of minutes (stream, start) that lasted `span_ns`."""
        gone = set(minutes)
        self._open = {
            key: minute for key, minute in self._open.items() if (key[0], key[2] // span_ns * span_ns) not in gone
        }

    def _add(self, block: Block, start_ns: int, span_ns: int) -> None:
        key = (block.stream.key, block.signals, start_ns)
        minute = self._open.setdefault(key, _Minute())
        minute.blocks.append(block)
        minute.rows += len(block)
        if minute.rows > MOST_ROWS:
            minute.part = self._summary(key, minute, span_ns)
            minute.blocks, minute.rows = [], 0

    def _summary(self, key: tuple[str, tuple[Signal, ...], int], minute: _Minute, span_ns: int) -> Summary | None:
        if not minute.rows:
            return minute.part
        reference, edges = self._edges.get(key[0], ("", {}))
        summary = summarise(minute.blocks, key[2], span_ns / 1e9, edges, reference)
        evidence = dict(self._evidence.get(key[0], dict)())
        summary = msgspec.structs.replace(summary, evidence=evidence) if evidence else summary
        return summary if minute.part is None else minute.part.merge(summary)


def _model(minute: _Minute) -> str:
    return (minute.blocks[-1] if minute.blocks or minute.part is None else minute.part).stream.model
