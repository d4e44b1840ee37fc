"""By which wall clock the times in a file were taken, and how far they are off since it was set.

An era is what one boot wrote by one setting of the believed wall clock (`agent.steady`): all that was written while the
steps of the boot added up to the same. Each row carries the number of its era; when the clock is set, nothing but
`shift` of the boot's eras is written, and the views add it. It is the difference of two sums of steps, to the
nanosecond, so that it changes no order. A file knows its own eras, so that it can be read without any other.

Times of an era that lie outside the boot (what an earlier boot left in a ring) are never moved: `began` and `ended`
bound what is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.buffer import era_schema, schema
from agent.steady import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffer.engine import Engine
    from agent.clock import Stamp

MOST_ERAS = 250  # of a segment: the number has one byte
_MOST_UNFOLDED = 64  # of the core, in this boot


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
        by_ns = now.steps_ns - self.steps_ns
        return Step(by_ns, self.began_ns, now.wall_ns - by_ns if self.ended_ns is None else self.ended_ns)

    def settled(self, now: Stamp) -> Era:
        """Return it as it has to be since the clock shows another time: SETTLE_ERAS for one."""
        if self.boot != now.boot:
            return self
        step = self.step(now)
        return replace(self, ended_ns=step.ended_ns if step.by_ns else None, shift_ns=step.by_ns)

    @property
    def shift(self) -> era_schema.Shift:
        """What the views have to know."""
        ended_ns = self.began_ns if self.ended_ns is None else self.ended_ns
        return era_schema.Shift(self.number, self.began_ns, ended_ns, self.shift_ns)


class Eras:
    """The eras of the file that is attached as `alias`; `known` is false for one of a version without."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.known = True
        self._eras: list[Era] = []

    @property
    def shifts(self) -> tuple[era_schema.Shift, ...]:
        """The eras whose times are off."""
        return tuple(era.shift for era in self._eras if era.shift_ns)

    @property
    def full(self) -> bool:
        """Whether a segment can have no more of them."""
        return len(self._eras) >= MOST_ERAS

    def load(self, engine: Engine, *, known: bool = True) -> None:
        """Read them; one that waits to be written is kept."""
        self.known = known
        read = [Era(*row) for row in engine.run(era_schema.READ_ERAS.format(db=self.alias))] if known else []
        numbers = {era.number for era in read}
        self._eras = read + [era for era in self._eras if era.number not in numbers]

    def find(self, stamp: Stamp) -> Era | None:
        """Return the era of a moment; None where the file has none yet."""
        return next((era for era in self._eras if (era.boot, era.steps_ns) == (stamp.boot, stamp.steps_ns)), None)

    def of(self, boot: str) -> list[Era]:
        """Return the eras of a boot."""
        return [era for era in self._eras if era.boot == boot]

    def moved(self, number: int, time_ns: int) -> int:
        """Return a time that was taken in an era as the clock is believed now."""
        shift = next((shift for shift in self.shifts if shift.era == number), None)
        return time_ns + shift.shift_ns if shift and shift.began_ns <= time_ns <= shift.ended_ns else time_ns

    def next(self, stamp: Stamp) -> Era:
        """Give a new era its number; it is known from `add` on."""
        number = max((era.number for era in self._eras), default=0) + 1
        return Era(number, stamp.boot, stamp.steps_ns, stamp.began_ns)

    def insert(self, era: Era) -> schema.Statement:
        """Return the statement that writes an era where it is not written yet."""
        values = (era.number, era.boot, era.steps_ns, era.began_ns, era.ended_ns, era.shift_ns, era.number)
        return era_schema.INSERT_ERA.format(db=self.alias), values

    def add(self, era: Era) -> None:
        """Know an era that was written."""
        self._eras.append(era)

    def off(self, now: Stamp) -> list[Era]:
        """Return the eras of this boot whose clock was another than the present one."""
        return [era for era in self.of(now.boot) if era.steps_ns != now.steps_ns]

    def is_settled(self, now: Stamp) -> bool:
        """Whether it is written how far the eras of this boot are off."""
        return all(era == era.settled(now) for era in self._eras)

    def settle(self, engine: Engine, now: Stamp, commit: Callable[[], None]) -> bool:
        """Write how far the eras of this boot are off, where that is not known yet; tell whether it was written."""
        if self.is_settled(now):
            return False
        engine.begin()
        engine.run(era_schema.SETTLE_ERAS.format(db=self.alias), [now.steps_ns, now.wall_ns, now.boot])
        commit()
        self._eras = [era.settled(now) for era in self._eras]
        return True

    def fold(self, engine: Engine, now: Stamp, commit: Callable[[], None]) -> bool:
        """Rewrite the few rows of the core, so that its eras stay few; tell whether anything was written.

        Those of boots that are over are right from then on, and of no era; those of this boot, where its clock was set
        very often, are of the present one.
        """
        folds: list[tuple[str, str, int]] = []
        if any(era.boot != now.boot for era in self._eras):
            folds.append(("<>", "NULL", 0))
        present = self.find(now) or self.next(now)
        if len(self.off(now)) > _MOST_UNFOLDED:
            folds.append(("=", str(present.number), present.number))
        if not folds:
            return False
        engine.begin()
        engine.run(*self.insert(present))
        for same, into, but in folds:
            for sql in era_schema.FOLD_ERAS:
                engine.run(sql.format(db=self.alias, same=same, into=into), [now.boot, but])
        commit()
        self._eras = []
        self.load(engine)
        return True
