"""The ring collector: finds the rings that probes write, reads them, and clears away those of the dead.

Rings come from anyone who may write to a run directory, so a bad one costs itself only: one `unreadable` change, once.
Bounded: MAX_RINGS open, MAX_LISTED names a directory looked at, a number of records and bytes a call.
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from driftline import wire

from agent.model import Stream, StreamChange
from collectors.ring_file import RingFile, UnwrittenError
from collectors.ring_header import RingError, clean
from collectors.ring_process import Processes
from collectors.ring_source import RingSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from agent.clock import Clock
    from agent.ports import Item

MAX_RINGS = 256
_MAX_LISTED = 4_096
_MAX_RECORDS = 20_000  # of one ring in one call
_MAX_BYTES = 64 << 20  # of all rings in one call
_SCAN_NS = 1_000_000_000
_UNWRITTEN_NS = 2_000_000_000  # a ring gets its header before its name; one without for so long is none


class RingCollector:
    """Yields the blocks and changes of all rings in some directories.

    Parameters
    ----------
    directories
        Where to look; they need not exist.
    clock
        Time; its monotonic clock must be the one that the probes stamp records with.
    positions
        Source of a ring to the sequence number of its last record that was committed.
    processes
        Who tells whether a writer lives; by default the machine's /proc.

    """

    name = "rings"
    suffix = wire.SUFFIX
    source = RingSource

    def __init__(
        self,
        directories: Sequence[Path],
        clock: Clock,
        positions: Mapping[str, int] | None = None,
        processes: Processes | None = None,
    ) -> None:
        self._directories = tuple(directories)
        self._clock = clock
        self._positions = dict(positions or {})
        self._processes = processes or Processes()
        self._rings: dict[Path, RingSource] = {}
        self._refused: dict[Path, tuple[int, int]] = {}  # files that were told of, by what lay there then
        self._unwritten: dict[Path, int] = {}
        self._crowded = False
        self._scan_at_ns = clock.monotonic_ns()
        self._turn = 0

    def collect(self) -> list[Item]:
        """Return what is new in the rings."""
        items: list[Item] = []
        if self._clock.monotonic_ns() >= self._scan_at_ns:
            self._scan_at_ns = self._clock.monotonic_ns() + _SCAN_NS
            items += self._scan()
        # Whose turn is first moves on, so that no ring is starved by a busy one when the bytes of a call are used up.
        paths = list(self._rings)
        self._turn = (self._turn + 1) % max(1, len(paths))
        room = _MAX_BYTES
        for path in paths[self._turn :] + paths[: self._turn]:
            if room <= 0:
                break
            ring = self._rings[path]
            try:
                found, used = ring.collect(_MAX_RECORDS, room)
            except (RingError, OSError) as error:
                self._drop(path)
                items.append(self._refuse(path, error, ring.stream, ring.source))
                continue
            room -= used
            items += found
            if ring.gone:
                self._drop(path)
                left = _what_lies_at(path)
                if left == ring.inode:
                    self._refused[path] = left  # could not be removed; it was read to its end
        return items

    @property
    def filling(self) -> bool:
        """Whether a ring is a quarter full, or cannot be read: that shows in the next call."""
        return any(ring.filling for ring in list(self._rings.values()))

    def close(self) -> None:
        """Close the files. May be called twice."""
        for path in list(self._rings):
            self._drop(path)

    def _drop(self, path: Path) -> None:
        self._rings.pop(path).close()

    def _scan(self) -> Iterator[StreamChange]:
        listed = {path for directory in self._directories for path in _list_rings(directory, self.suffix)}
        self._refused = {path: what for path, what in self._refused.items() if path in listed}
        self._unwritten = {path: since for path, since in self._unwritten.items() if path in listed}
        open_files = {ring.inode for ring in self._rings.values()}
        for path in sorted(listed - self._rings.keys()):
            if self._refused.get(path) == _what_lies_at(path):
                continue
            if len(self._rings) >= MAX_RINGS:
                if not self._crowded:
                    self._crowded = True
                    yield self._change(path, f"{_shown(path)} is not read: {MAX_RINGS} rings are open already")
                return
            change = self._open(path, open_files)
            if change is not None:
                yield change
        self._crowded = False

    def _open(self, path: Path, open_files: set[tuple[int, int]]) -> StreamChange | None:
        """Begin to read a ring; return a change where that cannot be."""
        try:
            ring = RingFile(path)
        except FileNotFoundError:
            return None  # its writer took it away since the directory was listed
        except UnwrittenError as error:
            since = self._unwritten.setdefault(path, self._clock.monotonic_ns())
            if self._clock.monotonic_ns() - since < _UNWRITTEN_NS:
                return None
            return self._refuse(path, error)
        except (RingError, OSError) as error:
            return self._refuse(path, error)
        source = self.source(ring, self._clock, self._processes, self._positions)
        if ring.inode in open_files or any(other.source == source.source for other in self._rings.values()):
            ring.close()
            return self._refuse(path, RingError("is a second name or a copy of a ring that is open already"))
        self._rings[path] = source
        open_files.add(ring.inode)
        return None

    def _refuse(
        self, path: Path, error: RingError | OSError, stream: Stream | None = None, source: str = ""
    ) -> StreamChange:
        lies_there = _what_lies_at(path)
        if lies_there is not None:
            self._refused[path] = lies_there
        self._unwritten.pop(path, None)
        reason = str(error) if isinstance(error, RingError) else f"cannot be read: {error.strerror or error}"
        return self._change(path, f"{_shown(path)} {reason}", stream, source)

    def _change(self, path: Path, detail: str, stream: Stream | None = None, source: str = "") -> StreamChange:
        return StreamChange(
            stream=stream or Stream(model=clean(path.name)),
            kind="unreadable",
            time_ns=self._clock.wall_ns(),
            detail=detail,
            source=source or clean(path.name),
        )


def _list_rings(directory: Path, suffix: str) -> Iterator[Path]:
    try:
        with os.scandir(directory) as entries:
            for entry in islice(entries, _MAX_LISTED):
                if entry.name.endswith(suffix) and not entry.name.startswith("."):
                    yield Path(entry.path)
    except OSError:
        return  # a directory that is not there yet, or not ours to read, has no rings for us


def _what_lies_at(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _shown(path: Path) -> str:
    return clean(str(path), 256)
