"""Writes what waits, batch by batch: none that was acknowledged is lost, none is doubled.

After any error the id of a batch is looked up before it is written again. One that cannot be written although the disk
takes everything else is given up in the end, and told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from agent.buffer.config import MIB
from agent.buffer.engine import is_of_disk, is_passing

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.buffer.dating import Dating
    from agent.buffer.engine import Engine
    from agent.buffer.files import Files
    from agent.buffer.pending import Batch, Pending
    from agent.summary import Summary

_BATCH_BYTES = 8 * MIB  # a transaction is held in memory until it ends, under DuckDB's memory limit
_SEAL_AFTER = 2  # failures of one batch, not for want of room, after which the segment is taken to be at fault
_DISCARD_AFTER = 6  # and after which the batch is


class Settling:
    """Takes from `pending` and writes to `files`. `suspect` hears that the segments may be at fault.

    discarded_rows: what was given up.
    """

    def __init__(self, files: Files, pending: Pending, dating: Dating, suspect: Callable[[], None]) -> None:
        self._files = files
        self._pending = pending
        self._dating = dating
        self._suspect = suspect
        self._batch: Batch | None = None
        self._last_id = files.witness.last_batch
        self.discarded_rows = 0

    @property
    def underway(self) -> bool:
        """Whether a batch was made up that is not written."""
        return self._batch is not None

    @property
    def summaries(self) -> list[tuple[int, Summary]]:
        """The summaries that are not written, with their numbers, oldest first."""
        return [*(self._batch.summaries if self._batch else ()), *self._pending.summaries()]

    def write(self) -> bool:
        """Write what waits as far as the disk lets it; return whether anything was. The queue is bounded again."""
        wrote = False
        if self._files.flush() and self._files.reserve.refill():
            while (batch := self._next()) and self._settle(batch):
                self._batch, wrote = None, True
        self._pending.trim(self._batch.bytes if self._batch else 0)
        return wrote

    def _next(self) -> Batch | None:
        if self._batch is None:
            batch = self._pending.take(_BATCH_BYTES)
            if batch.empty:
                return None
            self._last_id += 1
            batch.id, batch.stamp, batch.observed_ns = self._last_id, *self._dating.now()
            self._batch = batch
        return self._batch

    def _settle(self, batch: Batch) -> bool:
        """Write a batch, or find that it is there already; False where it has to wait."""
        for _ in range(2):
            engine = self._files.ready()
            if engine is None or not self._files.reserve.refill():
                return False
            try:
                if not (batch.failures and self._files.segments.holds(engine, batch.id)):
                    self._write(engine, batch)
                self._dating.wrote(batch.stamp)
            except (duckdb.Error, OSError, ValueError) as error:
                self._files.failed(error)
                batch.failures += 1
                if not is_passing(error) and self._give_up(batch, error):
                    return True
            else:
                self._files.trouble = ""
                return True
        return False

    def _write(self, engine: Engine, batch: Batch) -> None:
        files = self._files
        numbers = {stream: files.ledger.number_of(stream) for stream in batch.streams}
        files.ledger.flush(engine, files.end_transaction)
        segment = files.segments.current(engine, batch.day)
        if segment.write(engine, batch, numbers, files.packing, files.end_transaction):
            files.segments.make_views(engine)

    def _give_up(self, batch: Batch, error: Exception) -> bool:
        """Go to a new segment when the present one keeps failing, and drop the batch when that does not help."""
        if batch.failures >= _SEAL_AFTER:
            self._files.segments.sealed = True
            self._suspect()
        if batch.failures < _DISCARD_AFTER or is_of_disk(error):
            return False
        self.discarded_rows += batch.rows
        why = self._files.trouble
        self._files.repairer.notes.append(f"{batch.contents} could not be stored and were discarded: {why}")
        return True
