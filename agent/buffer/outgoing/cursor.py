"""A destination's place in the queue: what it has an answer for, in numbers.

Everything up to `low` is answered for; past it the runs in `beyond` are, in their order and apart: what was fresh while
older ones waited. A finding's state is answered for up to `findings`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from agent.summary import Summary  # noqa: TC001  # msgspec resolves the annotations at run time

if TYPE_CHECKING:
    from typing import Self

VERSION = 1
MOST_RUNS = 1_000  # a link that comes and goes a thousand times within one backlog


class Cursor(msgspec.Struct, kw_only=True):
    """`totals`: of each stream at `low`. `dropped`: windows that were lost before they were sent.

    window_s: what a window of the backlog spans that begins at a number up to `window_to`; 0: there is no backlog. It
    is kept before any such window is sent, where a budget has a say in it: one whose answer was lost comes again as it
    was, after a restart as well.
    idle_ns: up to when all is answered for that the device has to say of times in which no model ran; 0: from now on.
    undated_from: the first state of a finding that went without a time, since when all did; 0: none.
    """

    low: int
    totals: dict[str, Summary]
    beyond: list[tuple[int, int]] = []
    findings: int = 0
    dropped: int = 0
    window_s: int = 0
    window_to: int = 0
    idle_ns: int = 0
    undated_from: int = 0
    version: int = VERSION

    def encode(self) -> bytes:
        """Return the stored form."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, stored: bytes) -> Self:
        """Read the stored form. Raises ValueError for what is none, or is of another version."""
        try:
            cursor = msgspec.msgpack.decode(stored, type=cls)
        except msgspec.MsgspecError as error:
            raise ValueError(f"no place in a queue: {error}") from error
        if cursor.version != VERSION:
            raise ValueError(f"a place in a queue of version {cursor.version}; this one knows {VERSION}")
        return cursor

    def is_answered(self, number: int) -> bool:
        """Whether a number needs no sending."""
        return number <= self.low or any(first <= number <= last for first, last in self.beyond)

    def waiting(self, newest: int) -> int:
        """Return how many numbers up to the newest have no answer."""
        return max(0, newest - self.low - sum(last - first + 1 for first, last in self.beyond))

    def next_answered(self, number: int) -> tuple[int, int] | None:
        """Return the first run past `low` that does not end before a number."""
        return next((run for run in self.beyond if run[1] >= number), None)

    def answer(self, first: int, last: int, totals: dict[str, Summary]) -> None:
        """Take a run of numbers as answered for; `totals` are those at `last`.

        Past MOST_RUNS the newest runs count as unanswered: they are sent again, which changes nothing at the other end.
        """
        if first <= self.low + 1:
            if last > self.low:
                self.low, self.totals = last, totals
        else:
            runs = sorted([*self.beyond, (first, last)])
            joined: list[tuple[int, int]] = []
            for run in runs:
                if joined and run[0] <= joined[-1][1] + 1:
                    joined[-1] = (joined[-1][0], max(joined[-1][1], run[1]))
                else:
                    joined.append(run)
            self.beyond = joined[:MOST_RUNS]
        self.beyond = [run for run in self.beyond if run[1] > self.low]
