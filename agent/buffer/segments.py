"""All segments in order: opening them, starting the next, letting the oldest go, and the views over them.

A segment's number gives its order, never its day: wall clocks jump. A jump can start a new segment too early or too
late, and nothing else; what is dropped is always what was written first, and only for want of room.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import duckdb

from agent.buffer import schema
from agent.buffer.config import MIB
from agent.buffer.errors import CorruptError, UnavailableError
from agent.buffer.folders import length_of, make_folder, sync_folder, wal_of
from agent.buffer.halfway import make_file
from agent.buffer.lean import stand_in
from agent.buffer.repair import Repairer, guarded, read_all
from agent.buffer.segment import Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from agent.buffer.config import BufferConfig
    from agent.buffer.crates import Columns
    from agent.buffer.engine import Commit, Engine
    from agent.buffer.ledger import Ledger

FOLDER = "segments"
_NAME = re.compile(r"(\d{6,})-(\d{8})\.duckdb")
_MOST_LOGS = 2  # a log so many times as long as it should be is left behind
_MOST_CORRECTED = MIB  # of a log that nothing but corrections of the time are added to
_MEMORY_SHARE = 4  # segments that share the room in memory
_MOST_IN_THE_WAY = 32 * MIB  # of logs that a start replays: a third of a second on a fast device, three on a slow one
_LOG_SHARE = 2  # of the memory, what the rows of logs may take there


class Segments:
    """The segments of one buffer; `directory` is None in memory."""

    def __init__(self, directory: Path | None, config: BufferConfig, core: Ledger) -> None:
        self._core = core
        self._folder = directory / FOLDER if directory else None
        self._last_number = 0
        self._known: set[int] = set()
        self.limit_bytes = config.limit_bytes if directory else round(config.memory_rows_mib * MIB)
        self._full_bytes = config.segment_bytes if directory else self.limit_bytes // _MEMORY_SHARE
        self._most_log = _MOST_LOGS * config.wal_bytes
        self._daily_bytes = min(round(config.daily_segment_mib * MIB), self._full_bytes)
        self.opened: list[Segment] = []
        self._unfolded: list[Segment] = []
        self.corrected: Segment | None = None  # just now
        self._landed: set[int] = set()
        self.sealed = False

    @property
    def bytes(self) -> int:
        """What all of them take."""
        return sum(segment.bytes for segment in self.opened)

    @property
    def rows(self) -> int:
        """How many inferences they hold."""
        return sum(segment.rows for segment in self.opened)

    @property
    def last_batch(self) -> int:
        """The highest batch id that was committed."""
        return max((segment.last_batch for segment in self.opened), default=0)

    @property
    def written(self) -> list[Path]:
        """The files that are written: what takes rows, what did, what is corrected, what has to be folded in."""
        open_ended = [*self._unfolded, *self.opened[-2:], *([self.corrected] if self.corrected else [])]
        found = [segment.path for segment in self.opened if segment in open_ended and not segment.awaited]
        return [path for path in found if path]

    def positions(self) -> dict[str, int]:
        """Return the last committed sequence number of each source, in the order of their last use."""
        merged: dict[str, int] = {}
        for segment in self.opened:
            for source, seq in segment.positions.items():
                merged.pop(source, None)
                merged[source] = seq
        return merged

    def open(self, engine: Engine, repairer: Repairer | None) -> None:
        """Attach every segment that can be read, oldest first; of one with a long log what is known without its rows.

        Raises UnavailableError where one cannot be opened that may hold a batch which is still in doubt.
        """
        here = {segment.number for segment in self.opened if not segment.awaited}  # nobody should miss their rows again
        self.opened.clear()
        self._unfolded.clear()
        if self._folder is None or repairer is None:
            return
        make_folder(self._folder)
        repairer.tidy(self._folder)
        files = segment_files(self._folder)
        long = _behind_long_logs(files, min(_MOST_IN_THE_WAY, engine.memory_mib * MIB // _LOG_SHARE))
        for number, day, path in files:
            self._last_number = max(self._last_number, number)
            segment = Segment(number, day, path)
            if number in long - here and self._stand_in(engine, segment, repairer):
                continue
            # A stop in the middle of its start may have left it without tables.
            load = functools.partial(segment.load, engine, (self.last_batch, self.positions()))
            try:
                if guarded(engine, path, repairer, segment.alias, load, self.last_batch):
                    self.opened.append(segment)
                    self._known.add(number)
            except UnavailableError as error:
                if number in self._known or number == files[-1][0]:
                    raise
                repairer.notes.append(f"{path.name} cannot be opened now and is left where it is: {error}")
        self._unfolded += [segment for segment in self.opened[:-1] if segment.waiting]

    def current(self, engine: Engine, day: str) -> Segment:
        """Return the segment that takes rows of `day`, starting a new one where it is time."""
        newest = self.opened[-1] if self.opened else None
        if newest is None or self.sealed or not newest.takes_rows or self._is_full(newest, day):
            self._start(engine, day)
        return self.opened[-1]

    def holds(self, engine: Engine, batch: int) -> bool:
        """Whether a batch was committed to one of the segments that could have taken it."""
        return any(segment.holds(engine, batch) for segment in self.opened[-3:])

    def retire_oldest(self, engine: Engine) -> Segment:
        """Let the oldest go: out of the views, detached, then unlinked. Queries that read it still finish."""
        _, oldest = self._take_out(engine, self.opened[0].number)
        self._known.discard(oldest.number)
        if oldest.path:
            # The log first: one that outlives its file is taken for the trace of a fault.
            for path in (wal_of(oldest.path), oldest.path):
                path.unlink(missing_ok=True)
        return oldest

    def what_is_wrong(self, engine: Engine, number: int) -> str:
        """Read everything in a segment; say why that fails, empty where it does not. Raises UnavailableError."""
        segment = next((segment for segment in self.opened if segment.number == number), None)
        try:
            if segment:
                read_all(engine, segment.alias)
        except CorruptError as error:
            return str(error).splitlines()[0]
        return ""

    def repair(self, engine: Engine, number: int, why: str, repairer: Repairer) -> None:
        """Mend a segment or set it aside. No query is running: a file that one holds cannot be attached again.

        Raises UnavailableError, duckdb.Error; the files are then opened anew before anybody looks at the segments.
        """
        at, segment = self._take_out(engine, number)
        if segment.path and not repairer.mend(segment.path, why):
            repairer.quarantine(segment.path, why)
            self._known.discard(number)
        else:
            self._put_in(engine, at, segment, repairer)

    def put_back(self, engine: Engine, number: int, repairer: Repairer) -> None:
        """Attach a segment of which only what is known was here. Raises as `repair`, and the same follows."""
        self._put_in(engine, *self._take_out(engine, number), repairer)

    def fold(self, engine: Engine, commit: Commit) -> bool:
        """Fold in the logs of segments that take no more rows: what is in a log is in memory, too. Raises duckdb.Error.

        Return whether there was any: a file can be larger than its log was. What cannot be folded in is as safe in the
        log, and is tried again the next time. What still waits for its table is put there first, or where that fails
        stays as it is until the next start: it can be read all the same.
        """
        folded = bool(self._unfolded)
        while self._unfolded:
            segment = self._unfolded[0]
            if segment in self.opened:
                if segment.number not in self._landed:
                    self._landed.add(segment.number)
                    segment.land(engine, commit)
                    self.make_views(engine)
                engine.run(schema.checkpoint(segment.alias))
            self._unfolded.pop(0)
        return folded

    def fold_corrected(self) -> None:
        """Have the logs folded in that corrections of times made long: in time they would take more room than rows."""
        for segment in self.opened[:-1]:
            if segment.path and not segment.awaited and segment not in self._unfolded:
                log_bytes = length_of(wal_of(segment.path))
                self._unfolded += [segment] if log_bytes > _MOST_CORRECTED else []

    def show(self, insert: Callable[[str, Columns], None]) -> None:
        """Let every committed row be read, by any thread; `insert` as in `agent.buffer.late`."""
        for segment in list(self.opened):
            segment.show(insert)

    def make_views(self, engine: Engine) -> None:
        """Make the views anew over the segments as they are now."""
        newest = self.opened[-1:]
        sources = (one.source if one.waiting or one in newest else one.source.landed for one in self.opened)
        for sql in schema.create_views(sources, self._core.source):
            engine.run(sql)

    def _is_full(self, segment: Segment, day: str) -> bool:
        size = segment.bytes
        if segment.path and length_of(wal_of(segment.path)) > self._most_log:
            return True  # it cannot be folded in, and a start has to read all of it
        return size >= self._full_bytes or (day > segment.day and size >= self._daily_bytes and segment.rows > 0)

    def _start(self, engine: Engine, day: str) -> None:
        number = self._last_number + 1
        path = self._folder / f"{number:06d}-{day}.duckdb" if self._folder else None
        segment = Segment(number, day, path)
        self._last_number = number
        try:
            if path:
                make_file(engine.run, path)
            engine.run(schema.attach(str(path) if path else ":memory:", segment.alias))
            segment.load(engine, (self.last_batch, self.positions()))
            if self._folder:
                sync_folder(self._folder)
        except (duckdb.Error, OSError):
            engine.rollback()
            engine.run(schema.detach(segment.alias))
            if path:  # it never took a batch
                path.unlink(missing_ok=True)
                wal_of(path).unlink(missing_ok=True)
            raise
        previous = self.opened[-1] if self.opened else None
        self.opened.append(segment)
        self._known.add(number)
        self.sealed = False
        self.make_views(engine)
        if previous and previous.path and not previous.awaited:
            self._unfolded.append(previous)

    def _take_out(self, engine: Engine, number: int) -> tuple[int, Segment]:
        at = next(at for at, segment in enumerate(self.opened) if segment.number == number)
        segment = self.opened.pop(at)
        self.make_views(engine)
        segment.end(engine)
        engine.run(schema.detach(segment.alias))
        return at, segment

    def _put_in(self, engine: Engine, at: int, before: Segment, repairer: Repairer) -> None:
        segment = Segment(before.number, before.day, before.path)
        after = max((earlier.last_batch for earlier in self.opened[:at]), default=0)
        load = functools.partial(segment.load, engine)
        if guarded(engine, segment.path, repairer, segment.alias, load, after):
            self.opened.insert(at, segment)
            self.make_views(engine)
            if segment.waiting and segment is not self.opened[-1]:
                self._unfolded.append(segment)
        else:
            self._known.discard(segment.number)

    def _stand_in(self, engine: Engine, segment: Segment, repairer: Repairer) -> bool:
        """Attach what is known of a segment without its rows; False where it has to be opened as it is."""
        assert segment.path
        try:
            folding = repairer.cut_damage(wal_of(segment.path), self.last_batch)
            stand_in(engine, segment, repairer.rehearsal, folding=folding)
        except (CorruptError, duckdb.Error, OSError, ValueError):
            return False
        self.opened.append(segment)
        self._known.add(segment.number)
        return True


def _behind_long_logs(files: Sequence[tuple[int, str, Path]], most_bytes: int) -> set[int]:
    """Return the numbers of the segments whose logs are more than can be replayed in the way, the newest first."""
    behind = set()
    for number, _, path in reversed(files):
        log_bytes = length_of(wal_of(path))
        if log_bytes > most_bytes:
            behind.add(number)
        else:
            most_bytes -= log_bytes
    return behind


def segment_files(folder: Path) -> list[tuple[int, str, Path]]:
    """Return number, day and path of the segment files in a folder, in order."""
    found = [(match, path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    return sorted((int(match[1]), match[2], path) for match, path in found)
