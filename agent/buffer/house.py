"""What is done to the files between batches: limits kept, damage looked for, news told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from agent.buffer.errors import UnavailableError
from agent.buffer.folders import length_of, wal_of
from agent.buffer.retention import Retention
from agent.buffer.wear import STATE
from agent.status import BufferStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from agent.buffer.age import ObservedTime
    from agent.buffer.config import BufferConfig
    from agent.buffer.engine import Engine
    from agent.buffer.files import Files
    from agent.buffer.outgoing.outbox import Outbox
    from agent.buffer.wear import Wear
    from agent.status import StorageTrouble


class House:
    """Keeps the house of `files`.

    `thin` takes the level to which rows are thinned; `bytes` is what they last took. `outbox` has a say in what may go.
    """

    def __init__(
        self, files: Files, config: BufferConfig, wear: Wear, observed: ObservedTime, thin: Callable[[int], None],
        outbox: Outbox,
    ) -> None:  # fmt: skip
        self._files = files
        self._outbox = outbox
        self._thin = thin
        self._tell = files.ledger.tell
        self._retention = Retention(config.keep_days, observed)
        self._retired_bytes = 0
        self._old = 0  # segments that have had their time
        self.wear = wear
        thin(wear.level)
        self.suspected = False
        self._suspects: list[int] = []
        self._repairs_told = 0
        self.bytes = files.bytes
        self.quarantine_bytes = files.repairer.aside.bytes
        if files.migrated:
            self._tell("migration", files.migrated)

    def bring_back(self) -> bool:
        """Go on bringing back the segments that the start did not wait for; return whether one is back."""
        engine = self._files.ready() if self._files.returning.awaited else None
        back = ""
        if engine is not None:
            try:
                back = self._files.bring_back(engine)
            except (duckdb.Error, UnavailableError, OSError) as error:
                self._files.failed(error)
        if back:
            self._tell("buffer", back)
        return bool(back)

    def keep(self, *, waiting: bool) -> None:
        """Keep within the limit, look at suspects, and write down what was repaired or refused (`waiting`: rows)."""
        if news := self._files.look(waiting=waiting):
            self._tell("disk", news)
        segments, repairer = self._files.segments, self._files.repairer
        engine = self._files.ready()
        if engine is None:
            return
        try:
            self._let_go(engine)
            if not self._files.reserve.in_use and segments.fold(engine, self._files.end_transaction):
                self._let_go(engine)
            self._files.showing.ahead(engine)
            if self.suspected and not self._suspects:
                self.suspected = False
                self._suspects = [segment.number for segment in segments.opened]
            if self._suspects:
                self._look_through(engine)
        except (duckdb.Error, UnavailableError, OSError) as error:
            self._files.failed(error)
        for note in repairer.notes[self._repairs_told :]:
            self._tell("repair", note)
            self.quarantine_bytes = repairer.aside.bytes
        self._repairs_told = len(repairer.notes)
        self.bytes = self._files.bytes
        if self.wear.look(segments.bytes + self._retired_bytes, self._log_bytes()):
            self._thin(self.wear.level)
            self._tell("thinning", self.wear.words)
            self.save()
        elif self.wear.wants_saving:
            self.save()

    def status(
        self, *, path: str, notes: tuple[str, ...], last_commit: datetime | None, discarded_rows: int,
        trouble: StorageTrouble | None,
    ) -> BufferStatus:  # fmt: skip
        """Return the state of the buffer. Touches no file and waits for nothing."""
        segments, reserve = self._files.segments, self._files.reserve
        return BufferStatus(
            path=path,
            mode="disk" if self._files.ledger.path else "memory",
            bytes=self.bytes,
            limit_bytes=segments.limit_bytes,
            segments=len(segments.opened),
            rows=segments.rows,
            last_commit=last_commit,
            discarded_rows=discarded_rows,
            notes=notes,
            reserve_bytes=reserve.held,
            reserve_limit_bytes=reserve.size,
            outdated_segments=sum(segment.outdated for segment in segments.opened),
            quarantine_bytes=self.quarantine_bytes,
            wear=self.wear.status,
            trouble=trouble,
        )

    def save(self) -> None:
        """Keep what was spent, for a restart; it is durable with the next commit."""
        self._files.ledger.put_state(*STATE, self.wear.save())

    def _log_bytes(self) -> int:
        """Return what lies in logs, which are folded in some day."""
        paths = [self._files.ledger.path, *(segment.path for segment in self._files.segments.opened)]
        return sum(length_of(wal_of(path)) for path in paths if path)

    def _let_go(self, engine: Engine) -> None:
        """Let go of what has had its time, and of the oldest while all are too large."""
        segments = self._files.segments
        old, ends = self._retention.look(engine, segments.opened)
        self._old = max(self._old, old)
        # What was set aside, or carried over, is on the same disk.
        beside = self.quarantine_bytes + self._outbox.carried_bytes if self._files.ledger.path else 0
        limit_bytes = segments.limit_bytes - beside
        while len(segments.opened) > 1 and (self._old > 0 or self._files.bytes > limit_bytes):
            oldest = segments.opened[0]
            if self._files.returning.holds(oldest) or not self._outbox.let_go(oldest.last_summary):
                break
            if engine is not self._files.ready():  # opened anew by that
                break
            self._retired_bytes += oldest.bytes
            segments.retire_oldest(engine)
            self._old = max(0, self._old - 1)
        if ends:
            segments.sealed = True

    def _look_through(self, engine: Engine) -> None:
        """Look through the newest suspect; it stays one where a query would not end."""
        number = self._suspects.pop()
        if not self._files.look_through(engine, number):
            self._suspects.append(number)
