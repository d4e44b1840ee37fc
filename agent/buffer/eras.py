"""By which wall clock the times in a file were taken, and how far they are off since it was set.

An era is a stretch of one boot in which the believed wall clock was not set (`agent.steady`). Each row carries the
number of its era; when the clock is set, nothing but `shift` of the boot's eras is written, and the views add it. A
file knows its own eras, so that it can be read without any other.

Times of an era that lie outside the boot (what an earlier boot left in a ring) are never moved: `began` and `ended`
bound what is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.buffer import schema
from agent.steady import STEP_NS, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffer.engine import Engine
    from agent.clock import Stamp

MOST_ERAS = 250  # of a segment: the number has one byte


@dataclass(frozen=True, slots=True)
class Era:
    """One era of a file. Nanoseconds; `began_ns`: what its clock showed at the start of the boot."""

    number: int
    boot: str
    steps_ns: int
    began_ns: int
    ended_ns: int | None = None
    shift_ns: int = 0

    def step(self, now: Stamp) -> Step:
        """By how much its times are off now."""
        ended_ns = self.began_ns + now.since_boot_ns if self.ended_ns is None else self.ended_ns
        return Step(now.steps_ns - self.steps_ns, self.began_ns, ended_ns)

    @property
    def shift(self) -> schema.Shift:
        """What the views have to know."""
        return schema.Shift(self.number, self.began_ns, self.ended_ns or self.began_ns, self.shift_ns)


class Eras:
    """The eras of the file that is attached as `alias`; `known` is false for one of a version without."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.known = True
        self._eras: list[Era] = []

    @property
    def shifts(self) -> tuple[schema.Shift, ...]:
        """The eras whose times are off."""
        return tuple(era.shift for era in self._eras if era.shift_ns)

    @property
    def full(self) -> bool:
        """Whether a segment can have no more of them."""
        return len(self._eras) >= MOST_ERAS

    def load(self, engine: Engine, *, known: bool = True) -> None:
        """Read them; one that waits to be written is kept."""
        self.known = known
        read = [Era(*row) for row in engine.run(schema.READ_ERAS.format(db=self.alias))] if known else []
        numbers = {era.number for era in read}
        self._eras = read + [era for era in self._eras if era.number not in numbers]

    def find(self, stamp: Stamp) -> Era | None:
        """Return the era of a moment; None where the file has none yet."""
        return next((era for era in self._eras if (era.boot, era.steps_ns) == (stamp.boot, stamp.steps_ns)), None)

    def next(self, stamp: Stamp) -> Era:
        """Give a new era its number; it is known from `add` on."""
        number = max((era.number for era in self._eras), default=0) + 1
        return Era(number, stamp.boot, stamp.steps_ns, stamp.wall_ns - stamp.since_boot_ns)

    def insert(self, era: Era) -> schema.Statement:
        """Return the statement that writes an era where it is not written yet."""
        values = (era.number, era.boot, era.steps_ns, era.began_ns, era.ended_ns, era.shift_ns, era.number)
        return schema.INSERT_ERA.format(db=self.alias), values

    def add(self, era: Era) -> None:
        """Know an era that was written."""
        self._eras.append(era)

    def off(self, now: Stamp) -> list[Era]:
        """Return the eras of this boot whose clock was another than the present one."""
        return [e for e in self._eras if e.boot == now.boot and abs(now.steps_ns - e.steps_ns) > STEP_NS]

    def settle(self, engine: Engine, now: Stamp, commit: Callable[[], None]) -> bool:
        """Write how far the eras of this boot are off, where that is not known yet; tell whether it was written."""
        off = {era.number for era in self.off(now)}
        settled = []
        for era in self._eras:
            if era.number in off:
                step = era.step(now)
                settled.append(replace(era, ended_ns=step.ended_ns, shift_ns=step.by_ns))
            else:
                settled.append(replace(era, shift_ns=0) if era.boot == now.boot else era)
        if settled == self._eras:
            return False
        engine.run(schema.BEGIN)
        for era in settled:
            engine.run(schema.UPDATE_ERA.format(db=self.alias), [era.shift_ns, era.ended_ns, era.number])
        commit()
        self._eras = settled
        return True
