"""Series of numbers beside the inferences: a stream's speed, the device's temperature. A point a minute each.

A minute, because all that is watched here is slower than that (what is faster has detectors of its own), and because
a day's rhythm then has 1,440 points. Periods follow the clock that nobody can set; points are dated by wall time, so
that a rhythm of the day survives a restart.

A subject that fails is taken out and named in the parts' health; the others go on.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agent.budget import DEVICE_SHARE, points_per_alarm
from agent.episodes import Moment
from agent.model import DEVICE
from agent.status import PartHealth

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from agent.budget import AlarmsConfig
    from agent.clock import Clock
    from agent.findings import FindingBook
    from agent.host_history import HostHistory
    from agent.model import Block, Effect, Finding, Reading, Score, Stream
    from agent.monitor import StreamMonitor
    from agent.ports import StateStore
    from agent.status import SeriesStatus

PERIOD_S = 60
PERIOD_NS = PERIOD_S * 1_000_000_000
LONGEST = 1.5  # periods: the machine was asleep, or the agent was; what came meanwhile is no minute's work
PART, SINCE = "series", "series since"
WHOLE_NS = 3_600_000_000_000  # a whole state is a hundred kilobytes, and flash wears


class SeriesWatch(Protocol):
    """What watches the series of one subject, a stream (from its blocks) or the device (from its readings).

    `take` collects; `close` ends a period of `lasted_s` seconds at `time_ns` of wall time, makes a point of it for each
    series (none where the period was not `whole`), judges, and returns a score with role `runtime` or `host` for every
    series that alarms now, again with every period while it lasts. Onsets are dated, rows are 0. `state` and `restore`
    are as for `agent.ports.Detector`.

    `alarms_per` may be set at any time: at most one expected false alarm in so many periods, all series together.
    """

    alarms_per: float

    def take(self, item: Block | Reading) -> None:
        """Take in what belongs to the period."""
        ...

    def close(self, time_ns: int, lasted_s: float, *, whole: bool) -> list[Score]:
        """Judge the period, and begin the next."""
        ...

    def series(self) -> tuple[SeriesStatus, ...]:
        """Describe each series."""
        ...

    def effects(self) -> tuple[Effect, ...]:
        """Return how large the change is in each series that alarms now."""
        ...

    def state(self) -> bytes:
        """Return everything that a restart needs; `since` begins anew."""
        ...

    def since(self) -> bytes:
        """Return what came since `state` was called, which is much less than a state."""
        ...

    def restore(self, state: bytes, since: bytes) -> None:
        """Go on from `state` and what came `since`. Raises ValueError where they cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class SeriesParts:
    """How the watches are made; `agent.wiring` fills this in.

    Each takes its subject, and the points in which all of its series together may alarm once in vain. `share` is the
    part of a stream's alarm budget that its series may spend.
    """

    stream: Callable[[Stream, float], SeriesWatch]
    device: Callable[[Stream, float], SeriesWatch]
    share: float


class SeriesWatches:
    """The watches of all streams and of the device.

    Parameters
    ----------
    parts
        How to make them; None watches nothing.
    store
        Where their states are kept.
    book
        Where their alarms go.
    clock, alarms
        Time, and the false-alarm budget of the device.

    """

    def __init__(
        self, parts: SeriesParts | None, store: StateStore, book: FindingBook, clock: Clock, alarms: AlarmsConfig
    ) -> None:
        self._parts, self._store, self._book, self._clock, self._alarms = parts, store, book, clock, alarms
        self._watches: dict[str, SeriesWatch] = {}
        self._failed: dict[str, str] = {}
        self._notes: dict[str, str] = {}
        self._steady: set[str] = set()  # streams that have run all through the period so far, as far as is known
        self._began_ns = clock.monotonic_ns()
        self._whole_ns: dict[str, int] = {}
        if parts is not None:
            self._add(DEVICE, parts.device, points_per_alarm(alarms, DEVICE_SHARE, PERIOD_S))
            book.resume(DEVICE, 0, clock.wall_ns())

    def take_reading(self, reading: Reading) -> None:
        """Take a reading of the host in."""
        self._call(DEVICE.key, lambda watch: watch.take(reading))

    def take_block(self, monitor: StreamMonitor, block: Block) -> None:
        """Take a block of a stream in."""
        key = monitor.key
        if self._parts is not None and key not in self._watches and key not in self._failed:
            alarms_per = points_per_alarm(self._alarms, self._parts.share, PERIOD_S)
            self._add(monitor.stream, self._parts.stream, alarms_per)
            monitor.beside = functools.partial(self._effects, key)
        self._call(key, lambda watch: watch.take(block))

    def interrupt(self, stream: Stream) -> None:
        """Know that the stream began, ended or lost records in this period: it makes no point."""
        self._steady.discard(stream.key)

    def set_budget(self, running: Collection[StreamMonitor]) -> None:
        """Share the streams' part of the budget over those that run."""
        for monitor in running:
            watch = self._watches.get(monitor.key)
            if watch is not None and self._parts is not None:
                share = (1 - DEVICE_SHARE) * self._parts.share / len(running)
                watch.alarms_per = points_per_alarm(self._alarms, share, PERIOD_S)

    def tick(self, monitors: Mapping[str, StreamMonitor], host: HostHistory) -> list[Finding]:
        """Judge the period if it is over; return the findings that opened or changed."""
        now = self._clock.monotonic_ns()
        lasted_ns = now - self._began_ns
        if lasted_ns < PERIOD_NS:
            return []
        self._began_ns = now
        running = {key for key, monitor in monitors.items() if monitor.running}
        changed = []
        for key in list(self._watches):
            whole = key == DEVICE.key or (key in self._steady & running and lasted_ns <= LONGEST * PERIOD_NS)
            changed += self._close(key, lasted_ns / 1e9, monitors.get(key), host, whole=whole)
        self._steady = running
        return changed

    def status(self, monitor: StreamMonitor | None = None) -> tuple[SeriesStatus, ...]:
        """Describe the series of a stream, or of the device."""
        watch = self._watches.get(DEVICE.key if monitor is None else monitor.key)
        return () if watch is None else watch.series()

    def save(self, *, last: bool = False) -> None:
        """Keep the watches' states, for a restart: whole ones hourly and at the `last`, else what came since then."""
        now = self._clock.monotonic_ns()
        for key in list(self._watches):
            whole = last or now - self._whole_ns.get(key, -WHOLE_NS) >= WHOLE_NS
            self._call(key, functools.partial(self._keep, key, whole=whole))
            if whole:
                self._whole_ns[key] = now

    def _keep(self, key: str, watch: SeriesWatch, *, whole: bool) -> None:
        if whole:
            state = watch.state()
            self._store.put_state(key, SINCE, b"")  # first: a state without it has a gap, it with a later state repeats
            self._store.put_state(key, PART, state)
        else:
            self._store.put_state(key, SINCE, watch.since())

    def health(self) -> list[PartHealth]:
        """Name the subjects that had to be taken out, and those that started anew."""
        failed = [PartHealth(name=f"{key} {PART}", ok=False, note=note) for key, note in self._failed.items()]
        return failed + [PartHealth(name=f"{key} {PART}", ok=True, note=note) for key, note in self._notes.items()]

    def _add(self, stream: Stream, make: Callable[[Stream, float], SeriesWatch], alarms_per: float) -> None:
        key = stream.key
        try:
            watch = self._watches[key] = make(stream, alarms_per)
            state = self._store.get_state(key, PART)
            if state:
                watch.restore(state, self._store.get_state(key, SINCE) or b"")
        except ValueError as error:
            self._notes[key] = f"started anew: the stored state could not be read ({error})"
        except Exception as error:  # noqa: BLE001  # a watch that fails must not take the agent down
            self._fail(key, error)

    def _close(
        self, key: str, lasted_s: float, monitor: StreamMonitor | None, host: HostHistory, *, whole: bool
    ) -> list[Finding]:
        time_ns = self._clock.wall_ns()
        look = host.look(time_ns - PERIOD_NS)
        found: list[Score] = []
        self._call(key, lambda watch: found.extend(watch.close(time_ns, lasted_s, whole=whole)))
        if monitor is None:
            moment = Moment(DEVICE, 0, time_ns, lambda _: self._effects(DEVICE.key), (), look)
        else:
            found = [monitor.placed(score) for score in found]
            changes = tuple(monitor.changes)
            moment = Moment(monitor.stream, monitor.rows, time_ns, monitor.effects, changes, look, pace=monitor.pace)
        return self._book.update(moment, found)

    def _effects(self, key: str) -> tuple[Effect, ...]:
        watch = self._watches.get(key)
        return () if watch is None else watch.effects()

    def _call(self, key: str, function: Callable[[SeriesWatch], object]) -> None:
        """Have a watch do something; one that fails is taken out."""
        watch = self._watches.get(key)
        if watch is None:
            return
        try:
            function(watch)
        except Exception as error:  # noqa: BLE001  # a watch that fails must not take the others down
            self._fail(key, error)

    def _fail(self, key: str, error: Exception) -> None:
        self._failed[key] = f"{type(error).__name__}: {error}"
        self._watches.pop(key, None)
