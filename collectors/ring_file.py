"""One open ring file: takes whole, settled records out of it in the order of their sequence numbers.

Reads with `pread`, never through a memory map: a file that is cut short under us gives a short read, not SIGBUS. The
writer is never waited for and never trusted; memory is bounded by BATCH_BYTES whatever the file says.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from driftline import wire

from collectors.ring_header import RingError, RingHeader, read_counters, read_header, read_signatures

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from collectors.ring_header import Signature

BATCH_BYTES = 2 << 20
_READ_BYTES = 256 << 10
SETTLE_NS = 5_000_000  # a record this old is complete, in memory order too
_HOLE_NS = 500_000_000  # a record that is not finished so long after a later one was found never will be
_AHEAD_NS = 1_000_000_000  # no call ends this far in the future
_MAX_SEQUENCE = 1 << 62
_LOOK_AHEAD = 32
_MAX_PASSES = 64  # a file that always looks new must not hold the agent up

HEAD_TYPE = np.dtype(
    [
        ("seq", "u8"),
        ("end_ns", "u8"),
        ("duration_ns", "u8"),
        ("rows", "u4"),
        ("signature", "u2"),
        ("status", "u1"),
        ("pad", "u1"),
    ]
)


@dataclass(frozen=True, slots=True)
class Records:
    """Records in order: their slots as bytes [n, slot_bytes], and the heads as fields. Both are copies.

    `overwritten` and `damaged` count the records that were passed over to get here; `last_seq` is where reading stands.
    `full` tells that the read stopped at its bound, not at the end of what there is.
    """

    slots: NDArray[np.uint8]
    heads: NDArray[np.void]
    overwritten: int
    damaged: int
    last_seq: int
    full: bool


class RingFile:
    """An open ring.

    Parameters
    ----------
    path
        The file; it is opened without following a link and without waiting for a FIFO's other end.

    Raises
    ------
    RingError
        The file is no ring, or not a sound one.
    OSError
        The file cannot be opened.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not stat.S_ISREG(os.lstat(path).st_mode):  # to open a device can have effects of its own
            raise RingError("is not a regular file")
        self._fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            found = os.fstat(self._fd)
            if not stat.S_ISREG(found.st_mode):
                raise RingError("is not a regular file")  # noqa: TRY301  # replaced since the look above
            self.inode = (found.st_dev, found.st_ino)
            header = read_header(self._fd)
            if header is None:
                raise UnwrittenError("is empty")  # noqa: TRY301  # the descriptor is closed below
            self.header: RingHeader = header
            self.signatures: tuple[Signature, ...] = ()
            self.dropped = self.refresh()
        except BaseException:
            os.close(self._fd)
            raise
        self._open = True
        self.next_seq = 1
        self._stuck_at = self._stuck_since_ns = self._look_ns = 0
        self._later = 0  # a record after those that are missing, found by the last look

    def refresh(self) -> int:
        """Read new signatures; return how many records the probe dropped so far. Raises RingError."""
        dropped, count = read_counters(self._fd)
        if count != len(self.signatures):
            payload = self.header.slot_bytes - wire.RECORD_OVERHEAD
            self.signatures = read_signatures(self._fd, count, payload)
        return dropped

    def read(self, now_ns: int, limit: int, *, final: bool) -> Records:
        """Take up to `limit` records, and at most BATCH_BYTES of them.

        Parameters
        ----------
        now_ns
            The time on the clock that stamps the records; None of the younger than SETTLE_NS is taken.
        limit
            At most so many records.
        final
            The writer is dead: what is unfinished now stays so.

        Raises
        ------
        RingError
            The file was cut short, or holds what no writer writes.

        """
        count = self.header.slot_count
        room = max(1, min(limit, BATCH_BYTES // self.header.slot_bytes))
        taken: list[NDArray[np.uint8]] = []
        had = overwritten = damaged = 0
        for _ in range(_MAX_PASSES):
            if had >= room:
                break
            if not self.holds(0):
                skipped = self._pass_holes(now_ns, final=final)
                damaged += skipped
                if skipped:
                    continue
                break
            at = self.next_seq % count
            slots, ready = self._read_twice(at, min(room - had, count - at), now_ns)
            if ready:
                taken.append(slots[:ready])
                had += ready
                self.next_seq += ready
                continue
            lapped = self._pass_overwritten(slots)
            overwritten += lapped
            if not lapped:
                skipped = self._pass_unfinished(slots, now_ns, final=final)
                damaged += skipped
                if not skipped:
                    break
        slots = np.concatenate(taken) if taken else np.empty((0, self.header.slot_bytes), np.uint8)
        heads = slots[:, : wire.HEAD.size].copy().view(HEAD_TYPE)[:, 0]
        return Records(slots, heads, overwritten, damaged, self.next_seq - 1, had >= room)

    def holds(self, more: int) -> bool:
        """Whether there are more than so many new records, by one slot's number: that should cost nothing.

        Raises RingError where the file was cut short, OSError.
        """
        seq = self.next_seq + more
        raw = os.pread(self._fd, 8, wire.HEADER_BYTES + self._slot(seq) * self.header.slot_bytes)
        if len(raw) < 8:  # noqa: PLR2004  # bytes of a sequence number
            raise RingError("was cut short while it was read")
        (found,) = wire.TAIL.unpack(raw)
        return bool(found >= seq)

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._open:
            self._open = False
            os.close(self._fd)

    def remove(self) -> None:
        """Unlink the file, if the path still names the one that is open. Raises OSError."""
        found = self.path.lstat()
        if (found.st_dev, found.st_ino) == self.inode:
            self.path.unlink()

    def modified_ns(self) -> int:
        """Wall time at which the file was last written to."""
        return os.fstat(self._fd).st_mtime_ns

    def _slot(self, seq: int) -> int:
        return seq % self.header.slot_count

    def _read_slots(self, at: int, count: int) -> NDArray[np.uint8]:
        size = self.header.slot_bytes
        count = max(1, min(count, _READ_BYTES // size))
        raw = os.pread(self._fd, count * size, wire.HEADER_BYTES + at * size)
        if len(raw) < count * size:
            raise RingError("was cut short while it was read")
        return np.frombuffer(raw, np.uint8).reshape(count, size)

    def _read_twice(self, at: int, count: int, now_ns: int) -> tuple[NDArray[np.uint8], int]:
        """Return slots, and how many of the leading ones hold the expected record, whole, settled, twice the same."""
        slots = self._read_slots(at, count)
        ready = self._ready(slots, now_ns)
        if not ready:
            return slots, 0
        again = self._read_slots(at, ready)
        same = (slots[:ready].view(np.uint64) == again.view(np.uint64)).all(axis=1)
        return again, ready if same.all() else int(np.argmin(same))

    def _ready(self, slots: NDArray[np.uint8], now_ns: int) -> int:
        words = slots.view(np.uint64)
        expected = np.arange(self.next_seq, self.next_seq + len(slots), dtype=np.uint64)
        whole = (words[:, 0] == expected) & (words[:, -1] == expected)
        settled = words[:, 1] <= np.uint64(max(0, now_ns - SETTLE_NS))
        good = whole & settled
        return len(slots) if good.all() else int(np.argmin(good))

    def _pass_overwritten(self, slots: NDArray[np.uint8]) -> int:
        """Step over what the writer has overwritten; return how many records that was."""
        heads = slots.view(np.uint64)[:, 0]
        expected = np.arange(self.next_seq, self.next_seq + len(slots), dtype=np.uint64)
        newer = (heads > expected) & (heads < _MAX_SEQUENCE) & ((heads - expected) % self.header.slot_count == 0)
        if not newer[0]:
            return 0
        run = len(slots) if newer.all() else int(np.argmin(newer))
        lost = int(heads[run - 1]) + 1 - self.header.slot_count - self.next_seq
        self.next_seq += lost
        return lost

    def _pass_unfinished(self, slots: NDArray[np.uint8], now_ns: int, *, final: bool) -> int:
        """Step over records that no writer will finish; return how many, 0 to wait for them."""
        head, end_ns, tail = (int(slots[0].view(np.uint64)[i]) for i in (0, 1, -1))
        if head == tail == self.next_seq:
            if end_ns <= now_ns + _AHEAD_NS:
                return 0  # whole, and too young
            self.next_seq += 1
            return 1
        skipped = self._pass_holes(now_ns, final=final)
        impossible = head >= _MAX_SEQUENCE or self._slot(head) != self._slot(self.next_seq)
        if impossible and not (skipped or self._later) and now_ns - self._stuck_since_ns >= _HOLE_NS:
            raise RingError(f"holds record {head} in a slot where it cannot be")
        return skipped

    def _pass_holes(self, now_ns: int, *, final: bool) -> int:
        """Step over records that are missing long after a later one was found; return how many those were.

        To find one that is missing and a later one that is there says nothing: it may have been written in between.
        """
        if self._stuck_at != self.next_seq:
            self._stuck_at, self._stuck_since_ns, self._later = self.next_seq, now_ns, 0
            self._look_ns = now_ns + _HOLE_NS
        if not final and now_ns < self._look_ns:
            return 0
        self._look_ns = now_ns + _HOLE_NS
        if final or not self._later:
            near = range(self.next_seq + 1, self.next_seq + min(_LOOK_AHEAD, self.header.slot_count))
            self._later = next(filter(self._is_whole, near), 0)
            if not final:
                return 0  # by the next look all before it should be finished
        first = self.next_seq
        while self.next_seq < self._later and not self._is_whole(self.next_seq):
            self.next_seq += 1
        return self.next_seq - first

    def _is_whole(self, seq: int) -> bool:
        words = self._read_slots(self._slot(seq), 1).view(np.uint64)[0]
        return bool(words[0] == words[-1] == np.uint64(seq))


class UnwrittenError(RingError):
    """The file is there and its header is not: a ring that is being made, or that never will be."""
