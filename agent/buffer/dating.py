"""Keeps the times of the buffer right: what to do when the clock is set, and what of it outlives a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from agent.buffer.age import ObservedTime, newest_batch
from agent.buffer.errors import UnavailableError
from agent.clock import Stamp, utc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from agent.buffer.engine import Engine
    from agent.buffer.files import Files
    from agent.buffer.ledger import Ledger
    from agent.buffer.segment import Segment
    from agent.steady import SteadyClock, Step

KEY, CLOCK, COUNTED = "clock", "steady", "age counted"
SAVE_NS = 3_600_000_000_000
_ANEW = "times go on from the newest that was stored in this boot"


class Dating:
    """What the buffer does about time.

    Parameters
    ----------
    files
        The open files.
    clock
        Goes on from what is stored.

    Attributes
    ----------
    step
        By how much the clock was set while no agent ran, in this boot; None where it was not.
    notes
        What people should know of how it began.
    observed
        What the age of data is told by.

    """

    def __init__(self, files: Files, clock: SteadyClock) -> None:
        self._files, self._clock = files, clock
        self.step: Step | None = None
        self.notes: list[str] = []
        self.observed = ObservedTime(clock)
        self._due = True
        self._moved = False  # what the views have to know
        self._saved: tuple[object, ...] | None = None
        self._saved_ns = 0
        files.read(self._resume)

    def told(self, since_boot_ns: int) -> datetime:
        """Return the wall time of a moment of this boot, by the clock as it is believed now."""
        return utc(self._clock.wall_ns() - self._clock.since_boot_ns() + since_boot_ns)

    def was_set(self) -> None:
        """Take note that another time is believed: what is stored follows as soon as the disk lets it."""
        self._due = True

    def keep(self) -> None:
        """Correct what is stored, and store what a restart needs; a full disk delays it."""
        engine = self._files.ready()
        if engine is not None:
            try:
                self._keep(engine)
            except (duckdb.Error, UnavailableError, OSError) as error:
                self._files.failed(error)

    def now(self) -> tuple[Stamp, int]:
        """Return what a batch says of the moment at which it is made up: by which clock its times are, and its age."""
        return self._clock.stamp(), self.observed.now_ns()

    def wrote(self, stamp: Stamp) -> None:
        """Hear that a batch was written; one that had to wait while the clock was set is to be corrected."""
        self._due |= stamp.steps_ns != self._clock.stamp().steps_ns

    def note(self) -> None:
        """Store what a restart needs, where that has changed, before anything is dated by it.

        A restart that did not know could date the next moment before the last.
        """
        if self._clock.known != self._saved:
            self._save()
            self._files.flush()

    def _save(self) -> None:
        self._files.ledger.put_state(KEY, CLOCK, self._clock.saved())
        self._saved, self._saved_ns = self._clock.known, self._clock.since_boot_ns()

    def _keep(self, engine: Engine) -> None:
        if self._clock.known != self._saved or self._clock.since_boot_ns() - self._saved_ns >= SAVE_NS:
            self._save()
        if self._due:
            self._correct(engine)
        if self.observed.wants_gap:
            self._files.ledger.put_state(KEY, COUNTED, self._clock.boot.encode())
            self._files.ledger.flush(engine, self._files.end_transaction)
            self.observed.count_gap(engine, self._files.segments.opened)

    def _correct(self, engine: Engine) -> None:
        now, files = self._clock.stamp(), self._files
        files.ledger.flush(engine, files.end_transaction)
        files.ledger.rebase(engine, now)
        files.ledger.flush(engine, files.end_transaction)
        core, off = files.ledger.eras, [one for one in files.segments.opened if not one.eras.is_settled(now)]
        files.begin_logs(files.ledger.path, *(segment.path for segment in off if not segment.awaited))
        self._moved |= core.settle(engine, now, files.end_transaction)
        for segment in off:
            files.correcting(segment)
            self._moved |= segment.eras.settle(engine, now, files.end_transaction)
        files.correcting(None)
        files.begin_logs(files.ledger.path)
        self._moved |= core.fold(engine, now, files.end_transaction)
        if self._moved:
            files.segments.make_views(engine)
            files.segments.fold_corrected()
        self._due = self._moved = False

    def _resume(self, engine: Engine) -> None:
        ledger, segments = self._files.ledger, self._files.segments.opened
        saved = ledger.get_state(engine, KEY, CLOCK)
        try:
            self.step = self._clock.resume(saved or b"")
        except ValueError as error:
            saved = None
            self.notes.append(f"{error}; {_ANEW}")
        if saved is None and (found := last_dated(engine, self._clock.boot, ledger, segments)):
            self.step = self._clock.resume_from(*found)
        for note in self.notes:
            ledger.add_event(self._clock.wall_ns(), "clock", "buffer", note, 0)
        counted = ledger.get_state(engine, KEY, COUNTED) or b""
        self.observed.resume(engine, segments, counted.decode("utf-8", "replace"))


def last_dated(
    engine: Engine, boot: str, ledger: Ledger, segments: Sequence[Segment]
) -> tuple[Stamp, list[int]] | None:
    """Return the newest moment that records of a boot were dated by, and all sums of its steps; None without any."""
    eras = [era for known in (ledger.eras, *(segment.eras for segment in segments)) for era in known.of(boot)]
    if not eras:
        return None
    last = eras[-1]
    began_ns = last.began_ns + last.shift_ns
    newest = newest_batch(engine, segments)
    since_ns, wall_ns = (newest[1], newest[3]) if newest and newest[0] == boot else (0, began_ns)
    # A correction that was cut off has reached some of the files alone.
    totals = [total for era in eras for total in (era.steps_ns, era.steps_ns + era.shift_ns)]
    return Stamp(boot, since_ns, wall_ns, last.steps_ns + last.shift_ns, began_ns), totals
