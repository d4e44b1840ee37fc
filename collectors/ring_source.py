"""One ring from its opening to its removal: blocks, losses and what became of its writer.

The file of a dead writer is removed only when everything in it was handed out in an earlier call, and then some: rows
that were handed out are committed a few seconds later, and a crash in between must find them still here.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Literal

import numpy as np

from agent.model import Block, Stream, StreamChange
from collectors.ring_header import RingError, clean
from collectors.ring_rows import RowMaker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from agent.clock import Clock
    from agent.model import ChangeKind
    from agent.ports import Item
    from collectors.ring_file import Records, RingFile
    from collectors.ring_header import RingHeader
    from collectors.ring_process import Processes
    from collectors.ring_rows import Rows

_LOOK_NS = 1_000_000_000
_KEEP_NS = 30_000_000_000  # from the end of a ring to its removal; far longer than between two commits
_SILENT_NS = 900_000_000_000  # after so long without a record, a writer whom we cannot see counts as gone
_FORGOTTEN_NS = 86_400_000_000_000  # and after a day its ring is taken away
_UNCOPIED_NS = 60_000_000_000
_END_OF_TIME = 1 << 62


class RingSource:
    """Reads one ring for the collector.

    Attributes
    ----------
    stream, source
        What it is, and its name that outlives a restart of the agent.
    inode
        Device and inode of the file.
    gone
        There is nothing more to read, and the file was removed or cannot be.

    """

    def __init__(self, file: RingFile, clock: Clock, processes: Processes, positions: Mapping[str, int]) -> None:
        ours = processes.is_ours(file.header)
        self.stream = _stream(file.header, ours=ours)
        self.source = f"{clean(file.path.name)}:{file.header.created_monotonic_ns:x}:{file.header.boot_id.hex()[:12]}"
        self.inode = file.inode
        self.gone = False
        self._file = file
        self._clock = clock
        self._processes = processes
        self._process = f"process {file.header.pid}{'' if ours else ', not one of this container'}"
        self._other_boot = processes.is_other_boot(file.header)
        self._rows = self._make_rows(file.header)
        self._classes = tuple(file.header.identity.classes)
        self._continued = self.source in positions
        file.next_seq = max(1, positions.get(self.source, 0) + 1)
        self._dropped = file.dropped if self._continued else 0
        self._uncopied = 0
        self._phase: Literal["new", "open", "silent", "ended"] = "new"
        self._failure: RingError | OSError | None = None
        self._dead = False
        self._news_ns = self._look_ns = self._uncopied_ns = self._ended_ns = clock.monotonic_ns()

    def collect(self, max_records: int, max_bytes: int) -> tuple[list[Item], int]:
        """Return what is new, and how many bytes of records that took. Raises RingError, OSError."""
        now = self._clock.monotonic_ns()
        if self._failure is not None:
            raise self._failure
        if self._phase == "ended":
            if now - self._ended_ns >= _KEEP_NS:
                self._remove()
            return [], 0
        if now >= self._look_ns:
            self._look_ns = now + _LOOK_NS
            # Before reading: what a dead writer left is complete, and nothing can come after it.
            self._dead = self._processes.life(self._file.header) == "dead"
        got = self._read(now, max_records, max_bytes)
        items = [*self._announce(got), *self._losses(got, now), *self._blocks(got)]
        if got.batches or got.full:
            self._news_ns = now
        elif self._dead:
            items += self._end(now)
        else:
            items += self._notice_silence(now)
        return items, got.size

    @property
    def filling(self) -> bool:
        """Whether a quarter of the ring waits to be read."""
        if self._phase == "ended" or self._failure is not None:
            return False
        try:
            return self._file.holds(self._file.header.slot_count // 4)
        except (RingError, OSError):
            return True  # told by `collect`

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @staticmethod
    def _make_rows(header: RingHeader) -> RowMaker:
        return RowMaker(header.identity, header.first_id)

    def _read(self, now: int, max_records: int, max_bytes: int) -> _Read:
        got = _Read(first_seq=self._file.next_seq)
        now_there = _END_OF_TIME if self._other_boot else now
        while got.records < max_records and got.size < max_bytes and got.full:
            try:
                dropped = self._file.refresh()
                records = self._file.read(now_there, max_records - got.records, final=self._dead)
                got.add(records)
                got.dropped, self._dropped = got.dropped + max(0, dropped - self._dropped), dropped
                if len(records.heads):
                    got.batches.append(self._make(records, got))
            except (RingError, OSError) as error:
                if not got.batches:
                    raise
                self._failure = error  # told in the next call: what was read before is handed out first
                break
        return got

    def _make(self, records: Records, got: _Read) -> Rows:
        signature = records.heads["signature"]
        if int(signature.max()) >= len(self._file.signatures):
            self._file.refresh()
        known = signature < len(self._file.signatures)
        if not known.all():
            got.damaged += int((~known).sum())
            records = replace(records, slots=records.slots[known], heads=records.heads[known])
        return self._rows.make(records, self._file.signatures)

    def _announce(self, got: _Read) -> Iterator[StreamChange]:
        if self._phase == "open" or (not got.batches and (self._phase == "silent" or (self._dead and self._continued))):
            return
        identity = self._file.header.identity
        start = got.first_seq + got.overwritten
        if self._phase == "silent":
            how = f"goes on at record {start}"
        elif self._continued:
            how = f"continued at record {start}, {got.overwritten} records lost while the agent was away"
        else:
            how = f"begins at record {start}" + ("; earlier ones are gone" if got.overwritten else "")
        on = f" on {identity.provider}" if identity.provider else ""
        yield self._change("opened", f"{identity.runtime or 'runtime unknown'}{on}, {self._process}; {how}")

    def _losses(self, got: _Read, now: int) -> Iterator[StreamChange]:
        first_look = self._phase == "new"
        if got.batches or not (self._dead and self._continued):
            self._phase = "open" if got.batches or self._phase == "new" else self._phase
        if got.overwritten and (self._continued or not first_look):
            why = "while the agent was away" if first_look else "before the agent could read them"
            yield self._change("lost", f"{got.overwritten} records were overwritten {why}", got.overwritten)
        if got.damaged:
            yield self._change("lost", f"{got.damaged} records were begun and never finished", got.damaged)
        if got.dropped:
            yield self._change("dropped", f"the probe dropped {got.dropped} records", got.dropped)
        self._uncopied += sum(rows.uncopied for rows in got.batches)
        if self._uncopied and now >= self._uncopied_ns:
            yield self._change("dropped", f"{self._uncopied} rows of batches too large to copy whole", self._uncopied)
            self._uncopied, self._uncopied_ns = 0, now + _UNCOPIED_NS

    def _blocks(self, got: _Read) -> Iterator[Item]:
        for rows in got.batches:
            for end_ns, change in rows.changes:
                time_ns = int(self._walls_ns(np.array([end_ns], np.int64))[0])
                yield self._change(change.kind, change.detail, time_ns=time_ns)
        for signals, group in groupby((rows for rows in got.batches if len(rows)), key=lambda rows: rows.signals):
            same = list(group)
            yield Block(
                stream=self.stream,
                signals=signals,
                time_ns=self._walls_ns(np.concatenate([rows.end_ns for rows in same])),
                latency_s=np.concatenate([rows.latency_s for rows in same]),
                status=np.concatenate([rows.status for rows in same]),
                values=np.concatenate([rows.values for rows in same]),
                source=self.source,
                last_seq=same[-1].last_seq,
                ids=np.concatenate([rows.ids for rows in same]),
                classes=self._classes,
            )

    def _end(self, now: int) -> Iterator[StreamChange]:
        """Say that the ring is done; a ring that a former agent had finished goes without a word."""
        if self._phase in {"open", "silent"}:
            yield self._change("closed", f"{self._process} has ended, and all that it left was read")
        self._phase, self._ended_ns = "ended", now

    def _notice_silence(self, now: int) -> Iterator[StreamChange]:
        quiet, unchanged = now - self._news_ns, self._clock.wall_ns() - self._file.modified_ns()
        quiet = min(quiet, unchanged) if unchanged >= 0 else quiet  # it was written by a clock that was ahead
        if quiet < _SILENT_NS or self._processes.life(self._file.header) != "unknown":
            return
        if self._phase == "open":
            self._phase = "silent"
            yield self._change("closed", "no record for 15 minutes, and its process cannot be seen from here")
        elif quiet >= _FORGOTTEN_NS:
            self._remove()

    def _remove(self) -> None:
        self.gone = True
        with suppress(OSError):  # another agent was first, or the directory is not ours to write: it is closed anyway
            self._file.remove()

    def _walls_ns(self, monotonic_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        if self._other_boot:
            return monotonic_ns + (self._file.header.created_wall_ns - self._file.header.created_monotonic_ns)
        return self._clock.walls_ns(monotonic_ns)

    def _change(self, kind: ChangeKind, detail: str, count: int = 0, time_ns: int | None = None) -> StreamChange:
        return StreamChange(
            stream=self.stream,
            kind=kind,
            time_ns=self._clock.wall_ns() if time_ns is None else time_ns,
            detail=detail,
            count=count,
            source=self.source,
        )


@dataclass(slots=True)
class _Read:
    """What one call took out of the ring."""

    first_seq: int
    batches: list[Rows] = field(default_factory=list)
    records: int = 0
    size: int = 0
    overwritten: int = 0
    damaged: int = 0
    dropped: int = 0
    full: bool = True  # until a read says that it came to the end

    def add(self, read: Records) -> None:
        self.records += len(read.heads)
        self.size += read.slots.nbytes
        self.overwritten += read.overwritten
        self.damaged += read.damaged
        self.full = read.full


def _stream(header: RingHeader, *, ours: bool) -> Stream:
    identity = header.identity
    return Stream(
        model=identity.model,
        version=identity.version,
        sha256=identity.sha256,
        runtime=identity.runtime,
        provider=identity.provider,
        pid=header.pid if ours else 0,
    )
