"""How many bytes were spent in the last day, and how many will have been a while from now.

What will have been goes by what is spent steadily: a burst that is known as one is in the sum, and not expected again.
What is owed, a log that will be folded in, is counted when it comes to be owed.

A day here is 24 hours during which the agent ran: while it is off it writes nothing, how long it was off no clock need
say, and no clock that is set can make a day shorter.
"""

from __future__ import annotations

from collections import deque

import msgspec

SLOT_NS = 600_000_000_000  # ten minutes
SLOTS = 144
HOUR = 6  # slots


class Saved(msgspec.Struct, kw_only=True):
    """What a meter keeps over a restart: the slots of the day, the newest last, and how far the newest has come.

    steady: what of each slot goes on like that. owed: what will be spent, whatever else is.
    """

    slots: list[float]
    steady: list[float]
    owed: float = 0.0
    elapsed_ns: int = 0


class Meter:
    """Adds up what is spent of `budget` bytes a day. `now_ns` is of a clock that no one sets."""

    def __init__(self, budget: float, now_ns: int) -> None:
        self.budget = budget
        self.owed = 0.0
        self._slots: deque[float] = deque([0.0], maxlen=SLOTS)
        self._steady: deque[float] = deque([0.0], maxlen=SLOTS)
        self._began_ns = now_ns
        self._alike = 0  # whole slots since it was last said that things are different from here on

    @property
    def total(self) -> float:
        """Bytes of the last 24 hours."""
        return sum(self._slots)

    @property
    def alike(self) -> int:
        """Whole slots since `differs`."""
        return self._alike

    def add(self, count: float, now_ns: int, owed: float | None = None, burst: float = 0.0) -> int:
        """Add bytes to the present slot; return how many slots ended before it.

        owed: what is owed from now on, None: as before. burst: what of the bytes, or of what is owed, is none of the
        steady spending.
        """
        ended = (now_ns - self._began_ns) // SLOT_NS
        for _ in range(min(ended, SLOTS)):
            self._slots.append(0.0)
            self._steady.append(0.0)
        self._began_ns += ended * SLOT_NS
        self._alike += ended
        owed = self.owed if owed is None else owed
        self._slots[-1] += count
        self._steady[-1] += count + owed - self.owed - burst
        self.owed = owed
        return ended

    def rate(self, slots: int = HOUR) -> float:
        """Bytes of a slot spent steadily, by the mean of the last whole ones since `differs`; 0 before there is one."""
        count = min(slots, self._alike, len(self._steady) - 1)
        recent = list(self._steady)[-1 - count : -1]
        return max(0.0, sum(recent) / count) if count else 0.0

    def forecast(self, slots: int, least: float = 0.0) -> float:
        """Bytes of 24 hours, the highest that they will be: for so many slots as the last ones, then `least` a slot."""
        rate = self.rate(slots) if slots else 0.0
        total = most = self.total + self.owed
        leaving = [0.0] * (SLOTS - len(self._slots)) + list(self._slots)
        for at, old in enumerate(leaving):
            total += (rate if at < slots else least) - old
            most = max(most, total)
        return most

    def differs(self) -> None:
        """Hear that from here on something else is spent."""
        self._alike = 0

    def save(self, now_ns: int) -> Saved:
        """Give what is kept over a restart."""
        elapsed_ns = min(max(0, now_ns - self._began_ns), SLOT_NS)
        return Saved(slots=list(self._slots), steady=list(self._steady), owed=self.owed, elapsed_ns=elapsed_ns)

    def restore(self, saved: Saved, now_ns: int) -> None:
        """Go on from what was kept."""
        self._slots = deque(saved.slots[-SLOTS:] or [0.0], maxlen=SLOTS)
        self._steady = deque(saved.steady[-SLOTS:] or [0.0], maxlen=SLOTS)
        self.owed = saved.owed
        self._began_ns = now_ns - min(max(0, saved.elapsed_ns), SLOT_NS)
