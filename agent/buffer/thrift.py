"""Keeps what is written and what is kept within their budgets: decides how far the recorder is thinned.

The declared order: 0 as configured; 1 a tenth of the sampled rows; 2 no rows outside findings and learning; 3 summaries
of five minutes, besides, and a tenth of the answers that are kept for labels. Rows around findings come after that:
they are written while `room` says that the budget is held with the rest thinned as far as it can be
(`agent.buffer.windows`). Findings and states are written at every level.

It goes up by a level where the day's budget would be passed within three hours, or within one at the pace of the last,
or later though nothing but the least were written from then on; and down where the level below is known to need well
less than the budget. How much a level needs is what it needed when it was last left, counted for half as much after a
day, or later if it was tried in vain: so a device that always has too much to write goes up and down every few days at
most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from agent.buffer.spending import HOUR, SLOTS, Meter, Saved

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 2
MOST = 3
LEVELS = (
    "rows are kept as configured",
    "a tenth of the sampled rows is kept",
    "no rows are kept outside findings and learning",
    "no rows are kept outside findings and learning, summaries of five minutes, and a tenth of answers for labels",
)
_UP_AT = 0.9  # of the budget: a level takes ten minutes to show
_HELD_AT = 0.97  # of the budget: what rows around findings may fill it to
_DOWN_AT = 0.7
_AHEAD = ((HOUR, 3), (3 * HOUR, 3 * HOUR))  # so many slots ahead, once so many have shown how it goes at a level
_STAY = 6 * HOUR  # slots at a level, before the next one down
_LONGEST_MEMORY = 16 * SLOTS


@dataclass(frozen=True, slots=True)
class Spent:
    """Bytes since the last look; `owed` and `burst` as `Meter.add` takes them. held: what is kept free of a budget."""

    count: float
    owed: float | None = None
    burst: float = 0.0
    held: float = 0.0


class Kept(msgspec.Struct, kw_only=True):
    """What is kept over a restart."""

    format: int = FORMAT
    level: int
    memory: int
    since: int
    needs: list[dict[str, float]]  # per level: bytes a slot when it was left, by meter
    left: list[int]  # per level: slots since then
    least: dict[str, float]  # bytes a slot when thinned as far as it can be, by meter
    meters: dict[str, Saved]


class Thrift:
    """Decides the level, `most` at the most, from `budgets`: bytes a day of what each meter measures, by its name.

    `least`: bytes a day, by meter, that are spent however far rows are thinned, until that has been seen.

    >>> thrift = Thrift({"written": 144e6}, 0)
    >>> for minute in range(0, 320, 10):
    ...     changed = thrift.spend({"written": Spent(3e6)}, minute * 60_000_000_000)
    >>> thrift.level
    1
    """

    def __init__(
        self, budgets: Mapping[str, float], now_ns: int, most: int = MOST, least: Mapping[str, float] | None = None
    ) -> None:
        self._most = most
        self._least = {name: count / SLOTS for name, count in (least or {}).items()}
        self.meters = {name: Meter(budget, now_ns) for name, budget in budgets.items()}
        self._held: dict[str, float] = {}
        self.level = 0
        self.why = ""
        self._since = 0  # slots at this level
        self._memory = SLOTS  # slots after which a memory counts for half
        self._needs: list[dict[str, float]] = [{} for _ in range(MOST + 1)]
        self._left = [_LONGEST_MEMORY] * (MOST + 1)

    def spend(self, counts: Mapping[str, Spent], now_ns: int) -> bool:
        """Add what was spent since the last call, by meter; return whether the level has changed."""
        ended = max(
            self.meters[name].add(spent.count, now_ns, spent.owed, spent.burst) for name, spent in counts.items()
        )
        if not ended:
            return False
        self._held = {name: spent.held for name, spent in counts.items()}
        self._since += ended
        self._left = [slots + ended for slots in self._left]
        before = self.level
        if self.level == MOST:
            seen = {name: meter.rate(3 * HOUR) for name, meter in self.meters.items() if meter.alike >= HOUR}
            self._least |= {name: rate for name, rate in seen.items() if name in self._least}
        if self.level < self._most and (over := self.over()):
            self._go(self.level + 1, f"{over} would pass {_size(self.meters[over].budget)} a day")
        elif self.level and self._since >= _STAY and self._has_room():
            self._go(self.level - 1, "less is needed" if self.level > 1 else "")
        return self.level != before

    def over(self) -> str:
        """Name the meter whose budget would be passed, or has been."""
        for name, meter in self.meters.items():
            most, least = meter.budget * _UP_AT - self._held.get(name, 0.0), self._least_of(name)
            if meter.alike and meter.total + meter.owed > most:
                return name
            if any(meter.alike >= shown and meter.forecast(slots, least) > most for slots, shown in _AHEAD):
                return name
        return ""

    def room(self, name: str) -> float:
        """Bytes that can be spent at once without passing a budget, if nothing but the least is spent besides."""
        meter = self.meters[name]
        return meter.budget * _HELD_AT - meter.forecast(0, self._least_of(name))

    def save(self, now_ns: int) -> bytes:
        """Give what is kept over a restart."""
        meters = {name: meter.save(now_ns) for name, meter in self.meters.items()}
        return msgspec.msgpack.encode(
            Kept(level=self.level, memory=self._memory, since=self._since, needs=self._needs, left=self._left,
                 least=self._least, meters=meters)
        )  # fmt: skip

    def restore(self, stored: bytes, now_ns: int) -> None:
        """Go on from what was kept. Raises ValueError for what another version kept, or damaged."""
        try:
            kept = msgspec.msgpack.decode(stored, type=Kept)
        except msgspec.MsgspecError as error:
            raise ValueError(f"what was spent is not known: {error}") from error
        if kept.format != FORMAT or not 0 <= kept.level <= MOST or not len(kept.needs) == len(kept.left) == MOST + 1:
            raise ValueError(f"what was spent is not known: it was kept in format {kept.format}, not {FORMAT}")
        self.level, self._memory, self._since = min(kept.level, self._most), kept.memory, kept.since
        self._needs, self._left = kept.needs, kept.left
        self._least |= {name: count for name, count in kept.least.items() if name in self._least}
        self.why = "as before the restart" if self.level else ""
        for name, saved in kept.meters.items():
            if name in self.meters:
                self.meters[name].restore(saved, now_ns)

    def _least_of(self, name: str) -> float:
        meter, least = self.meters[name], self._least.get(name, 0.0)
        return min(meter.rate(3 * HOUR), least) if meter.alike >= HOUR else least

    def _has_room(self) -> bool:
        below = self.level - 1
        share = 0.5 ** (self._left[below] / self._memory)
        return all(
            max(meter.total + meter.owed, self._needs[below].get(name, 0.0) * share * SLOTS)
            <= meter.budget * _DOWN_AT - self._held.get(name, 0.0)
            for name, meter in self.meters.items()
        )

    def _go(self, level: int, why: str) -> None:
        if level > self.level:
            self._needs[self.level] = {name: meter.rate(3 * HOUR) for name, meter in self.meters.items()}
            # A level that was tried and left within a day was tried too early.
            tried = self._since < SLOTS and self._left[self.level + 1] < SLOTS
            self._memory = min(2 * self._memory, _LONGEST_MEMORY) if tried else SLOTS
        self._left[self.level] = 0
        self.level, self.why, self._since = level, why, 0
        for meter in self.meters.values():
            meter.differs()


def _size(count: float) -> str:
    return f"{count / 1e6:,.1f} MB"
