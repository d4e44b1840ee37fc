"""Which wall time each moment of a boot has: one answer, which no later look at a clock changes but a `Step` of all.

What is learned at a look holds from then on. So of two moments the later never has the earlier time, whoever asks when:
before and after a restart of the agent, of one ring or of two, however the reading of the clocks was held up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLEW = 10  # a clock that was set back a little is waited for: a tenth of the time that goes by is not counted
_MOST = 32  # changes that are known: a record that is read later than so many is dated by the oldest of them


class Sleep(msgspec.Struct, frozen=True, array_like=True):
    """Since `at_ns` of the monotonic clock the machine has slept for `slept_ns` in all."""

    at_ns: int
    slept_ns: int


class Move(msgspec.Struct, frozen=True, array_like=True):
    """From `at_ns` since boot on, wall time is that and `offset_ns`, less what is slewed: `back_ns` in the end."""

    at_ns: int
    offset_ns: int
    back_ns: int = 0


class Timeline(msgspec.Struct, frozen=True):
    """Wall time by the time since boot, and that by the monotonic clock, which stands still while the machine sleeps.

    began_ns: wall time of the start of the boot; nothing that the boot took is earlier.

    >>> line = Timeline.at(1_000).moved(50, 990)  # at 50 ns since boot the clock is found 10 ns behind
    >>> [line.wall_ns(since_boot_ns) for since_boot_ns in (0, 50, 100, 150, 200)]
    [1000, 1050, 1095, 1140, 1190]
    """

    began_ns: int
    moves: tuple[Move, ...]
    sleeps: tuple[Sleep, ...]

    @classmethod
    def at(cls, offset_ns: int, slept_ns: int = 0) -> Timeline:
        """Begin with the time that is `offset_ns` at the start of the boot; how long it has slept till now."""
        return cls(offset_ns, (Move(0, offset_ns),), (Sleep(0, slept_ns),))

    @property
    def target_ns(self) -> int:
        """The offset that it has, or is slewed to."""
        return self.moves[-1].offset_ns - self.moves[-1].back_ns

    @property
    def slept_ns(self) -> int:
        """How long the machine slept in this boot, as far as known."""
        return self.sleeps[-1].slept_ns

    def wall_ns(self, since_boot_ns: int) -> int:
        """Return the wall time of a moment."""
        move = next((move for move in reversed(self.moves) if move.at_ns <= since_boot_ns), self.moves[0])
        slewed_ns = min(max(0, since_boot_ns - move.at_ns) // SLEW, move.back_ns)
        return since_boot_ns + move.offset_ns - slewed_ns

    def walls_ns(self, monotonic_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the wall times of moments of the monotonic clock."""
        sleeps = np.array([(sleep.at_ns, sleep.slept_ns) for sleep in self.sleeps], np.int64)
        since_boot = monotonic_ns + sleeps[_last_at(sleeps[:, 0], monotonic_ns), 1]
        moves = np.array([(move.at_ns, move.offset_ns, move.back_ns) for move in self.moves], np.int64)
        at, offset, back = moves[_last_at(moves[:, 0], since_boot)].T
        walls: NDArray[np.int64] = since_boot + offset - np.minimum(np.maximum(since_boot - at, 0) // SLEW, back)
        return walls

    def moved(self, now_ns: int, target_ns: int) -> Timeline:
        """Follow a clock: what is ahead is right from now (since boot) on, what is behind is waited for."""
        offset_ns = self.wall_ns(now_ns) - now_ns
        by_ns = target_ns - offset_ns
        move = Move(now_ns, offset_ns + max(0, by_ns), max(0, -by_ns))
        return msgspec.structs.replace(self, moves=(*self.moves[1 - _MOST :], move))

    def slept(self, monotonic_ns: int, slept_ns: int) -> Timeline:
        """Take note at a moment of the monotonic clock that the machine has slept."""
        return msgspec.structs.replace(self, sleeps=(*self.sleeps[1 - _MOST :], Sleep(monotonic_ns, slept_ns)))

    def shifted(self, by_ns: int) -> Timeline:
        """Correct all of it."""
        moves = tuple(msgspec.structs.replace(move, offset_ns=move.offset_ns + by_ns) for move in self.moves)
        return Timeline(self.began_ns + by_ns, moves, self.sleeps)


def _last_at(starts: NDArray[np.int64], moments: NDArray[np.int64]) -> NDArray[np.intp]:
    return np.maximum(np.searchsorted(starts, moments, side="right") - 1, 0)
