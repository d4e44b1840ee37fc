"""The clock that the agent goes by: wall time that is believed, whatever the device's wall clock does.

A wall clock is *set* when it moves against the time since boot by more than STEP_NS between two looks, and by more than
its crystal can have drifted since it was right. Less is followed (`agent.timeline`), and sleep is none, because the
time since boot counts it. Between two settings lies a regime. How far one is believed:

0. impossible: it shows a time before RELEASED_NS, when no copy of this version existed.
1. doubtful: it began before a time that had been confirmed, by an agent of before.
2. plausible: neither.
3. confirmed: the kernel has said that something (NTP, PTP, GPS) keeps it right, or it was possible and stood for an
   hour. What stands so long is meant by somebody, and a device without a network has no better witness.

A regime that is believed at least as far as the one gone by takes its place; else the agent counts on by the time
since boot, until the clock is set back to where it was, or the new regime is confirmed. So a wild jump that is taken
back within an hour never reaches a record, and one that lasts is corrected when it ends.

Taking another regime's place is a `Step`: all that this boot wrote is then off by it, and is corrected by it (see
`docs/buffer.md`, "Clocks"). Earlier boots are left as they are: nobody knows how wrong their clock was.
What is believed is in a record through the one `Timeline` of the boot alone: there, looks that disagree cannot
change the order of what happened.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from agent.clock import Stamp, utc
from agent.clock_look import look_at
from agent.clock_saved import (
    CONFIRMED,
    DOUBTFUL,
    IMPOSSIBLE,
    MOST_TOTALS,
    PLAUSIBLE,
    Regime,
    Saved,
    dated_before,
    read_saved,
)
from agent.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from agent.clock import DeviceClock
    from agent.clock_look import Look
    from agent.model import Finding

RELEASED_NS = 1_767_225_600_000_000_000  # 1 January 2026: moved on with a release now and then
STEP_NS = 2_000_000_000
CONFIRMED_NS = 3_600_000_000_000
_SLEW = 2_000  # the kernel slews a clock by 500 ppm at the most
_DRIFT = 5_000  # 200 ppm: a crystal drifts by a quarter of that, a bad one


class Step(msgspec.Struct, frozen=True):
    """The believed wall time moved by `by_ns`: times from `began_ns` to `ended_ns`, taken in this boot, are off by it.

    They are as the clock showed them before: the start of the boot, and the moment of the step.
    """

    by_ns: int
    began_ns: int
    ended_ns: int

    def moved(self, time_ns: int) -> int:
        """Correct a time that this boot took before the step; any other, and 0 for none, is returned as it is."""
        return time_ns + self.by_ns if time_ns and self.began_ns <= time_ns <= self.ended_ns else time_ns

    def moved_all(self, times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Correct an array of times."""
        return times_ns + ((times_ns >= self.began_ns) & (times_ns <= self.ended_ns)) * self.by_ns

    def moved_moment(self, moment: datetime) -> datetime:
        """Correct a time as people see it."""
        is_off = utc(self.began_ns) <= moment <= utc(self.ended_ns)
        return moment + timedelta(microseconds=self.by_ns // 1_000) if is_off else moment

    def moved_finding(self, finding: Finding) -> Finding:
        """Correct the times of a finding."""
        return msgspec.structs.replace(
            finding,
            onset=self.moved_moment(finding.onset),
            opened=self.moved_moment(finding.opened),
            updated=self.moved_moment(finding.updated),
            closed=None if finding.closed is None else self.moved_moment(finding.closed),
        )


class SteadyClock:
    """Conforms to `agent.clock.DeviceClock`. `look` is called by one thread, the rest by any.

    Parameters
    ----------
    device
        The device's own clocks.

    """

    def __init__(self, device: DeviceClock) -> None:
        self._device = device
        self._floor_ns = 0
        self._steps_ns = 0
        self._totals: tuple[int, ...] = (0,)  # what `_steps_ns` was
        self.vouched_before = False  # whether the clock of the boot before was kept right by something
        self.told = False  # whether people were told of a step of this boot
        now = look_at(device)
        self._line = _line_at(now)
        self._believed = self._shown = self._regime(now, was_set=False)

    @property
    def boot(self) -> str:
        """Which boot of the machine this is."""
        return self._device.boot

    def monotonic_ns(self) -> int:
        """Nanoseconds since boot, without sleep."""
        return self._device.monotonic_ns()

    def since_boot_ns(self) -> int:
        """Nanoseconds since boot, sleep included."""
        return self._device.since_boot_ns()

    def disciplined(self) -> bool:
        """Whether the kernel says that something keeps the device's wall clock right."""
        return self._device.disciplined()

    def sleep(self, seconds: float) -> None:
        """Wait for that long."""
        self._device.sleep(seconds)

    def wall_ns(self) -> int:
        """Nanoseconds since the Unix epoch, UTC, as believed. Never goes back but with a `Step`."""
        return self._line.wall_ns(self._device.since_boot_ns())

    def walls_ns(self, monotonic_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Wall times of moments of the monotonic clock; the same for the same moment until the next `Step`."""
        return self._line.walls_ns(monotonic_ns)

    def stamp(self) -> Stamp:
        """Say by which clock times are taken now."""
        since_ns = self.since_boot_ns()
        return Stamp(self.boot, since_ns, self._line.wall_ns(since_ns), self._steps_ns, self._line.began_ns)

    @property
    def confirmed(self) -> bool:
        """Whether the believed time is confirmed."""
        return self._believed.rank == CONFIRMED

    @property
    def credible(self) -> bool:
        """Whether the believed time is possible, and not before one that was confirmed."""
        return self._believed.rank >= PLAUSIBLE

    @property
    def vouched(self) -> bool:
        """Whether something has kept the believed time right."""
        return self._believed.vouched

    @property
    def known(self) -> tuple[object, ...]:
        """What a restart needs to know at once: while it is what was saved, that is as good as new."""
        return self._steps_ns, self._line, self.confirmed, self.vouched, self.told

    @property
    def doubted_ns(self) -> int:
        """How far the device's clock is from the believed time; 0 where it is believed."""
        return 0 if self._shown is self._believed else self._shown.offset_ns - self._line.target_ns

    def look(self) -> Step | None:
        """Look at the device's clock; where another time is believed from here on, return by how much it moved."""
        now = look_at(self._device)
        if now.slept_ns > self._line.slept_ns + now.sure_ns:
            self._line = self._line.slept(now.monotonic_ns, now.slept_ns)
        if not self._is_near(now, self._shown, _drift(now, self._shown)):
            back = self._is_near(now, self._believed, _drift(now, self._believed))
            self._shown = self._believed if back else self._regime(now, was_set=True)
        self._shown.offset_ns = now.offset_ns
        self._confirm(now, self._shown)
        if self._shown is self._believed:
            self._follow(now)
        elif self._shown.rank >= self._believed.rank:
            return self._believe(now)
        return None

    def resume(self, saved: bytes) -> Step | None:
        """Go on from what an agent of before `saved`; from nothing where that is empty. Before the first look.

        Returns the step that came while no agent ran. Raises ValueError for what cannot be read, and changes nothing.
        """
        return self._go_on(read_saved(saved)) if saved else None

    def resume_from(self, last: Stamp, totals: Sequence[int]) -> Step | None:
        """Go on from what was dated in this boot, where nothing can be read of what was saved. Before the first look.

        `last`: the newest moment that was dated; `totals`: all values that `steps_ns` is known to have had. Else the
        steps would be counted from 0 again, and what was dated would be moved by the difference.
        """
        rank = IMPOSSIBLE if last.wall_ns < RELEASED_NS else PLAUSIBLE
        return self._go_on(dated_before(last, totals, look_at(self._device).slept_ns, rank))

    def _go_on(self, before: Saved) -> Step | None:
        self._floor_ns = before.floor_ns
        now = look_at(self._device)
        self._line = _line_at(now)
        self._believed = self._shown = self._regime(now, was_set=False)
        if before.boot != self.boot:
            self.vouched_before = before.regime.vouched
            return None
        self._steps_ns, self._totals, self._line = before.steps_ns, before.totals, before.line
        self.vouched_before, self.told = before.vouched_before, before.told
        self._believed = before.regime
        if self._is_near(now, self._believed, max(0, now.since_ns - before.saved_ns) // _SLEW):
            self._shown = self._believed
            self._shown.offset_ns = now.offset_ns
        else:
            self._shown.was_set = True
        return self.look()

    def saved(self) -> bytes:
        """Return what `resume` needs."""
        if self.confirmed:
            self._floor_ns = max(self._floor_ns, self.wall_ns())
        saved = Saved(
            self.boot, self._steps_ns, self._totals, self._line, self._believed, self.since_boot_ns(),
            self.vouched_before, self.told, self._floor_ns,
        )  # fmt: skip
        return msgspec.msgpack.encode(saved)

    def _is_near(self, now: Look, regime: Regime, more_ns: int) -> bool:
        return abs(now.offset_ns - regime.offset_ns) <= STEP_NS + now.apart_ns + more_ns

    def _follow(self, now: Look) -> None:
        """Follow the clock that is believed, where it was moved by more than a look can be wrong."""
        if abs(now.offset_ns - self._line.target_ns) > now.sure_ns:
            self._line = self._line.moved(now.since_ns, now.offset_ns)
            self._believed.right_ns = now.since_ns

    def _believe(self, now: Look) -> Step | None:
        """Take the time that the clock shows for right; one that it had before exactly as it was, so that it is one."""
        line, before = self._line, self._steps_ns
        by_ns = now.offset_ns - (line.wall_ns(now.since_ns) - now.since_ns)
        total = next((one for one in self._totals if abs(one - before - by_ns) <= STEP_NS), before + by_ns)
        self._totals = (*(one for one in self._totals if one != total), total)[-MOST_TOTALS:]
        self._believed, self._steps_ns = self._shown, total
        self._line = line.shifted(total - before)
        self._follow(now)
        if total == before:
            return None
        return Step(total - before, line.began_ns, line.wall_ns(now.since_ns))

    def _regime(self, now: Look, *, was_set: bool) -> Regime:
        wall_ns = now.offset_ns + now.since_ns
        rank = IMPOSSIBLE if wall_ns < RELEASED_NS else DOUBTFUL if wall_ns < self._floor_ns - STEP_NS else PLAUSIBLE
        regime = Regime(now.offset_ns, now.since_ns, rank, was_set, right_ns=now.since_ns)
        self._confirm(now, regime)
        return regime

    def _confirm(self, now: Look, regime: Regime) -> None:
        """Note where the regime that shows now has become possible, or is confirmed."""
        if regime.rank == IMPOSSIBLE:
            regime.rank = DOUBTFUL if regime.offset_ns + now.since_ns >= RELEASED_NS else IMPOSSIBLE
        if regime.rank == IMPOSSIBLE:
            return
        if self._device.disciplined():
            regime.vouched, regime.right_ns = True, now.since_ns
        if regime.vouched or now.since_ns - regime.began_ns >= CONFIRMED_NS:
            regime.rank = CONFIRMED


def _line_at(now: Look) -> Timeline:
    """Return the times of a boot of which no more is known."""
    return Timeline.at(now.offset_ns, now.slept_ns if now.slept_ns > now.sure_ns else 0)


def _drift(now: Look, regime: Regime) -> int:
    """Say how far a clock can have drifted by itself; what it was at a start nobody knows, if nobody set it."""
    return (now.since_ns - regime.right_ns) // _DRIFT if regime.was_set or regime.vouched else 0
