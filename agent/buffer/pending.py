"""Rows that wait for the next commit: bounded in memory, the oldest discarded and counted beyond it."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from msgspec import structs

from agent.clock import Stamp, utc
from agent.model import Block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.model import Reading
    from agent.steady import Step
    from agent.truth import LabelRecord

_LATEST_NS = 8_000_000_000 * 10**9  # year 2223, before int64 ends
_NEVER = Stamp("", 0, 0, 0)
_READING_BYTES = 300  # a Reading with its labels, as Python keeps it
_LABEL_BYTES = 500
_ROW_BYTES = 25  # time, latency, status and id of a row


@dataclass(frozen=True, slots=True)
class Told:
    """Labels that came together, and how far their ring was read."""

    records: tuple[LabelRecord, ...]
    source: str = ""
    last_seq: int = 0

    def __len__(self) -> int:
        return len(self.records)


Waiting = Block | list["Reading"] | Told


@dataclass(slots=True)
class Batch:
    """What goes to the disk in one transaction, under one id."""

    id: int = 0
    blocks: list[Block] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    labels: list[LabelRecord] = field(default_factory=list)
    read_to: dict[str, int] = field(default_factory=dict)  # rings of labels
    failures: int = 0
    stamp: Stamp = _NEVER  # when it was made up, and by which clock its times are
    observed_ns: int = 0  # as `agent.buffer.age` counts

    @property
    def rows(self) -> int:
        """How many inferences."""
        return sum(map(len, self.blocks))

    @property
    def day(self) -> str:
        """The day of its newest row, reading or label; where it has none, that of its making."""
        times = [int(block.time_ns.max()) for block in self.blocks if len(block)]
        times += [reading.time_ns for reading in self.readings[-1:]]
        newest = max([*times, *(record.told_ns for record in self.labels[-1:])], default=self.stamp.wall_ns)
        return utc(min(max(newest, 0), _LATEST_NS)).strftime("%Y%m%d")

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        return sum(map(_size, self.blocks)) + _READING_BYTES * len(self.readings) + _LABEL_BYTES * len(self.labels)

    @property
    def positions(self) -> dict[str, int]:
        """The last sequence number of each source in it."""
        return {block.source: block.last_seq for block in self.blocks if block.source} | self.read_to


class Pending:
    """A queue of blocks and readings. Safe to fill from one thread while another takes."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._lock = threading.Lock()
        self._items: deque[Waiting] = deque()
        self._bytes = 0
        self.discarded_rows = 0
        self.discarded_readings = 0
        self.discarded_labels = 0

    @property
    def notes(self) -> list[str]:
        """What was discarded beside rows, in words."""
        lost = ((self.discarded_readings, "host readings"), (self.discarded_labels, "labels"))
        return [f"{count} {what} were discarded for want of room" for count, what in lost if count]

    @property
    def waiting(self) -> bool:
        """Whether anything waits."""
        return bool(self._items)

    def add(self, blocks: Sequence[Block], readings: Sequence[Reading]) -> None:
        """Take rows in. Raises ValueError for a block whose arrays do not fit together."""
        for block in blocks:
            count = len(block)
            if (
                block.values.shape != (count, len(block.signals))
                or not len(block.latency_s) == len(block.status) == count
            ):
                raise ValueError(f"a block of {block.stream.key} has arrays of different lengths")
        with self._lock:
            self._items.extend(blocks)
            if readings:
                self._items.append(list(readings))
            self._bytes += sum(map(_size, blocks)) + _READING_BYTES * len(readings)
            self._trim()

    def add_labels(self, told: Told) -> None:
        """Take labels in."""
        with self._lock:
            self._items.append(told)
            self._bytes += _size(told)
            self._trim()

    def take(self, most_bytes: int) -> Batch:
        """Remove the oldest items, `most_bytes` of them or a single larger one."""
        batch, taken = Batch(), 0
        with self._lock:
            while self._items and (not taken or taken + _size(self._items[0]) <= most_bytes):
                item = self._items.popleft()
                taken += _size(item)
                if isinstance(item, Block):
                    batch.blocks.append(item)
                elif isinstance(item, Told):
                    batch.labels.extend(item.records)
                    if item.source:
                        batch.read_to[item.source] = item.last_seq
                else:
                    batch.readings.extend(item)
            self._bytes -= taken
        return batch

    def rebase(self, step: Step) -> None:
        """Correct the times of what waits, after the clock was set."""
        with self._lock:
            self._items = deque(_moved(item, step) for item in self._items)

    def trim(self, held_bytes: int) -> None:
        """Keep the bound while `held_bytes` more are held elsewhere."""
        with self._lock:
            self._trim(held_bytes)

    def _trim(self, held_bytes: int = 0) -> None:
        while self._items and self._bytes + held_bytes > self._limit:
            item = self._items.popleft()
            self._bytes -= _size(item)
            if isinstance(item, Block):
                self.discarded_rows += len(item)
            elif isinstance(item, Told):
                self.discarded_labels += len(item)
            else:
                self.discarded_readings += len(item)


def _moved(item: Waiting, step: Step) -> Waiting:
    if isinstance(item, Block):
        return replace(item, time_ns=step.moved_all(item.time_ns))
    if isinstance(item, Told):
        records = (
            structs.replace(one, told_ns=step.moved(one.told_ns), inferred_ns=step.moved(one.inferred_ns))
            for one in item.records
        )
        return replace(item, records=tuple(records))
    return [structs.replace(reading, time_ns=step.moved(reading.time_ns)) for reading in item]


def _size(item: Waiting) -> int:
    if isinstance(item, Block):
        return item.values.nbytes + _ROW_BYTES * len(item) + 200
    return (_LABEL_BYTES if isinstance(item, Told) else _READING_BYTES) * len(item)
