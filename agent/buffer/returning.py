"""Brings back, one after the other, the segments that a start did not wait for.

Each is folded by a process beside the agent, and then takes the place of what was known of it. For want of memory or
room that is tried again, less and less often; nothing is set aside for it. Ended in the middle, by a kill or a power
cut, the next start finds what any stop leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.buffer.engine import is_passing
from agent.buffer.folding import NEEDED_MIB, Folding
from agent.buffer.patience import pause_ns
from agent.room import lacking

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffer.engine import Engine
    from agent.buffer.repair import Repairer
    from agent.buffer.segment import Segment
    from agent.buffer.segments import Segments

_HOPEFUL = 3  # failures until nobody waits for its rows any more
_ADVICE = "it is tried again"


class Returning:
    """Those of `segments` that are awaited. `now_ns` is a clock that nobody sets."""

    def __init__(self, segments: Segments, repairer: Repairer, now_ns: Callable[[], int]) -> None:
        self._segments, self._repairer, self._now_ns = segments, repairer, now_ns
        self._folding: Folding | None = None
        self._number = 0
        self._failures: dict[int, int] = {}
        self._not_before: dict[int, int] = {}
        self._why: dict[int, str] = {}

    @property
    def awaited(self) -> dict[str, str]:
        """What is being brought back: the names of the files, and what to say of each."""
        awaited = [segment for segment in self._segments.opened if segment.awaited]
        return {segment.path.name: self._say(segment) for segment in awaited if segment.path}

    def holds(self, segment: Segment) -> bool:
        """Whether its file is at work on, so that it cannot go."""
        return self._folding is not None and segment.number == self._number

    def step(self, engine: Engine) -> str:
        """Begin with the newest that is due, or see to the one that was begun; say which is back, or is set aside.

        Raises as `Segments.repair`, and the same follows.
        """
        if self._folding is None:
            self._begin()
            return ""
        if self._folding.running:
            return ""
        done, why = self._folding.result()
        self._folding = None
        segment = next((segment for segment in self._segments.opened if segment.number == self._number), None)
        if segment is None:
            return ""
        if not done and (not why or is_passing(why)):
            self._put_off(segment, why.partition("\n")[0] or "the process that did it was ended")
            return ""
        # What is wrong with a file that could not be folded shows when it is opened, and is repaired there.
        self._segments.put_back(engine, segment.number, self._repairer)
        return f"rows of {segment.awaited} are read back"

    def stop(self) -> None:
        """End what was begun: the files are closed, or opened anew."""
        if self._folding:
            self._folding.end()
            self._folding = None

    def _begin(self) -> None:
        now = self._now_ns()
        due = [s for s in self._segments.opened if s.awaited and now >= self._not_before.get(s.number, now)]
        if not due:
            return
        segment = due[-1]
        assert segment.path
        if full := lacking(NEEDED_MIB, "reading a long log back", _ADVICE):
            self._put_off(segment, full)
            return
        self._number = segment.number
        try:
            self._folding = Folding(segment.path, segment.alias)
        except OSError as error:
            self._put_off(segment, str(error))

    def _put_off(self, segment: Segment, why: str) -> None:
        failures = self._failures[segment.number] = self._failures.get(segment.number, 0) + 1
        self._why[segment.number] = why
        self._not_before[segment.number] = self._now_ns() + pause_ns(failures)
        segment.expected = failures < _HOPEFUL

    def _say(self, segment: Segment) -> str:
        assert segment.path
        why = self._why.get(segment.number)
        late = f", and could not be yet ({why}); that is tried again" if why else ""
        return f"rows of {segment.awaited} are still being read back from {segment.path.name}{late}"
