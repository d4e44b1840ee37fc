"""Which segments have had their time: by age, where that is set, beside the limit in size.

Age is observed time (`agent.buffer.age`), which no clock that is set can hurry: after a jump of ten years nothing is
older than before. The segment that takes rows never goes; so that it does not hold old rows for long, it ends after an
eighth of the time that rows are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.buffer.age import ObservedTime
    from agent.buffer.engine import Engine
    from agent.buffer.segment import Segment

DAY_NS = 86_400_000_000_000
_LOOK_NS = 600_000_000_000  # ages change slowly, and each look is a query
_SHARE = 8  # of the time that rows are kept, what one segment spans


class Retention:
    """Rows are kept for `keep_days` of `observed` time; None keeps them until there is no room."""

    def __init__(self, keep_days: float | None, observed: ObservedTime) -> None:
        self._keep_ns = None if keep_days is None else round(keep_days * DAY_NS)
        self._observed = observed
        self._looked_ns: int | None = None

    def look(self, engine: Engine, segments: Sequence[Segment]) -> tuple[int, bool]:
        """Return how many of the oldest segments have had their time, and whether the newest should end."""
        now = self._observed.now_ns()
        if self._keep_ns is None or (self._looked_ns is not None and 0 <= now - self._looked_ns < _LOOK_NS):
            return 0, False
        self._looked_ns = now
        old = 0
        for number, segment in enumerate(segments[:-1], start=1):
            span = segment.observed(engine)
            if span is None:  # of a version without this: older than the next one that knows
                continue
            if now - span[1] <= self._keep_ns:
                break
            old = number
        newest = segments[-1].observed(engine) if segments else None
        return old, newest is not None and now - newest[0] > self._keep_ns // _SHARE
