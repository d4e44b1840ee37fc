"""The files of one buffer, kept open: what opens them anew after a fault, and what is durable when.

DuckDB can raise although a transaction is durable, and can show it as missing although its log will bring it back. So
whoever ends a transaction does it with `end_transaction`; where that raises, the files are opened anew before anyone
looks at them again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import duckdb

from agent.buffer import schema
from agent.buffer.config import MIB
from agent.buffer.core_log import CoreLog
from agent.buffer.doubt import Doubt
from agent.buffer.engine import Engine, is_full, is_of_memory, is_of_sync
from agent.buffer.errors import UnavailableError, say
from agent.buffer.folders import LogNames, size_of
from agent.buffer.gate import Gate
from agent.buffer.ledger import Ledger
from agent.buffer.migrate import forget_old_cores, prepare_core
from agent.buffer.packing import Packing
from agent.buffer.reader import core_alone
from agent.buffer.refusals import Refusals
from agent.buffer.repair import CORE_FILE, Repairer, guarded, read_all
from agent.buffer.reserve import Reserve
from agent.buffer.returning import Returning
from agent.buffer.segments import Segments
from agent.buffer.showing import Showing
from agent.buffer.witness import STATE, TOO_EARLY, Witness

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    from agent.buffer.config import BufferConfig
    from agent.buffer.segment import Segment
    from agent.clock import Stamp

    T = TypeVar("T")

_MOST_INSTANCES = 20  # that are given up while files are opened
_QUARANTINE_SHARE = 8  # of the limit, which it is a part of
_CLEARING_S = 1.0  # a query that does not end by then is waited for at the next commit


class Files:
    """The open files of `directory`, or with `disk` false their like in memory.

    `trouble` says in words why the last attempt to write failed, and is empty while all is well. `migrated` says which
    file came from an older version, empty where none did.
    """

    def __init__(self, directory: Path, config: BufferConfig, stamp: Callable[[], Stamp], *, disk: bool) -> None:
        self._config = config
        self._disk = directory if disk else None
        self.repairer = Repairer(directory, config.limit_bytes // _QUARANTINE_SHARE)
        self.ledger = Ledger(directory / CORE_FILE if disk else None, stamp)
        self.segments = Segments(self._disk, config, self.ledger)
        self.showing = Showing(self.segments, lambda: stamp().since_boot_ns)
        self.gate = Gate(self.showing.to)
        self.returning = Returning(self.segments, self.repairer, lambda: stamp().since_boot_ns)
        self.witness = Witness(self.segments.opened)
        self.ledger.testify = self.witness.testify
        self.reserve = Reserve(self._disk, round(config.reserve_mib * MIB))
        self.refusals = Refusals(directory, config.commit_seconds, lambda: stamp().since_boot_ns)
        self._doubt = Doubt(config.write_mib_per_day * MIB, lambda: stamp().since_boot_ns)
        self.trouble = ""
        self.migrated = ""
        self._in_doubt = self._behind = self._shut_out = self._ended = False
        self._log_names = LogNames()
        self._core_log = CoreLog(self.ledger.path, self.reserve)
        self.packing = Packing()
        self._engine: Engine | None = self._open_with_room()
        if disk and not self.migrated:
            forget_old_cores(directory / CORE_FILE)

    @property
    def notes(self) -> list[str]:
        """What is wrong, in words: the last failure, what is not stored because of it, a reserve in use."""
        notes = [self.trouble] if self.trouble else []
        notes += [*(self.ledger.overdue if self._behind else ()), *self.ledger.notes, *self.returning.awaited.values()]
        if self.reserve.in_use:
            left = f"{self.reserve.held / MIB:.1f} of {self.reserve.size / MIB:.1f} MiB of the reserve are left"
            notes.append(f"the disk is full: findings and states are still stored, {left}; rows wait in memory")
        return notes

    @property
    def bytes(self) -> int:
        """What everything takes on disk, or the rows in memory."""
        return (size_of(self.ledger.path) if self.ledger.path else 0) + self.segments.bytes

    def ready(self) -> Engine | None:
        """Return the open files; after a fault, open them anew if that is possible now.

        Where it is not, that is tried once for each `flush`: it takes a tenth of a second.
        """
        if self._ended or (self._in_doubt and not self.shut()):
            return None
        if self._engine is None:
            if self._shut_out:
                return None
            try:
                self._engine = self._open_with_room()
                self._settle_names()
            except (UnavailableError, duckdb.Error, OSError) as error:
                self._note(error)
                self.gate.stay_closed(self.trouble)
                self._shut_out = True
                return None
        self._in_doubt = False
        return self._engine

    def end_transaction(self, then: Callable[[], None] = lambda: None) -> None:
        """Commit. Where this raises, whether the transaction is durable shows only after `failed` and `ready`."""
        assert self._engine is not None
        self._in_doubt = True
        self._engine.commit()
        self._settle_names()
        then()
        self._in_doubt = False

    def begin_logs(self, *databases: Path | None) -> None:
        """Have logs that last before small corrections are written to them. Raises OSError.

        By its log a checkpoint is mended that is cut off, and DuckDB may begin one within the commit of a correction.
        """
        self._in_doubt = True
        self._log_names.begin([path for path in databases if path])
        self._in_doubt = False

    def correcting(self, segment: Segment | None) -> None:
        """Hear which segment is written besides those that always are, from here on."""
        self.segments.corrected = segment
        self._doubt.trust(self._written())

    def failed(self, error: Exception, *, reopen: bool = False) -> bool:
        """Recover from an error of DuckDB's; return whether room was made for which it is worth trying again.

        The files are opened anew before their next use where that is needed.
        """
        self._note(error)
        if is_of_sync(error):
            self._in_doubt = True
        if self._engine:
            self._engine.rollback()
        if reopen or "invalidated" in str(error):
            self._in_doubt = True
        if is_of_memory(error) and not self.gate.interrupt():
            # No query holds what the writer needs, so logs do. The writer comes first, and long logs are folded in
            # when their files are opened.
            self._in_doubt = True
        return is_full(error) and self.reserve.give_back()

    def flush(self) -> bool:
        """Write what the ledger holds; False where the disk does not take it now."""
        self._shut_out = False
        tries = 2
        while tries and (engine := self.ready()):
            try:
                self.ledger.flush(engine, self.end_transaction)
                self._core_log.fold(engine)
            except (duckdb.Error, OSError) as error:
                tries -= not self.failed(error)
            else:
                self._behind = False
                return True
        self._behind = True
        return False

    def read(self, question: Callable[[Engine], T]) -> T:
        """Ask, and once more after opening the files anew where that fails. Raises UnavailableError, duckdb.Error."""
        engine = self.ready()
        if engine is not None:
            try:
                return question(engine)
            except duckdb.Error as error:
                self.failed(error, reopen=True)
                engine = self.ready()
        if engine is None:
            raise UnavailableError(self.trouble)
        return question(engine)

    def read_core(self, question: Callable[[Engine], T]) -> T:
        """Ask the core alone, which can be read where nothing can be written, too. Raises as `read`."""
        # A file that is open here must not be opened again: closing it would drop its lock.
        if self._engine is None and self.ledger.path:
            with suppress(UnavailableError), core_alone(self.ledger.path, self._config) as engine:
                return question(engine)
        return self.read(question)

    def look_through(self, engine: Engine, number: int) -> bool:
        """Read everything in a segment, and repair it where that fails; False where a query has to end before.

        Raises UnavailableError, duckdb.Error.
        """
        why = self.segments.what_is_wrong(engine, number)
        if not why:
            return True
        try:
            if not self.gate.clear(_CLEARING_S):
                return False
            self.segments.repair(engine, number, why, self.repairer)
        except BaseException:
            self._in_doubt = True  # the segment may be in no view
            raise
        finally:
            self.repairer.rest()
            self.gate.open(engine.root)
        return True

    def bring_back(self, engine: Engine) -> str:
        """Go on bringing back what the start did not wait for; say what is back. Raises as `look_through`."""
        try:
            return self.returning.step(engine)
        except BaseException:
            self._in_doubt = True  # the segment may be in no view
            raise

    def shut(self) -> bool:
        """Close everything; False where a query would not end. May be called twice."""
        self.returning.stop()
        # A file that a query still holds cannot be opened again beside it.
        left = self.gate.clear()
        if left and self._engine:
            self._engine.close()
            self._engine = None
        return left

    def end(self) -> None:
        """Close everything for good: whoever asks later opens nothing again."""
        self._ended = True
        self.packing.close()
        self.shut()

    def look(self, *, waiting: bool) -> str:
        """Look after a commit whether the disk takes everything; return a line for the history where that changed."""
        waiting = waiting or bool(self.ledger.waiting)
        if not waiting:
            self.trouble = ""
        return self.refusals.look(waiting=waiting, full=self.reserve.in_use, bare=self._behind)

    def _note(self, error: Exception) -> None:
        self.trouble = say(error)
        self.refusals.note(error, self.trouble)
        if is_of_sync(error):
            self._doubt.cast(self._written())

    def _open_with_room(self) -> Engine:
        anew = _MOST_INSTANCES
        while True:
            try:
                return self._open()
            except (UnavailableError, duckdb.Error, OSError) as error:
                # A log that could not be rehearsed has been cut or set aside by now.
                anew -= "invalidated" in str(error)
                if not ("invalidated" in str(error) and anew) and not (is_full(error) and self.reserve.give_back()):
                    raise
            finally:
                self.repairer.rest()

    def _written(self) -> list[Path]:
        return [*([self.ledger.path] if self.ledger.path else ()), *self.segments.written]

    def _settle_names(self) -> None:
        for path in (written := self._written()):
            self._log_names.settle(path)
        self._doubt.trust(written)

    def _open(self) -> Engine:
        self._doubt.resolve()
        engine = Engine(self._disk, self._config)
        self._log_names.forget()
        try:
            if self._disk:
                self.repairer.aside.trim()
                self.repairer.tidy(self._disk)
            self._open_core(engine)
            self.segments.open(engine, self.repairer if self._disk else None)
            self._look_for_missing(engine)
            for segment in self.segments.opened:
                self.ledger.learn_streams(segment.streams)
            self.segments.make_views(engine)
        except BaseException:
            engine.close()
            raise
        self.gate.open(engine.root)
        return engine

    def _look_for_missing(self, engine: Engine) -> None:
        missing = self.witness.hear(self.ledger.get_state(engine, *STATE))
        if missing:
            self.repairer.tell(missing, TOO_EARLY)
            self.ledger.put_state(*STATE, self.witness.testify())  # it is said once

    def _open_core(self, engine: Engine) -> None:
        def load() -> None:
            self.migrated = prepare_core(engine, self.ledger.path) or self.migrated
            self.ledger.load(engine)
            # It is small, and a damaged block in it would show when a finding has to be saved.
            read_all(engine, schema.CORE)

        if not guarded(engine, self.ledger.path, self.repairer, schema.CORE, load):
            guarded(engine, self.ledger.path, self.repairer, schema.CORE, load)
